"""The right side of the status lines: words that the daemon sets in each session, shown by tmux alone.

A ``#(command)`` in a status line starts a process per session and refresh.  Here the daemon sets a session option when
the words change, over the link that it has open anyway, and tmux redraws.  tmux cannot read a file by itself; the option
is to it what a file would be.  The option that says when the daemon last looked makes old words visible as such: tmux
compares it with the clock.
"""

from __future__ import annotations

from gastown_core.model.plain_text import clean
from gastown_core.tmux.server import TargetMissingError, exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.tmux.server import TmuxServer

WORDS, SEEN = "@gt_words", "@gt_seen"
"""A session's words, and when the daemon last looked (server option, Unix seconds)."""
FRESH_S = 180
"""After so long without a look the line says that the daemon is silent."""
SEEN_EVERY_S = 60
LONGEST = 100

RIGHT = (
    f" #{{?#{{e|>:#{{e|-:%s,#{{?{SEEN},#{{{SEEN}}},0}}}},{FRESH_S}}},#{{?{SEEN},daemon silent,}},#{{{WORDS}}}}} %H:%M "
)
"""The ``status-right`` of a session; before the daemon's first look it shows the time alone."""


def write_words(server: TmuxServer, words: Mapping[str, str], now: float) -> int:
    """Set the words that differ from those shown; return how many did.  Raises NoTmuxError, TmuxError.

    What is shown is asked for, so that a session made anew gets its words again.
    """
    shown = _shown(server)
    commands: list[Sequence[str]] = []
    for session, text in words.items():
        wanted = _plain(text)
        if session in shown and shown[session] != wanted:
            commands.append(("set-option", "-t", exact(session), WORDS, wanted))
    for command in commands:
        try:
            server.run(*command)
        except TargetMissingError:
            # it ended since it was listed
            continue
    seen = server.run("show-options", "-s", "-q", "-v", SEEN).strip()
    if not seen.isdigit() or not 0 <= now - int(seen) < SEEN_EVERY_S:
        server.run("set-option", "-s", SEEN, str(int(now)))
    return len(commands)


def _shown(server: TmuxServer) -> dict[str, str]:
    lines = server.run("list-sessions", "-F", f"#{{session_name}} #{{{WORDS}}}").splitlines()
    return dict(line.partition(" ")[::2] for line in lines)


def _plain(text: str) -> str:
    """The words as tmux shows them: neither a format nor a colour of theirs counts."""
    return clean(text)[:LONGEST].replace("#", "##")
