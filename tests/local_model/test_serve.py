"""``midstream serve`` without a word: the local model is asked."""

import os
import signal
import sys

import httpx2
import openai

from midstream import local
from processes import posix
from serving import serving

EMPTIED = dict.fromkeys(
    ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MIDSTREAM_CONFIG", "MIDSTREAM_UPSTREAM", "OPENAI_API_KEY"], ""
)
"""What would name somebody else to ask."""


@posix
def test_serve_without_a_configuration_and_without_a_key_asks_the_local_model(weights, tmp_path):
    words = [sys.executable, "-m", "midstream", "serve", "--listen", "127.0.0.1:0"]
    environment = os.environ | EMPTIED | {"MIDSTREAM_MODEL": str(weights)}
    with serving(words, env=environment, cwd=tmp_path) as (process, url):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        said = [{"role": "user", "content": "Hello"}]
        answer = client.chat.completions.create(model=local.MODEL.name, messages=said, max_tokens=8, temperature=0)
        assert answer.usage.completion_tokens > 0
        (stream,) = httpx2.get(f"{url}/midstream/v1/streams", trust_env=False).json()["streams"]
        assert (stream["upstream"], stream["end"]["state"]) == ("local", "complete")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.readline().startswith("midstream: no configuration and no key; asking ")
