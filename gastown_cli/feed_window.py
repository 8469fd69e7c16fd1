"""``gt feed --window``: the console in a tmux window named ``feed`` of the caller's session, once."""

from __future__ import annotations

import os
import sys

from gastown_core.errors import TmuxError, UsageError
from gastown_core.process import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

NAME = "feed"


def open_window(root: str, args: Namespace) -> int:
    """Select the window, made first if it is not there. Raises UsageError outside tmux."""
    inside = os.environ.get("TMUX", "")
    if not inside:
        raise UsageError("--window needs tmux", "this is not inside a tmux session", "gt feed opens it right here")
    socket = inside.split(",")[0]
    session = _own_session(socket)
    windows = _tmux(socket, "list-windows", "-t", session + ":", "-F", "#{window_id} #{window_name}")
    for line in windows.splitlines():
        window, _, name = line.partition(" ")
        if name == NAME:
            _tmux(socket, "select-window", "-t", window)
            return 0
    words = [sys.executable, "-P", "-m", "gastown_cli", "feed", *_forwarded(args)]
    _tmux(socket, "new-window", "-t", session + ":", "-n", NAME, "-c", root, "-e", f"GT_TOWN_ROOT={root}", *words)
    return 0


def _own_session(socket: str) -> str:
    """Id of the caller's session: by its pane, else (in a key binding, which has no pane) by the role's session."""
    pane = os.environ.get("TMUX_PANE", "")
    if pane:
        return _tmux(socket, "display-message", "-p", "-t", pane, "#{session_id}").strip()
    own = os.environ.get("GT_SESSION", "")
    if own:
        return _tmux(socket, "display-message", "-p", "-t", f"={own}:", "#{session_id}").strip()
    number = os.environ.get("TMUX", "").split(",")[-1]
    return f"${number}"


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


def _tmux(socket: str, *args: str) -> str:
    done = run(["tmux", "-S", socket, *args], timeout_s=5.0)
    if done.code:
        raise TmuxError(f"tmux {args[0]} failed", done.err.strip())
    return done.out
