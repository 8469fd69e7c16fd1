"""Crash points: places between two effects at which a drill kills the process.

``GT_KILL_AT`` selects a point: a number (``12``, the twelfth point the process passes), a name (``git push``, the first
with that name), or ``list``, which kills nothing and prints every point to standard error.  It applies to this process
only, not to its children.  Unset, a point costs one test of a global.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WANTED = os.environ.pop("GT_KILL_AT", "")
_passed = 0


def point(name: str) -> None:
    """Pass the crash point ``name``; in a drill the process may end here, as by ``kill -9``."""
    if _WANTED:
        _drill(name)


def _drill(name: str) -> None:
    global _passed
    _passed += 1
    if _WANTED == "list":
        os.write(2, f"point {_passed}: {name}\n".encode())
    elif _WANTED in (str(_passed), name):
        os.write(2, f"killed at {_passed}: {name}\n".encode())
        os.kill(os.getpid(), 9)


def point_after(argv: Sequence[str]) -> None:
    """The crash point after an external command, named by its program and its first non-option argument."""
    if _WANTED:
        plain = [word for word in argv[1:] if word[:1] not in ("-", "/") and "=" not in word]
        _drill(" ".join([os.path.basename(argv[0]), *plain[:1]]))
