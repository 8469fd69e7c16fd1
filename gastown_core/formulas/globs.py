"""Choosing steps by their ids: an exact id, ``*``, ``*.suffix``, ``prefix.*``, or any shell-like pattern."""

from __future__ import annotations


def fits(pattern: str, step_id: str) -> bool:
    """Whether a step's id is one that ``pattern`` means."""
    if pattern == step_id or pattern == "*":
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    from fnmatch import fnmatchcase

    return fnmatchcase(step_id, pattern)
