"""Clients attached to the town's tmux server: a short message on each one's status line."""

from __future__ import annotations

from gastown_core.model.plain_text import clean
from gastown_core.tmux.server import NoServerError

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
    except NoServerError:
        return 0
    names = [row[2:] for row in rows if row.startswith("0 ") and row[2:]]
    if names:
        plain = clean(text)[:LONGEST].replace("#", "##").replace("%", "%%")
        server.run_many([("display-message", "-d", str(SHOWN_MS), "-c", name, "--", plain) for name in names])
    return len(names)
