"""The feed key: prefix+a in our sessions opens the console; in all others the user's own binding keeps working.

The binding is server-wide, guarded by session name inside tmux (no process per keystroke).  The user's binding is
saved in server options, so that binding again (a new rig) keeps it.
"""

from __future__ import annotations

import re
import shlex

from gastown_core.errors import TmuxError, UsageError
from gastown_core.tmux.server import NoServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.tmux.server import TmuxServer

FEED_KEY = "a"
_SAVED = "@gt_feed_key_before"
_NOTHING = "-"
_LISTED = re.compile(r"bind-key\s+(?P<repeat>-r\s+)?-T\s+prefix\s+\S+\s+(?P<command>.*)", re.DOTALL)


def bind_feed_key(server: TmuxServer, argv: Sequence[str], *, prefixes: Sequence[str] = ()) -> None:
    """Bind prefix+a to run ``argv`` in sessions named ``hq-…`` or ``<prefix>-…``; elsewhere the user's binding runs.

    Binding again replaces ours and keeps the user's.  Raises NoServerError, TmuxError; UsageError for a bad prefix.
    """
    names = ["hq", *prefixes]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise UsageError(f"{name!r} is not a session prefix")
    before = _saved(server) or _read_binding(server)
    own = _LISTED.fullmatch(before)
    otherwise = own["command"].replace(" \\; ", " ; ") if own else ""
    pattern = f"#{{m/r:^({'|'.join(names)})-,#{{session_name}}}}"
    job = shlex.join(argv).replace("#", "##")
    ours = f"run-shell -b {_quote(job)}"
    server.run_many(
        [
            ("set-option", "-s", _SAVED, before or _NOTHING),
            ("bind-key", "-T", "prefix", FEED_KEY, "if-shell", "-F", pattern, ours, otherwise),
        ]
    )


def _saved(server: TmuxServer) -> str:
    return server.run("show-options", "-s", "-q", "-v", _SAVED).rstrip("\n")


def _read_binding(server: TmuxServer) -> str:
    """The user's binding as ``list-keys`` writes it, empty if there is none."""
    try:
        return server.run("list-keys", "-T", "prefix", FEED_KEY).strip()
    except NoServerError:
        raise
    except TmuxError:
        return ""


def _quote(text: str) -> str:
    """``text`` as one word of a tmux command line."""
    escaped = re.sub(r'(["\\$])', r"\\\1", text)
    return f'"{escaped}"'
