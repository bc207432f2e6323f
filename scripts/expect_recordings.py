"""Write tests/cases/recordings.json: what every recording holds, accumulated without the project's code.

Run it as `python scripts/expect_recordings.py`. With `--check` it says whether the file is up to date; with `--sdks` it
compares what it read with what the packages anthropic, google-genai, ollama and openai make of the same recordings.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from expect import anthropic_messages, bedrock, cohere, gemini, ollama, openai_chat, openai_responses, others, sdks
from expect.bodies import Payload, payloads
from expect.endings import ENDINGS
from expect.expected import Expected

PROJECT = Path(__file__).resolve().parent.parent
CASES = PROJECT / "tests" / "cases" / "recordings.json"

# One reader per format, under the name the index of the recordings gives it.
READERS: dict[str, Callable[[list[Payload]], Expected]] = {
    "anthropic-messages": anthropic_messages.read,
    "aws-eventstream": bedrock.read,
    "bedrock-converse": bedrock.read,
    "cohere": cohere.read,
    "cohere-v2": cohere.read,
    "gemini": gemini.read,
    "gemini-interactions": gemini.read_interactions,
    "gemini-live-ws": gemini.read_live,
    "gemini-other": gemini.read_interactions,
    "mcp-streamable-http": others.read_mcp,
    "ollama-ndjson": ollama.read,
    "openai-assistants": openai_responses.read_assistants,
    "openai-chat": openai_chat.read,
    "openai-completions": openai_chat.read_completions,
    "openai-responses": openai_responses.read,
    "realtime-ws": openai_responses.read_realtime,
    "replicate": others.read_replicate,
    "watsonx": others.read_watsonx,
    "xai-grpc": others.read_xai,
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; fail where the file is out of date")
    options.add_argument("--sdks", action="store_true", help="compare with the providers' packages")
    chosen = options.parse_args()
    streams = Path(os.environ.get("MIDSTREAM_DATA") or PROJECT.parent / "shared" / "data") / "streams"
    entries = [json.loads(line) for line in (streams / "index.jsonl").read_text("utf-8").splitlines()]
    files: dict[str, Any] = {}
    failed = False
    for entry in sorted(entries, key=lambda entry: entry["file"]):
        reader = READERS.get(entry["api_format"])
        if reader is None:
            continue
        path = streams / entry["file"]
        expected = reader(payloads(path, entry["framing"]))
        files[entry["file"]] = expected.as_case(ENDINGS.get(entry["file"], "complete"))
        if chosen.sdks and (differences := sdks.compare(path, entry["framing"], expected)) is not None:
            print(f"{entry['file']}: {'; '.join(differences) or 'equal'}")
            failed |= bool(differences)
    text = json.dumps({"files": files}, indent=1, ensure_ascii=False) + "\n"
    if chosen.check:
        failed |= CASES.read_text("utf-8") != text
    elif not chosen.sdks:
        CASES.write_text(text, "utf-8")
    print(f"{len(files)} of {len(entries)} recordings have expectations")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
