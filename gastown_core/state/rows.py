"""Events and ledger changes as rows of the stream, and which rows a filter lets through; pure.

Two sources tell of a bead's change: the event that a command logged, and the changed record itself.  ``Doubles``
drops whichever comes second, by the record's revision; a record that changed without an event (git pull, another
tool) still gets its row.
"""

from __future__ import annotations

from collections import OrderedDict

from gastown_core.model.address import OTHER, Address
from gastown_core.model.bead import CLOSED, PINNED
from gastown_core.model.event import BEAD_CHANGES, TownEvent, describe, kind_of, target_of
from gastown_core.model.record import Record
from gastown_core.state.facts import Roster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.query import Excerpt


class EventRow(Record):
    """One row of the stream, ready to show; ``source`` is ``log`` or ``ledger``."""

    ts: float
    type: str
    category: str
    tone: str
    symbol: str
    ascii: str
    actor: Address
    rig: str
    text: str
    bead: str
    source: str


class EventFilter(Record):
    """A filter; an empty field does not filter. ``since`` is Unix seconds, ``text`` is matched without case."""

    rig: str = ""
    role: str = ""
    category: str = ""
    type: str = ""
    agent: str = ""
    bead: str = ""
    text: str = ""
    since: float = 0.0


NO_FILTER = EventFilter()


def matches(row: EventRow, wanted: EventFilter) -> bool:
    """Whether the row passes every field that is set."""
    if wanted.since and row.ts < wanted.since:
        return False
    if wanted.rig and row.rig != wanted.rig:
        return False
    if wanted.role and row.actor.role != wanted.role:
        return False
    if wanted.category and row.category != wanted.category:
        return False
    if wanted.type and row.type != wanted.type:
        return False
    if wanted.agent and row.actor.path != wanted.agent:
        return False
    if wanted.bead and row.bead != wanted.bead:
        return False
    if wanted.text:
        needle = wanted.text.casefold()
        if not any(needle in text for text in (row.text.casefold(), row.bead, row.actor.path.casefold(), row.type)):
            return False
    return True


def describe_filter(wanted: EventFilter, now: float) -> str:
    """The filter in words for a header: ``rig shop · work · since 1h``; ``all`` if nothing is filtered."""
    from gastown_core.clock import format_age

    parts = [f"{name} {value}" for name, value in (("rig", wanted.rig), ("role", wanted.role)) if value]
    parts += [value for value in (wanted.category, wanted.type, wanted.agent, wanted.bead) if value]
    if wanted.text:
        parts.append(f"“{wanted.text}”")
    if wanted.since:
        parts.append(f"since {format_age(max(0.0, now - wanted.since))}")
    return " · ".join(parts) or "all"


QUIET_TYPES = frozenset(("agent", "role", "rig", "message", "event", "convoy", "merge-request"))
QUIET_LABELS = frozenset(
    (
        "gt:agent",
        "gt:message",
        "gt:role",
        "gt:rig",
        "gt:convoy",
        "gt:merge-request",
        "gt:sling-context",
        "gt:escalation",
    )
)
"""Records that change as a by-product of acts which log an event of their own."""
REPEAT_S = 2.0


def event_row(event: TownEvent, roster: Roster) -> EventRow:
    """The row of a logged event."""
    kind = kind_of(event.type)
    actor = roster.resolve(event.actor) if event.actor else Address(OTHER, "", "system")
    rig = event.payload.get("rig")
    place = rig if isinstance(rig, str) and roster.resolve(f"{rig}/witness").rig == rig else actor.rig
    return EventRow(
        event.ts,
        event.type,
        kind.category,
        kind.tone,
        kind.symbol,
        kind.ascii,
        actor,
        place,
        describe(event),
        target_of(event),
        "log",
    )


def change_kind(old: Excerpt | None, new: Excerpt | None) -> str:
    """What happened between two states of a bead: a kind of BEAD_CHANGES, empty if nothing worth a row."""
    if new is None:
        return "delete" if old is not None else ""
    if old is None:
        return "create"
    if old.status != new.status:
        if new.status == CLOSED:
            return "complete"
        if old.status == CLOSED:
            return "reopen"
        return "pin" if new.status == PINNED else "update"
    if (old.title, old.assignee, old.priority, old.labels) != (new.title, new.assignee, new.priority, new.labels):
        return "update"
    return ""


def ledger_row(old: Excerpt | None, new: Excerpt | None, store: str, now: float) -> EventRow | None:
    """The row of a changed record, None for by-products and changes not worth one. ``store`` is ``town`` or a rig."""
    subject = new or old
    name = change_kind(old, new)
    if subject is None or not name or subject.issue_type in QUIET_TYPES or QUIET_LABELS.intersection(subject.labels):
        return None
    payload: dict[str, object] = {"bead": subject.id, "title": subject.title}
    if old is not None and new is not None:
        payload.update({"from": old.status, "to": new.status})
        if new.assignee and (new.assignee != old.assignee or new.status != old.status):
            payload["assignee"] = new.assignee
    at = new.updated_at if new is not None and new.updated_at else now
    event = TownEvent(at, name, store, payload, "feed", -1)
    kind = kind_of(name)
    rig = "" if store == "town" else store
    actor = Address(OTHER, rig, store)
    text = describe(event)
    return EventRow(at, name, kind.category, kind.tone, kind.symbol, kind.ascii, actor, rig, text, subject.id, "ledger")


def revision_of(event: TownEvent) -> tuple[str, str] | None:
    """Return (bead, revision) of an event about a record's change, None for others."""
    if event.type not in BEAD_CHANGES:
        return None
    bead, revision = event.payload.get("bead"), event.payload.get("rev")
    return (bead, revision) if isinstance(bead, str) and isinstance(revision, str) else None


class Doubles:
    """Remembers the changes that have a row already, a few hundred of them."""

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._revisions: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._touched: OrderedDict[str, float] = OrderedDict()

    def first(self, bead: str, revision: str) -> bool:
        """Whether this change is new; remembers it."""
        key = (bead, revision)
        if key in self._revisions:
            return False
        self._revisions[key] = None
        if len(self._revisions) > self._size:
            self._revisions.popitem(last=False)
        return True

    def touch(self, bead: str, at: float) -> None:
        """A row about this bead was shown at ``at``."""
        self._touched[bead] = at
        self._touched.move_to_end(bead)
        if len(self._touched) > self._size:
            self._touched.popitem(last=False)

    def is_repeat(self, bead: str, at: float) -> bool:
        """Whether a row about this bead was shown less than two seconds before ``at``."""
        last = self._touched.get(bead)
        return last is not None and abs(at - last) < REPEAT_S
