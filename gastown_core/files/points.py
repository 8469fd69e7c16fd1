"""Points between which something is half done: a drill kills the process at one of them.

``GT_KILL_AT`` names the point: a number (``12``, the twelfth that the process passes), a name (``git push``, the first of
that name), or ``list``, which kills nothing and tells every point on standard error.  Only the process that is started
with it is meant, none that it starts.  Without it a point costs one look at a global.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WANTED = os.environ.pop("GT_KILL_AT", "")
_passed = 0


def point(name: str) -> None:
    """Say that the process stands at the point ``name``; in a drill it may end here, as by ``kill -9``."""
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
    """The point after an external command, named by its program and its first word that is no option."""
    if _WANTED:
        plain = [word for word in argv[1:] if word[:1] not in ("-", "/") and "=" not in word]
        _drill(" ".join([os.path.basename(argv[0]), *plain[:1]]))
