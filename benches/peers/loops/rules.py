"""Published rules that stop a repeating LLM stream, ported from their parameters.

Every rule takes the chunks of one text channel, as they were streamed, and returns the number of characters that had arrived
when it fired, or None. They are measured beside `midstream.stream` and never imported by it.
Offsets count code points; the TypeScript original counts UTF-16 units.
"""

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence

Rule = Callable[[Sequence[str]], "int | None"]

# One CJK, kana or Hangul character, one word, or one mark. Model tokens are near to this; white space is no token.
_SINGLE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SINGLE}]|[^\W{_SINGLE}]+|[^\w\s]")
_WORD_MARKS_JOINED = re.compile(rf"[{_SINGLE}]|[^\W{_SINGLE}]+|([!-/:-@\[-`{{-~])\1*|[^\w\s]")


def same_chunk(limit: int = 100, shortest: int = 3) -> Rule:
    """Rule of LiteLLM: the last `limit` chunks are equal.

    Parameters
    ----------
    limit : int, >= 2
        Equal chunks that fire. LiteLLM: ``REPEATED_STREAMING_CHUNK_LIMIT``, 100; the 100th equal chunk fires.
    shortest : int, >= 1, characters
        Shorter chunks never fire. LiteLLM: 3, so a loop of one or two characters a chunk is not seen.

    References
    ----------
    BerriAI/litellm, ``CustomStreamWrapper.safety_checker``, later ``raise_on_model_repetition``, in
    litellm/litellm_core_utils/streaming_handler.py; issue 5158 for the length.

    Examples
    --------
    >>> same_chunk(limit=3)(["abc"] * 5)
    9
    """

    def fires(chunks: Sequence[str]) -> int | None:
        last, count, offset = "", 0, 0
        for chunk in chunks:
            offset += len(chunk)
            count = count + 1 if chunk == last else 1
            last = chunk
            if count >= limit and len(chunk) >= shortest:
                return offset
        return None

    return fires


def same_token(limit: int = 30) -> Rule:
    """Rule of the Ollama runner: one token, white space trimmed, follows itself more than `limit` times.

    Parameters
    ----------
    limit : int, >= 1
        Repeats allowed after the first. Ollama: 30 until September 2026, then 100 (pull request 18374).

    Notes
    -----
    A chunk stands for a token, as in Ollama, where each streamed piece is one. Chunks of white space alone are equal to each
    other, so 32 blank lines fire too.

    References
    ----------
    ollama/ollama, ``Completion`` in llm/server.go ("token repeat limit reached"); pull request 18374.

    Examples
    --------
    >>> same_token(limit=1)(["a", " a", "a"])
    4
    """

    def fires(chunks: Sequence[str]) -> int | None:
        last, repeats, offset = "", 0, 0
        for chunk in chunks:
            offset += len(chunk)
            token = chunk.strip()
            repeats = repeats + 1 if token == last else 0
            last = token
            if repeats > limit:
                return offset
        return None

    return fires


def pattern_at_end(shortest: int, longest: int, copies: int, *, tokens: str = "words") -> Rule:
    """Rule of vLLM and llama.cpp: the output ends in `copies` equal patterns of tokens.

    Parameters
    ----------
    shortest, longest : int, 1 <= shortest <= longest, tokens
        Lengths of pattern that are tried after every token. vLLM for structured output: 1 to 20 with 3 copies; the values its
        reviewers and other users advise: 4 to 64 with 4 copies; llama.cpp: 16 to 1024 with 4 copies.
    copies : int, >= 2
        Equal patterns in a row, the first included.
    tokens : {"words", "words, marks joined", "chunks"}
        What stands for a token. "words": words, single CJK characters and single marks. "words, marks joined": a run of one
        ASCII mark is one token, for files. "chunks": each chunk, which is right for streams of one token a chunk.

    Notes
    -----
    ``O(k)`` a token that came k times among the last `longest`. A pattern of 5 tokens is also one of 20, so a lower bound of 16 delays short loops and does not
    hide them. The offset is the end of the token that fires, also where its chunk is longer.

    References
    ----------
    vllm-project/vllm, ``check_sequence_repetition`` in vllm/v1/core/sched/utils.py, pull requests 35451 and 40097 (1-20 x 3),
    52677 (4 and 4 copies advised, up to 128). ggml-org/llama.cpp, pull request 26039 (16-1024 x 4).

    Examples
    --------
    >>> pattern_at_end(1, 20, 3)(["a b ", "a b ", "a b ", "c"])
    11
    """

    def fires(chunks: Sequence[str]) -> int | None:
        places: dict[str, deque[int]] = {}
        equal: dict[int, int] = {}  # lag: tokens in a row that equal the one this far before
        for index, (token, offset) in enumerate(_tokens(chunks, tokens)):
            earlier = places.setdefault(token, deque())
            while earlier and index - earlier[0] > longest:
                earlier.popleft()
            still = {}
            for place in earlier:
                lag = index - place
                if lag < shortest:
                    break
                still[lag] = equal.get(lag, 0) + 1
                if still[lag] >= lag * (copies - 1):
                    return offset
            equal = still
            earlier.append(index)
        return None

    return fires


def clustered_chunk(distance: float = 1.5, distinct_periods: int | None = None, *, arrival: int | None = None) -> Rule:
    """Rule of gemini-cli: one string of 50 characters comes back 10 times, close together.

    Parameters
    ----------
    distance : float, > 0
        Largest mean distance of the last 10 places, in units of 50 characters. The method's comment has always said 1.5; the
        code of the first releases has 1.5, that of the releases since has 5.
    distinct_periods : int, optional
        Most different texts allowed between the 10 places. Default: not checked. gemini-cli: 5, since 2026.
    arrival : int, >= 1, characters, optional
        Cut the text into pieces of this length first, as a server that sends whole sentences does. Default: as streamed.

    Notes
    -----
    State is reset by any chunk that shows a fence, table row, list item, heading, quote or divider, and nothing is read inside
    a fence. The original's two character ranges are kept: its list pattern does not match ``-``, and its divider pattern
    matches any chunk made only of capitals, digits and ``,./:;<=>?@[\\]^_``. So with one token a chunk a lone comma, full
    stop or digit resets the state: a loop of sentences is not seen.

    References
    ----------
    google-gemini/gemini-cli, ``checkContentLoop`` in packages/core/src/services/loopDetectionService.ts.

    Examples
    --------
    >>> clustered_chunk()(["around and around "] * 40)
    216
    """

    def fires(chunks: Sequence[str]) -> int | None:
        if arrival is not None:
            text = "".join(chunks)
            chunks = [text[at : at + arrival] for at in range(0, len(text), arrival)]
        history, offset, fenced = _ChunkHistory(distance, distinct_periods), 0, False
        for chunk in chunks:
            offset += len(chunk)
            fences, divider = chunk.count("```"), _DIVIDER.match(chunk) is not None
            if fences or divider or any(pattern.search(chunk) for pattern in _ELEMENTS):
                history.reset()
            was_fenced, fenced = fenced, fenced ^ (fences % 2 == 1)
            if not (was_fenced or fenced or divider) and history.push(chunk):
                return offset
        return None

    return fires


RULES: dict[str, Rule] = {
    "LiteLLM: same chunk 100 times": same_chunk(),
    "Ollama: same token > 30 times": same_token(30),
    "Ollama since 2026-09: > 100 times": same_token(100),
    "gemini-cli: 50 characters x 10 within 1.5, as streamed": clustered_chunk(1.5),
    "gemini-cli: the same, 120-character chunks": clustered_chunk(1.5, arrival=120),
    "gemini-cli 2026: within 5, <= 5 periods, as streamed": clustered_chunk(5, 5),
    "gemini-cli 2026: the same, 120-character chunks": clustered_chunk(5, 5, arrival=120),
    "vLLM: 1-20 words x 3 (PR 40097)": pattern_at_end(1, 20, 3),
    "vLLM: 1-20 chunks x 3": pattern_at_end(1, 20, 3, tokens="chunks"),
    "vLLM: 4-64 words x 4": pattern_at_end(4, 64, 4),
    "vLLM: 4-64 chunks x 4": pattern_at_end(4, 64, 4, tokens="chunks"),
    "llama.cpp: 16-1024 words x 4 (PR 26039)": pattern_at_end(16, 1024, 4),
    "llama.cpp: 16-1024 chunks x 4": pattern_at_end(16, 1024, 4, tokens="chunks"),
}

FILE_RULES = RULES | {
    "vLLM: 1-20 words x 3 (PR 40097)": pattern_at_end(1, 20, 3, tokens="words, marks joined"),
    "vLLM: 4-64 words x 4": pattern_at_end(4, 64, 4, tokens="words, marks joined"),
    "llama.cpp: 16-1024 words x 4 (PR 26039)": pattern_at_end(16, 1024, 4, tokens="words, marks joined"),
}
"""The same for files, where a line of marks is a few tokens to a model and not eighty."""

_WIDTH = 50
_TIMES = 10
_KEPT = 5000
_DIVIDER = re.compile("[+-_=*\u2500-\u257f]+\\Z")
_ELEMENTS = (
    re.compile(r"(\A|\n)\s*(\|.*\||[|+-]{3,})"),
    re.compile(r"(\A|\n)\s*[*-+]\s"),
    re.compile(r"(\A|\n)\s*\d+\.\s"),
    re.compile(r"(\A|\n)#+\s"),
    re.compile(r"(\A|\n)>\s"),
)


class _ChunkHistory:
    """Text since the last reset, and where each of its 50-character strings began."""

    def __init__(self, distance: float, distinct_periods: int | None) -> None:
        self._widest = distance * _WIDTH
        self._distinct_periods = distinct_periods
        self.reset()

    def reset(self) -> None:
        self._text, self._next, self._places = "", 0, dict[str, list[int]]()

    def push(self, chunk: str) -> bool:
        self._text += chunk
        start = len(self._text) - _KEPT
        if start > 0:
            self._next = max(self._next, start)
        while self._next + _WIDTH <= len(self._text):
            if self._clustered(max(start, 0)):
                return True
            self._next += 1
        return False

    def _clustered(self, start: int) -> bool:
        places = self._places.setdefault(self._text[self._next : self._next + _WIDTH], [])
        places[:] = [place for place in places[-_TIMES:] if place >= start]
        places.append(self._next)
        if len(places) < _TIMES:
            return False
        recent = places[-_TIMES:]
        if (recent[-1] - recent[0]) / (_TIMES - 1) > self._widest:
            return False
        periods = {self._text[left:right] for left, right in itertools.pairwise(recent)}
        return self._distinct_periods is None or len(periods) <= self._distinct_periods


def _tokens(chunks: Sequence[str], tokens: str) -> Iterator[tuple[str, int]]:
    """Tokens and the offset of their end."""
    if tokens == "chunks":
        offset = 0
        for chunk in chunks:
            offset += len(chunk)
            yield chunk, offset
        return
    pattern = {"words": _WORD, "words, marks joined": _WORD_MARKS_JOINED}[tokens]
    for match in pattern.finditer("".join(chunks)):
        yield match.group(), match.end()
