"""The tmux session in which a command was typed, on whatever server: the user's own, or a town's; the only module that uses libtmux.

The other modules of this package create and watch the town's own sessions, in one call each and with time limits, which
libtmux does not offer.  Here a person waits for a window, and libtmux's session, window and pane objects fit.
"""

from __future__ import annotations

import os

from gastown_core.errors import TmuxError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libtmux import Session


def show_window(name: str, argv: Sequence[str], cwd: str, env: dict[str, str]) -> None:
    """Select the window ``name`` of the caller's session; if it is not there, make it run ``argv`` in ``cwd`` with ``env``.

    Raises UsageError outside tmux, TmuxError with tmux's own words.
    """
    # imported late: it costs 0.1 s
    from libtmux.exc import LibTmuxException

    try:
        session = _own_session()
        window = next((window for window in session.windows if window.window_name == name), None)
        if window is not None:
            window.select()
            return
        words = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
        made = session.cmd("new-window", "-n", name, "-c", cwd, *words, "--", *argv)
    except LibTmuxException as error:
        raise TmuxError(f"tmux could not show the window {name}", str(error)) from error
    if made.returncode:
        raise TmuxError(f"tmux could not make the window {name}", " ".join(made.stderr))


def _own_session() -> Session:
    """By the caller's pane, else (in a key binding, which has no pane) by the role's session, else as TMUX says."""
    from libtmux import Pane, Server, Session

    inside = os.environ.get("TMUX", "")
    if not inside:
        raise UsageError(
            "a window needs tmux", "this is not inside a tmux session", "gt feed opens it in this terminal"
        )
    server = Server(socket_path=inside.split(",")[0])
    pane = os.environ.get("TMUX_PANE", "")
    if pane:
        return Pane.from_pane_id(server=server, pane_id=pane).session
    own = os.environ.get("GT_SESSION", "")
    if own:
        session = server.sessions.get(session_name=own, default=None)
        if session is None:
            raise TmuxError(f"there is no session {own} on this tmux server", "", "gt feed opens it in this terminal")
        return session
    return Session.from_session_id(server=server, session_id="$" + inside.split(",")[-1])
