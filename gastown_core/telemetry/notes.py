"""What a line of the event log, or of the spool, means to telemetry: none, one or more notes.  Pure.

A line of the spool (``files.spool``) is a note already.  Titles, subjects, reasons and prompts of events are left out.
"""

from __future__ import annotations

from gastown_core.model.address import POLECAT, REFINERY, WITNESS, Address, parse_address
from gastown_core.model.record import Record
from gastown_core.telemetry.metric_table import ALL_LOGS, ERROR, OK, STATUS, counted_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gastown_core.model.town_event import TownEvent

EVENT = "event"
"""The note that counts a line of the event log, whatever it says."""
LONGEST_ERROR = 200
MAIL_SENT = "send"
_RESTART = "agent.restart"


class Note(Record):
    """One thing that happened: its kind in the tables, when, by whom, and its attributes; ``error`` says why it failed."""

    kind: str
    at: float
    actor: str
    attributes: Mapping[str, object]
    error: str = ""

    @property
    def status(self) -> str:
        """Return ``ok`` or ``error``."""
        return ERROR if self.error else OK

    def counts(self) -> Iterator[tuple[str, tuple[tuple[str, str], ...], float]]:
        """Yield (metric, attributes, value) of each metric that counts or measures this note."""
        for row in counted_by(self.kind):
            pairs = []
            for one in row.attributes:
                name, _, source = one.partition("=")
                value = self.status if name == STATUS else self.attributes.get(source or name, "")
                pairs.append((name, _word(value)))
            value = self.attributes.get(row.value, 0.0) if row.value else 1.0
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
                yield row.name, tuple(pairs), float(value)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def of_event(event: TownEvent) -> Iterator[Note]:
    """Yield the notes of a line of the event log."""
    yield Note(EVENT, event.ts, event.actor, {"type": event.type})
    rule = _RULES.get(event.type)
    for kind, attributes, error in rule(event) if rule is not None else ():
        yield Note(kind, event.ts, event.actor, attributes, error[:LONGEST_ERROR])


def of_spooled(event: TownEvent) -> Iterator[Note]:
    """Yield the note in a line of the spool; nothing for a kind that no table has."""
    if event.type in ALL_LOGS or counted_by(event.type):
        told = dict(event.payload)
        error = told.pop(ERROR, "")
        yield Note(event.type, event.ts, event.actor, told, str(error)[:LONGEST_ERROR])


def _text(event: TownEvent, key: str) -> str:
    value = event.payload.get(key)
    return value if isinstance(value, str) else ""


def _session_start(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    who = parse_address(_text(event, "role") or event.actor)
    session, runtime = _text(event, "session_id"), _text(event, "runtime")
    yield "session.start", {"session_id": session, "role": who.role}, ""
    told = {"agent_type": runtime, "role": who.role, "agent_name": who.label, "session_id": session, "rig": who.rig}
    yield "agent.instantiate", {**told, "topic": _text(event, "topic")}, ""


def _session_stop(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    session = _text(event, "session_id") or _text(event, "session") or _text(event, "target")
    died = f"died: {_text(event, 'reason')}" if event.type == "session_death" else ""
    yield "session.stop", {"session_id": session}, died


def _hook_state(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    told = {"agent_id": _text(event, "agent"), "new_state": _text(event, "to"), "hook_bead": _text(event, "bead")}
    yield "agent.state_change", {**told}, ""


def _sling(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    bead, formula = _text(event, "bead"), _text(event, "formula")
    yield "sling", {"bead": bead, "target": _text(event, "target")}, ""
    if formula:
        yield "formula.instantiate", {"formula_name": formula, "bead_id": bead}, ""


def _nudge(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    yield "nudge", {"target": _text(event, "target")}, ""


def _nudge_dead(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    yield "nudge", {"target": _text(event, "target")}, "not delivered"


def _done(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    yield "done", {"exit_type": _text(event, "exit") or "COMPLETED", "bead": _text(event, "bead")}, ""


def _spawn(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    # a dog that is spawned is no polecat
    if _text(event, POLECAT):
        yield "polecat.spawn", {"name": _text(event, POLECAT), "rig": _text(event, "rig")}, ""


def _removed(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    yield "polecat.remove", {"name": _text(event, POLECAT), "rig": _text(event, "rig")}, ""


def _convoy(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    yield "convoy.create", {"bead_id": _text(event, "convoy")}, ""


def _mail(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    told = {"operation": MAIL_SENT, "msg.from": event.actor, "msg.to": _text(event, "to")}
    yield "mail", {**told, "msg.subject": _text(event, "subject")}, ""


def _merge(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    rig = _text(event, "rig") or parse_address(event.actor).rig
    told = {"result": event.type.removeprefix("merge_"), "rig": rig}
    told |= {key: _text(event, key) for key in ("mr", "bead", "branch")}
    yield "merge", {**told}, "merge failed" if event.type == "merge_failed" else ""


def _escalation(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    told = {"severity": _text(event, "severity") or _text(event, "new_severity")}
    yield "escalation", {**told, "bead": _text(event, "escalation_id"), "target": _text(event, "target")}, ""


def _acted(event: TownEvent) -> Iterator[tuple[str, dict[str, object], str]]:
    if _text(event, "order") == _RESTART and event.payload.get("ok") is True:
        who = parse_address(_text(event, "target"))
        yield "daemon.restart", {"agent_type": restarted(who), "agent_role": who.role}, ""


def restarted(who: Address) -> str:
    """Return how the Go tools name a restarted agent: ``witness-shop``, ``mayor``; workers by their address."""
    return f"{who.role}-{who.rig}" if who.role in (WITNESS, REFINERY) else who.path


_RULES: Mapping[str, Callable[[TownEvent], Iterator[tuple[str, dict[str, object], str]]]] = {
    "session_start": _session_start,
    "session_end": _session_stop,
    "session_death": _session_stop,
    "kill": _session_stop,
    "hook_state": _hook_state,
    "sling": _sling,
    "nudge": _nudge,
    "polecat_nudged": _nudge,
    "nudge_dead": _nudge_dead,
    "done": _done,
    "spawn": _spawn,
    "polecat_removed": _removed,
    "convoy_created": _convoy,
    "mail": _mail,
    "merged": _merge,
    "merge_failed": _merge,
    "merge_skipped": _merge,
    "escalation_sent": _escalation,
    "patrol_acted": _acted,
}
