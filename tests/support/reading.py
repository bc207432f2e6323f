"""Reads streams to their end."""

from collections.abc import AsyncIterable, Iterable


def read(items: Iterable[object]) -> tuple[list[object], Exception | None]:
    """The items that came, and what ended the iteration."""
    got = []
    try:
        for item in items:
            got.append(item)
    except Exception as error:
        return got, error
    return got, None


async def read_async(items: AsyncIterable[object]) -> tuple[list[object], Exception | None]:
    """The items that came, and what ended the iteration."""
    got = []
    try:
        async for item in items:
            got.append(item)
    except Exception as error:
        return got, error
    return got, None
