"""Clients attached to the town's tmux server: a short message on their status lines, and switching one to another session."""

from __future__ import annotations

from gastown_core.model.plain_text import clean
from gastown_core.tmux.server import NoServerError, TargetMissingError, exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.tmux.server import TmuxServer

SHOWN_MS = 10_000
LONGEST = 180


def show_message(server: TmuxServer, text: str) -> int:
    """Show ``text`` in every attached client except control clients, for ten seconds or until a key; return how many.

    The text is shown as it is: neither formats nor times in it are expanded.  Raises NoTmuxError, TmuxError.
    """
    try:
        rows = server.run("list-clients", "-F", "#{client_control_mode} #{client_name}").splitlines()
    except (NoServerError, TargetMissingError):
        # no target is named: that one is missing means a server without a session, and so without a client
        return 0
    names = [row[2:] for row in rows if row.startswith("0 ") and row[2:]]
    if names:
        server.run_many([_message(name, text) for name in names])
    return len(names)


def tell_client(server: TmuxServer, client: str, text: str) -> None:
    """Show ``text`` in one client. Raises NoTmuxError, TmuxError."""
    server.run(*_message(client, text))


def _message(client: str, text: str) -> tuple[str, ...]:
    plain = clean(text)[:LONGEST].replace("#", "##").replace("%", "%%")
    return ("display-message", "-d", str(SHOWN_MS), "-c", client, "--", plain)


def switch_client(server: TmuxServer, session: str, client: str = "") -> None:
    """Make a client (by default the caller's) show exactly this session. Raises NoTmuxError, TmuxError."""
    server.run("switch-client", *(("-c", client) if client else ()), "-t", exact(session))
