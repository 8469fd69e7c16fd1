"""Waiting for real programs: a look costs a process, so looks are fewer and further apart than elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

LOOK_EVERY_S = 0.1
SLOWER = 5
"""A busy machine's programs take so much longer than an idle one's, while the looks at a file cost the same."""


def comes_true(true: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    """The first truthy answer of ``true``; ``timeout_s`` is generous on an idle machine, and others get ``SLOWER`` times that."""
    for _ in looks(SLOWER * timeout_s):
        answer = true()
        if answer:
            return answer
    pytest.fail(f"did not happen in {SLOWER} times {timeout_s:g} s: {what}")


def looks(timeout_s: float) -> Iterator[int]:
    """As many turns as an idle machine has in ``timeout_s``, with a pause after each."""
    for number in range(round(timeout_s / LOOK_EVERY_S)):
        yield number
        time.sleep(LOOK_EVERY_S)
