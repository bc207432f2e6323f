"""Let the local model answer the demo's first prompt without a guard, and keep the answer for ``demo --fast``."""

import dataclasses

from midstream import local
from midstream.cli.demo import PROMPTS, RECORDING, request_of
from midstream.cli.runs import Answer
from midstream.stream import Recording, Settings, replay


def main() -> None:
    request = request_of(PROMPTS[0])
    with local.Server() as server:
        chunks = list(Answer(server.address, request).chunks())
    recording = Recording(
        chunks=chunks,
        framing="sse",
        dialect="openai-completions",
        provider="llama.cpp",
        model=local.MODEL.name,
        request=request,
        end_ns=chunks[-1][0],
    )
    usage = replay(recording, Settings(shadow=True)).usage
    recording = dataclasses.replace(recording, usage={"input": usage.input, "output": usage.output})
    recording.save(RECORDING)
    print(f"{recording} written to {RECORDING}")


if __name__ == "__main__":
    main()
