"""Waiting in tests: patience counts looks and progress, not seconds, so a busy machine is waited for in proportion."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

LOOK_EVERY_S = 0.01
STILL_S = 60.0
"""So long nothing at all may move."""
SLOWER = 4
"""A busy machine's programs take so much longer than an idle one's, while a look at what they do costs the same."""
PATIENCE_S = 150.0
"""So long a program on a terminal may take for what it does at once on an idle machine."""


def until(true: Callable[[], Any], what: str = "", timeout_s: float = 30.0) -> Any:
    """The first truthy answer of ``true``; fails the test after ``SLOWER`` times the looks of an idle machine in ``timeout_s``."""
    for _ in range(round(SLOWER * timeout_s / LOOK_EVERY_S)):
        answer = true()
        if answer:
            return answer
        time.sleep(LOOK_EVERY_S)
    pytest.fail(_words(true, what, timeout_s))


async def comes(true: Callable[[], Any], what: str = "", timeout_s: float = 30.0) -> Any:
    """As ``until``, and the loop goes on meanwhile."""
    for _ in range(round(SLOWER * timeout_s / LOOK_EVERY_S)):
        answer = true()
        if answer:
            return answer
        await asyncio.sleep(LOOK_EVERY_S)
    pytest.fail(_words(true, what, timeout_s))


def _words(true: object, what: str, timeout_s: float) -> str:
    return f"did not happen in {SLOWER} times the looks of {timeout_s:g} s: {what or true}"


def ended(processes: Sequence[subprocess.Popen[Any]], progress: Callable[[], object]) -> list[int]:
    """The exit codes of all of them, however long they take; fails the test once ``progress`` stands still."""
    last, since = progress(), time.monotonic()
    while any(process.poll() is None for process in processes):
        time.sleep(LOOK_EVERY_S)
        if (now := progress()) != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STILL_S:
            for process in processes:
                process.kill()
            pytest.fail(f"nothing moved for {STILL_S:g} s: {last}")
    return [process.returncode for process in processes]
