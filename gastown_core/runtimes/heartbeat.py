"""Heartbeats: ``<town>/.runtime/heartbeats/<session>.json``, an agent's own report of its state.

Keys of the Go tools (timestamp, state, context, bead) plus ours: ``until`` (when a limit ends), ``turn``, a counter
that moves when a submitted text begins to be worked on, and ``prompts``, digests of the last texts that the program
accepted, by which the arrival of one particular text is proved.  What the program's own hooks told stands beside that
and is not touched by a heartbeat of ours: ``said`` (state, moment, words, end of a limit), ``said_by`` (the event),
``agent_session`` (the program's id of its session), ``agent_runtime`` and ``transcript`` (a path).
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds, parse_moment
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.files.locks import FileLock
from gastown_core.model.record import Record
from gastown_core.model.sha256 import sha256
from gastown_core.runtimes.adapter import BUSY, ENDED, FAILED, HOOK, IDLE, LIMITED, STARTING, WAITING, Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.clock import Clock
    from gastown_core.runtimes.adapter import Heard


class Heartbeat(Record):
    """One heartbeat; ``at`` and ``until`` in Unix seconds (0 if not told), ``turn`` 0 if the agent counts none.

    ``said`` is the last report of the program's hooks, None if there is none.
    """

    at: float
    state: str
    context: str = ""
    bead: str = ""
    until: float = 0.0
    turn: int = 0
    said: Said | None = None


STATES = ("working", "idle", "exiting", "stuck", "waiting", "limited")
"""The four of the Go tools, and ours: waiting (for a person) and limited (by a rate limit)."""


KEPT_PROMPTS = 20
LOCK_S = 2.0
_KEPT = ("said", "said_by", "agent_session", "agent_runtime", "transcript")
"""Keys of the program's hooks."""
_STATE_OF = {
    BUSY: "working",
    IDLE: "idle",
    WAITING: "waiting",
    LIMITED: "limited",
    FAILED: "stuck",
    STARTING: "idle",
    ENDED: "exiting",
}
"""State of a program → the heartbeat's name for it."""


def heartbeat_path(town_root: str, session: str) -> str:
    """The path of that session's heartbeat."""
    return os.path.join(town_root, ".runtime", "heartbeats", f"{session}.json")


def read_heartbeat(town_root: str, session: str) -> Heartbeat | None:
    """The session's last heartbeat; None if there is none or it is junk."""
    try:
        value = read_json(heartbeat_path(town_root, session))
    except GastownError:
        return None
    return None if value is None else parse_heartbeat(value)


def prompt_sha(text: str) -> str:
    """The digest by which a text is known: 16 hex digits. White space at its ends is dropped, any other run of it is one space."""
    return sha256(plain_prompt(text).encode("utf-8", "surrogatepass"))[:8].hex()


def plain_prompt(text: str) -> str:
    """``text`` on one line, as programs that wrap, indent or expand it leave it recognisable."""
    return " ".join(text.split())


def accepted_prompts(value: dict[str, object] | None) -> list[dict[str, str]]:
    """The entries ``{"sha", "at"}`` of a heartbeat's object, oldest first; what is no entry is passed over."""
    found = value.get("prompts") if value else None
    if not isinstance(found, list):
        return []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("sha"), str)]


def read_prompts(town_root: str, session: str) -> list[tuple[str, float]]:
    """(digest, moment) of the texts that the session's program accepted last, oldest first."""
    try:
        value = read_json(heartbeat_path(town_root, session))
    except GastownError:
        return []
    return [(one["sha"], parse_moment(one.get("at")) or 0.0) for one in accepted_prompts(value)]


def parse_heartbeat(value: dict[str, object]) -> Heartbeat | None:
    """The Heartbeat of a JSON object; None without a readable timestamp."""
    at = parse_moment(value.get("timestamp"))
    if at is None:
        return None
    turn = value.get("turn")
    return Heartbeat(
        at,
        str(value.get("state") or "working"),
        str(value.get("context") or ""),
        str(value.get("bead") or ""),
        parse_moment(value.get("until")) or 0.0,
        turn if isinstance(turn, int) else 0,
        _parse_said(value.get("said"), value.get("agent_session")),
    )


def _parse_said(value: object, session_id: object) -> Said | None:
    if not isinstance(value, dict) or value.get("state") not in _STATE_OF:
        return None
    at, until = parse_moment(value.get("at")), parse_moment(value.get("until"))
    if at is None:
        return None
    detail, known = str(value.get("detail") or ""), session_id if isinstance(session_id, str) else ""
    return Said(value["state"], at, HOOK, detail, until or 0.0, known, value.get("is_final") is True)


def write_heartbeat(
    town_root: str,
    session: str,
    state: str = "working",
    *,
    context: str = "",
    bead: str = "",
    until: float = 0.0,
    turn: int | None = None,
    prompt: str = "",
    run: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Write the session's heartbeat, atomically and private; a ``turn`` of None keeps the counter. Raises StoreError.

    ``prompt`` is a text that the program has just accepted; the digests of earlier ones stay.  ``run`` is the start
    (GT_RUN) that the writer belongs to: one that is over writes nothing.
    """
    now = clock.now()
    with _Written(town_root, session) as last:
        if _is_over(town_root, session, run):
            return
        if turn is None:
            before = parse_heartbeat(last)
            turn = before.turn if before else 0
        kept = {key: last[key] for key in _KEPT if key in last}
        prompts = _with_prompt(last, prompt, now)
        last.clear()
        last.update(timestamp=format_micros(now), state=state, context=context, bead=bead)
        if until:
            last["until"] = format_seconds(until)
        if turn:
            last["turn"] = turn
        if prompts:
            last["prompts"] = prompts
        last.update(kept)


def note_event(
    town_root: str, session: str, event: str, heard: Heard, at: float, runtime: str = "", *, run: str = ""
) -> None:
    """Note in the session's heartbeat what an event of its program's hooks told at ``at``. Raises StoreError.

    Hooks run side by side: an event that comes late does not undo the state of a later one, and one of a ``run``
    (GT_RUN) that is over brings no heartbeat back.
    """
    with _Written(town_root, session) as last:
        if _is_over(town_root, session, run):
            return
        before = _parse_said(last.get("said"), "")
        prompts = _with_prompt(last, heard.prompt, at)
        if prompts:
            last["prompts"] = prompts
        if heard.prompt:
            turn = last.get("turn")
            last["turn"] = (turn if isinstance(turn, int) else 0) + 1
        told = (("agent_session", heard.session_id), ("transcript", heard.transcript), ("agent_runtime", runtime))
        for key, value in told:
            if value:
                last[key] = value
        last.setdefault("timestamp", format_micros(at))
        last.setdefault("state", "idle")
        if not heard.state or (before is not None and (before.at > at or _is_known(heard, before))):
            return
        last["said_by"] = event
        last["said"] = _said_json(heard, at)
        last.update(timestamp=format_micros(at), state=_STATE_OF[heard.state], context=heard.detail)
        last.pop("until", None)
        if heard.until:
            last["until"] = format_seconds(heard.until)


def _is_known(heard: Heard, before: Said) -> bool:
    """Return whether an earlier event reported this state in more detail, and this one only repeats it."""
    return heard.is_reminder and heard.state == before.state and bool(before.detail)


def forget_heartbeat(town_root: str, session: str, next_run: str = "") -> None:
    """Remove the session's heartbeat and let only ``next_run`` write one; empty: no run that has begun. Raises StoreError."""
    with _Written(town_root, session) as last:
        path = _run_path(town_root, session)
        private_folder(os.path.dirname(path))
        write_atomic(path, next_run.encode(), mode=0o600, sync=False)
        try:
            os.unlink(heartbeat_path(town_root, session))
        except FileNotFoundError:
            # it told nothing
            pass
        last.clear()


def _run_path(town_root: str, session: str) -> str:
    return os.path.join(town_root, ".runtime", "sessions", f"{session}.run")


def _is_over(town_root: str, session: str, run: str) -> bool:
    """Whether another start than ``run`` counts now, or none; a program that was started by hand has no run."""
    if not run:
        return False
    try:
        with open(_run_path(town_root, session), encoding="ascii", errors="replace") as handle:
            return handle.read(200) != run
    except OSError:
        return False


def _said_json(heard: Heard, at: float) -> dict[str, object]:
    said: dict[str, object] = {"state": heard.state, "at": format_micros(at)}
    if heard.detail:
        said["detail"] = heard.detail
    if heard.until:
        said["until"] = format_seconds(heard.until)
    if heard.is_final:
        said["is_final"] = True
    return said


def _with_prompt(last: dict[str, object], prompt: str, now: float) -> list[dict[str, str]]:
    prompts = accepted_prompts(last)
    if prompt:
        prompts = [*prompts, {"sha": prompt_sha(prompt), "at": format_micros(now)}][-KEPT_PROMPTS:]
    return prompts


class _Written:
    """A ``with`` block over the session's record, which is written again at its end unless it is empty or the block fails.

    One writer at a time, as each keeps what others wrote.
    """

    def __init__(self, town_root: str, session: str) -> None:
        self._path = heartbeat_path(town_root, session)
        private_folder(os.path.dirname(self._path))
        locks = os.path.join(town_root, ".runtime", "locks")
        private_folder(locks)
        self._lock = FileLock(os.path.join(locks, f"heartbeat-{session}.lock"), timeout_s=LOCK_S)
        self._record: dict[str, object] = {}

    def __enter__(self) -> dict[str, object]:
        self._lock.__enter__()
        try:
            self._record = read_json(self._path) or {}
        except GastownError:
            # a heartbeat that is junk has nothing to keep
            pass
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self._record

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self._record:
                from json import dumps

                line = dumps(self._record, ensure_ascii=False) + "\n"
                write_atomic(self._path, line.encode(), mode=0o600, sync=False)
        finally:
            self._lock.__exit__(None, None, None)
