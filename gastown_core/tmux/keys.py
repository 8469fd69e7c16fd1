"""The town's keys after the tmux prefix: in our sessions they run ``gt``; in all others the user's own binding keeps working.

The bindings are server-wide, guarded by session name inside tmux (no process per keystroke).  The user's are saved in
server options, so that binding again (a new rig) keeps them.
"""

from __future__ import annotations

import re
import shlex

from gastown_core.errors import TmuxError, UsageError
from gastown_core.tmux.server import NoServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.tmux.server import TmuxServer

SESSION, CLIENT = "#{session_name}", "#{client_name}"
"""Words of a command that tmux replaces when the key is pressed."""
_NOTHING = "-"
_LISTED = re.compile(r"bind-key\s+(?P<repeat>-r\s+)?-T\s+prefix\s+\S+\s+(?P<command>.*)", re.DOTALL)


def town_keys(gt: Sequence[str]) -> dict[str, list[str]]:
    """Key → the command that it runs in the town's sessions; ``gt`` is the program's own command line."""
    cycle = ["--session", SESSION, "--client", CLIENT]
    return {
        "a": [*gt, "feed", "--window"],
        "n": [*gt, "cycle", "next", *cycle],
        "p": [*gt, "cycle", "prev", *cycle],
    }


def bind_keys(server: TmuxServer, keys: Mapping[str, Sequence[str]], *, prefixes: Sequence[str] = ()) -> None:
    """Bind each key after the prefix to its command in sessions named ``hq-…`` or ``<prefix>-…``; elsewhere the user's runs.

    Binding again replaces ours and keeps the user's.  Raises NoServerError, TmuxError; UsageError for a bad prefix.
    """
    names = ["hq", *prefixes]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise UsageError(f"{name!r} is not a session prefix")
    pattern = f"#{{m/r:^({'|'.join(names)})-,#{{session_name}}}}"
    words: list[Sequence[str]] = []
    for key, argv in keys.items():
        before = _saved(server, key) or _read_binding(server, key)
        own = _LISTED.fullmatch(before)
        otherwise = own["command"].replace(" \\; ", " ; ") if own else ""
        job = " ".join(_job_word(word) for word in argv)
        words.append(("set-option", "-s", _option(key), before or _NOTHING))
        ours = f"run-shell -b {_quote(job)}"
        words.append(("bind-key", "-T", "prefix", key, "if-shell", "-F", pattern, ours, otherwise))
    server.run_many(words)


def _job_word(word: str) -> str:
    """One word of a shell command that tmux expands first."""
    quoted = shlex.quote(word)
    return quoted if word in (SESSION, CLIENT) else quoted.replace("#", "##")


def _option(key: str) -> str:
    return "@gt_feed_key_before" if key == "a" else f"@gt_key_before_{key}"


def _saved(server: TmuxServer, key: str) -> str:
    return server.run("show-options", "-s", "-q", "-v", _option(key)).rstrip("\n")


def _read_binding(server: TmuxServer, key: str) -> str:
    """The user's binding as ``list-keys`` writes it, empty if there is none."""
    try:
        return server.run("list-keys", "-T", "prefix", key).strip()
    except NoServerError:
        raise
    except TmuxError:
        return ""


def _quote(text: str) -> str:
    """``text`` as one word of a tmux command line."""
    escaped = re.sub(r'(["\\$])', r"\\\1", text)
    return f'"{escaped}"'
