"""The one list of panes: all sessions of the town in a single tmux call.

One record per session, that of its agent's pane: the one recorded at creation (option ``@gt_pane``), else the first.
Sessions whose name begins with ``_gt-`` are internal and never listed.  The name recorded at creation (option
``@gt_session``) identifies a session: one that somebody renamed is the same session, and gets its name back.
"""

from __future__ import annotations

from gastown_core.errors import TmuxError
from gastown_core.model.plain_text import clean
from gastown_core.model.record import Record
from gastown_core.tmux.server import NoServerError, TargetMissingError, exact
from gastown_core.tmux.socket import has_tmux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_core.tmux.server import TmuxServer


class Pane(Record):
    """One pane as tmux sees it now; ``activity`` is the last output in Unix seconds (whole ones).

    ``command`` is the foreground program's name.  ``dead`` panes keep their screen; ``dead_status`` is the exit
    code, None after a signal or while alive.  ``agent`` and ``process_names`` were recorded at creation;
    ``runtime`` is what ``agent`` is an alias of, or itself: the name its screen is read by.
    ``orders`` are those that the agent was started for, None if not recorded.  ``renamed`` is the name that
    somebody gave its session, empty if it has its own again.
    """

    session: str
    window_id: str
    pane_id: str
    pid: int
    command: str
    dead: bool
    dead_status: int | None
    activity: float
    attached: int
    in_mode: bool
    title: str
    width: int
    height: int
    agent: str = ""
    process_names: tuple[str, ...] = ()
    dead_since: float = 0.0
    created: float = 0.0
    orders: tuple[str, ...] | None = None
    renamed: str = ""
    runtime: str = ""


HIDDEN_PREFIX = "_gt-"
NO_ORDERS = "-"
"""``@gt_orders`` of a session that was started for nothing in particular."""
FIELD = "\u241f"
_STYLE = r"\x1b\[[0-9;:]*m"
DEAD_LINES = 200
"""How many lines back to search for the last output of a program that ended."""
MARK = "\u241e"
"""The separator before each of several screens."""

_VARIABLES = (
    "session_name window_id pane_id pane_pid pane_dead pane_dead_status window_activity session_attached pane_in_mode "
    "pane_width pane_height @gt_pane @gt_agent @gt_process_names pane_dead_time session_created @gt_session @gt_orders "
    "@gt_runtime pane_current_command pane_title"
).split()

PANE_FORMAT = FIELD.join(f"#{{{name}}}" for name in _VARIABLES)
"""tmux format of one pane."""


def parse_pane(record: str) -> tuple[Pane, bool] | None:
    """The Pane of one formatted record and whether it is the recorded agent pane; None for a line that is no record."""
    parts = record.split(FIELD, len(_VARIABLES) - 1)
    if len(parts) != len(_VARIABLES):
        return None
    session, window, pane, pid, dead, status, activity, attached, mode, width, height = parts[:11]
    noted, agent, names, dead_time, created, own_name, orders, runtime, command, title = parts[11:]
    is_dead = dead == "1"
    return Pane(
        own_name or session,
        window,
        pane,
        _int(pid),
        command,
        is_dead,
        _int(status) if is_dead and status else None,
        float(_int(activity)),
        _int(attached),
        mode not in ("", "0"),
        title,
        _int(width),
        _int(height),
        agent,
        tuple(name for name in names.split(",") if name),
        float(_int(dead_time)),
        float(_int(created)),
        tuple(one for one in orders.split(",") if one not in ("", NO_ORDERS)) if orders else None,
        session if own_name and own_name != session else "",
        runtime or agent,
    ), noted == pane


def parse_panes(records: Iterable[str]) -> dict[str, Pane]:
    """Session name → its agent's pane, from formatted records in tmux's order."""
    found: dict[str, Pane] = {}
    for record in records:
        parsed = parse_pane(record)
        if parsed is None:
            continue
        pane, is_noted = parsed
        if pane.session.startswith(HIDDEN_PREFIX):
            continue
        before = found.get(pane.session)
        # the session that has a name now takes precedence over one that had it
        if before is None or (is_noted and not pane.renamed) or (before.renamed and not pane.renamed):
            found[pane.session] = pane
    return found


def list_panes(server: TmuxServer) -> dict[str, Pane]:
    """All sessions of the server, each with its agent's pane; empty if no server runs. Raises TmuxError, NoTmuxError."""
    if has_tmux() and server.is_absent():
        return {}
    words = ("list-panes", "-a", "-F", PANE_FORMAT)
    try:
        panes = parse_panes(server.run(*words).split("\n"))
        if any(map(is_unsettled, panes.values())):
            panes = parse_panes(server.run_many([PUSH, words]).split("\n"))
    except (NoServerError, TargetMissingError):
        # no target is named: that one is missing means a server that has no session yet, or none any more
        return {}
    return {name: _with_own_name(server, pane) if pane.renamed else pane for name, pane in panes.items()}


def _with_own_name(server: TmuxServer, pane: Pane) -> Pane:
    """The pane after its session got its name back; ``renamed`` still tells of one that tmux refused."""
    try:
        server.run("rename-session", "-t", pane.pane_id, pane.session)
    except (NoServerError, TargetMissingError):
        pass  # it ended since it was listed
    except TmuxError:
        # taken, or for whatever reason: the option identifies the session all the same
        return pane
    return pane._replace(renamed="")


PUSH = ("run-shell", "true")
"""A command that only gives the server a child which ends."""


def is_unsettled(pane: Pane) -> bool:
    """Whether a pane is dead and tmux does not know how it ended.

    Now and then tmux 3.3 misses a child's exit until the next child ends: ``PUSH`` makes it check.
    """
    return pane.dead and pane.dead_status is None and not pane.dead_since


def read_pane(server: TmuxServer, target: str) -> Pane:
    """The pane ``target`` (a pane id, or ``exact(session)``) as it is now. Raises TargetMissingError, NoServerError."""
    words = ("display-message", "-p", "-t", target, PANE_FORMAT)
    parsed = parse_pane(server.run(*words).rstrip("\n"))
    if parsed is not None and is_unsettled(parsed[0]):
        parsed = parse_pane(server.run_many([PUSH, words]).rstrip("\n"))
    if parsed is None or not parsed[0].pane_id:
        raise TargetMissingError("there is no such session", f"tmux knows no {target}")
    return parsed[0]


def find_pane(server: TmuxServer, session: str) -> Pane | None:
    """The agent's pane of exactly this session, None if there is no such session. Raises TmuxError, NoTmuxError."""
    words = ("list-panes", "-s", "-t", exact(session), "-F", PANE_FORMAT)
    try:
        pane = parse_panes(server.run(*words).split("\n")).get(session)
        if pane is not None and is_unsettled(pane):
            pane = parse_panes(server.run_many([PUSH, words]).split("\n")).get(session)
    except NoServerError:
        return None
    except TargetMissingError:
        pane = None
    return pane if pane is not None else list_panes(server).get(session)


def capture_pane(server: TmuxServer, pane_id: str, lines: int = 0, *, styled: bool = False) -> list[str]:
    """The screen of a pane without its blank end, or its last ``lines`` lines with scrollback. Raises TmuxError.

    The text is what the program drew, ``styled`` with its escape sequences: clean it before it reaches a terminal.
    """
    text = server.run(*capture_words(pane_id, lines, styled=styled))
    return last_lines(text.split("\n"), lines)


def capture_panes(server: TmuxServer, panes: Iterable[Pane]) -> dict[str, list[str]]:
    """The screens of several panes by their id, with their styles, by one call; one that vanished is left out.

    Raises TmuxError.  tmux ends a call at the first pane that is not there, so the rest is asked for again.
    """
    found: dict[str, list[str]] = {}
    # the line that tmux writes below a program that ended pushes what it wrote off the screen
    waiting = {pane.pane_id: DEAD_LINES if pane.dead else 0 for pane in panes}
    while waiting:
        commands: list[Sequence[str]] = []
        for pane_id, lines in waiting.items():
            commands.append(("display-message", "-p", "-t", pane_id, MARK + "#{pane_id}"))
            commands.append(capture_words(pane_id, lines, styled=True))
        try:
            text = server.run_many(commands)
        except TargetMissingError as error:
            gone = next((one for one in waiting if one in error.why.split()), next(iter(waiting)))
            del waiting[gone]
            continue
        for part in text.split(MARK)[1:]:
            pane_id, _, shown = part.partition("\n")
            found[pane_id] = last_lines(shown.split("\n"), 0)
        break
    return found


def written_lines(captured: Iterable[str]) -> list[str]:
    """The program's output in a captured pane: without styles, blank lines, and tmux's own line about its end."""
    # only for a pane whose program has ended: reading the town need not import it
    import re

    plain = (clean(re.sub(_STYLE, "", line)).strip() for line in captured)
    return [line for line in plain if line and not line.startswith("Pane is dead (")]


def capture_words(pane_id: str, lines: int, *, styled: bool = False) -> list[str]:
    """The tmux command that captures at least the last ``lines`` lines (0: the visible screen)."""
    words = ["capture-pane", "-p", *(["-e"] if styled else []), "-t", pane_id]
    return [*words, "-S", str(-lines)] if lines > 0 else words


def last_lines(captured: list[str], lines: int) -> list[str]:
    """The last ``lines`` of them (0: all) with blank lines at the end dropped."""
    end = len(captured)
    while end and not captured[end - 1].strip():
        end -= 1
    return captured[max(0, end - lines) : end] if lines > 0 else captured[:end]


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
