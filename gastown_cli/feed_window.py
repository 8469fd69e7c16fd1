"""``gt feed --window``: the console in a tmux window named ``feed`` of the caller's session, once."""

from __future__ import annotations

import sys

from gastown_core.tmux.caller import show_window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

NAME = "feed"


def open_window(root: str, args: Namespace) -> int:
    """Select the window, made first if it is not there. Raises UsageError outside tmux."""
    words = [sys.executable, "-P", "-m", "gastown_cli", "feed", *_forwarded(args)]
    show_window(NAME, words, root, {"GT_TOWN_ROOT": root})
    return 0


def _forwarded(args: Namespace) -> list[str]:
    words: list[str] = []
    for flag in ("problems", "ascii"):
        if getattr(args, flag):
            words.append(f"--{flag}")
    for name in ("since", "type", "rig", "mol"):
        value = getattr(args, name)
        if value:
            words.append(f"--{name}={value}")
    return words
