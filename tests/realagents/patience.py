"""Waiting for real programs: a look costs a process, so looks are fewer and further apart than elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

LOOK_EVERY_S = 0.1


def comes_true(true: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    """The first truthy answer of ``true``; fails the test after as many looks as an idle machine has in ``timeout_s``."""
    for _ in range(round(timeout_s / LOOK_EVERY_S)):
        answer = true()
        if answer:
            return answer
        time.sleep(LOOK_EVERY_S)
    pytest.fail(f"did not happen in the looks of {timeout_s:g} s: {what}")
