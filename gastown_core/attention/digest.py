"""What happened since somebody last looked: landed, sent back, died, escalated, held, and who waits now.

A pure reading of the event log, newest event first, beside the attention list of now.  What ended meanwhile is not listed: a request
that was sent back and landed later has landed, an escalation that was closed is over.
"""

from __future__ import annotations

import os

from gastown_core.attention.item import ESCALATION, READ, YOU
from gastown_core.attention.look import attention
from gastown_core.attention.marks import sort_rows
from gastown_core.clock import format_seconds
from gastown_core.errors import GastownError, StoreError, words_of
from gastown_core.events.log import events_since, log_path
from gastown_core.files import system
from gastown_core.files.folders import cache_folder
from gastown_core.model.address import parse_address
from gastown_core.model.event import describe
from gastown_core.model.event_kinds import text_of
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from gastown_core.attention.item import Item
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.model.town_event import TownEvent

WAITS, ESCALATED, SENT_BACK, DIED, HELD, LANDED = "waits", "escalated", "sent back", "died", "held", "landed"
SECTIONS = {
    WAITS: "Waits for you",
    ESCALATED: "Escalated and open",
    SENT_BACK: "Sent back",
    DIED: "Died",
    HELD: "Held or stuck",
    LANDED: "Landed",
}
"""Section → its heading, in the order of need."""
MOST_EVENTS = 200_000
"""So many events are read at most; an older span is said to be cut."""
LOOKED = os.path.join(".runtime", "console", "looked")


class DigestRow(Record):
    """One thing: its newest moment, whose it is, what it is in words, and where it can be opened.

    ``bead`` and ``commit`` are empty if there is none; ``times`` says how often it happened; ``kind`` is the type of its
    newest event, empty for what the snapshot tells.
    """

    section: str
    at: float
    who: str
    words: str
    bead: str = ""
    commit: str = ""
    times: int = 1
    kind: str = ""


class Digest(Record):
    """The rows by section, each newest first; the figures that need no row; ``is_cut``: the log goes back further."""

    since: float
    until: float
    rows: tuple[DigestRow, ...]
    dispatched: int = 0
    handed_in: int = 0
    is_cut: bool = False
    to_read: int = 0

    def of(self, section: str) -> list[DigestRow]:
        """Return the rows of a section."""
        return [row for row in self.rows if row.section == section]

    @property
    def summary(self) -> str:
        """All in a line: ``6 landed, 1 sent back, 3 died, 1 waits for you``."""
        count = {section: len(self.of(section)) for section in SECTIONS}
        told = [
            f"{count[section]} {section}" for section in (LANDED, SENT_BACK, DIED, ESCALATED, HELD) if count[section]
        ]
        if count[WAITS]:
            told.append(f"{count[WAITS]} {'waits' if count[WAITS] == 1 else 'wait'} for you")
        return ", ".join(
            [*(told or ["nothing that needs you"]), *([f"{self.to_read} to read"] if self.to_read else [])]
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as ``gt digest --json`` prints it."""
        rows = [{**row._asdict(), "at": format_seconds(row.at) if row.at else None} for row in self.rows]
        span = {"since": format_seconds(self.since), "until": format_seconds(self.until)}
        figures = {"dispatched": self.dispatched, "handed_in": self.handed_in, "to_read": self.to_read}
        return {**span, "summary": self.summary, **figures, "is_cut": self.is_cut, "rows": rows}


class _Topic(Record):
    """How an event kind enters the digest: its section and what makes two events the same thing."""

    section: str
    key: Callable[[TownEvent], str]


def _by(*names: str) -> Callable[[TownEvent], str]:
    """Return the key made of these parts of the payload."""
    return lambda event: "/".join(text_of(event.payload, name) for name in names)


def _agent(event: TownEvent) -> str:
    return text_of(event.payload, "agent") or text_of(event.payload, "target") or event.actor


TOPICS: Mapping[str, _Topic] = {
    "merged": _Topic(LANDED, _by("bead", "mr")),
    "integration_landed": _Topic(LANDED, _by("epic", "branch")),
    "convoy_landed": _Topic(LANDED, _by("convoy")),
    "convoy_closed": _Topic(LANDED, _by("convoy")),
    "mountain_complete": _Topic(LANDED, _by("convoy")),
    "merge_failed": _Topic(SENT_BACK, _by("bead")),
    "mr_rejected": _Topic(SENT_BACK, _by("bead")),
    "merge_reverted": _Topic(SENT_BACK, _by("bead")),
    "session_death": _Topic(DIED, _agent),
    "mass_death": _Topic(DIED, lambda event: event.type),
    "escalation_sent": _Topic(ESCALATED, _by("escalation_id")),
    "queue_held": _Topic(HELD, _by("rig", "target")),
    "scheduler_paused": _Topic(HELD, lambda event: "scheduler"),
    "scheduler_gave_up": _Topic(HELD, _by("bead")),
    "scheduler_dispatch_failed": _Topic(HELD, _by("bead")),
    "convoy_stalled": _Topic(HELD, _by("convoy")),
    "mountain_paused": _Topic(HELD, _by("convoy")),
    "budget_exceeded": _Topic(HELD, _by("bead")),
    "incident_opened": _Topic(HELD, _by("incident")),
    "nudge_dead": _Topic(HELD, _by("rig", "target", "reason")),
}
"""Event kind → how it enters."""
ENDS: Mapping[str, tuple[_Topic, ...]] = {
    "merged": (_Topic(SENT_BACK, _by("bead")), _Topic(HELD, _by("bead"))),
    "merge_reverted": (_Topic(LANDED, _by("bead", "mr")),),
    "convoy_reopened": (_Topic(LANDED, _by("convoy")),),
    "complete": (_Topic(SENT_BACK, _by("bead")), _Topic(HELD, _by("bead"))),
    "escalation_closed": (_Topic(ESCALATED, _by("escalation_id")),),
    "queue_released": (_Topic(HELD, _by("rig", "target")),),
    "scheduler_resumed": (_Topic(HELD, lambda event: "scheduler"),),
    "scheduler_dispatch": (_Topic(HELD, _by("bead")),),
    "sling": (_Topic(HELD, _by("bead")),),
    "mountain_resumed": (_Topic(HELD, _by("convoy")),),
    "convoy_landed": (_Topic(HELD, _by("convoy")),),
    "convoy_closed": (_Topic(HELD, _by("convoy")),),
    "incident_closed": (_Topic(HELD, _by("incident")),),
}
"""Event kind → what it puts an end to."""
DISPATCHED, HANDED_IN = "sling", "done"


def read_digest(root: str, since: float, snapshot: TownSnapshot, now: float) -> Digest:
    """Return the digest of the town since a moment, with titles from its ledgers. Raises GastownError."""
    waits = sort_rows(root, attention(snapshot), now)[0].shown
    try:
        found = digest(events_since(log_path(root), since), since, waits, now)
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError("what happened cannot be told: the event log is unreadable", why, log_path(root)) from error
    beads = {row.bead for row in found.rows if row.bead}
    if not beads:
        return found
    from gastown_core.beads.ledger import TownLedger

    titles = {name: bead.title for name, bead in TownLedger(root).get_many(sorted(beads)).items()}
    return found._replace(rows=tuple(_titled(row, titles) for row in found.rows))


def _titled(row: DigestRow, titles: Mapping[str, str]) -> DigestRow:
    title = titles.get(row.bead, "")
    if not title or title in row.words:
        return row
    return row._replace(words=f"{title} {row.words}" if row.words.startswith("→") else f"{title}: {row.words}")


def digest(newest_first: Iterable[TownEvent], since: float, waits: Iterable[Item], now: float) -> Digest:
    """Return what the events since a moment tell, and what waits on a person now; pure."""
    rows: dict[tuple[str, str], DigestRow] = {}
    ended: set[tuple[str, str]] = set()
    running: set[str] = set()
    dispatched = handed_in = number = 0
    is_cut = False
    for number, event in enumerate(newest_first):
        if event.ts > 0 and event.latest <= since:
            # a line that was written out of order
            continue
        if number >= MOST_EVENTS:
            is_cut = True
            break
        dispatched += event.type == DISPATCHED
        handed_in += event.type == HANDED_IN
        if event.type == "session_start":
            running.add(parse_address(event.actor).path)
        topic = TOPICS.get(event.type)
        if topic is not None:
            _take(rows, ended, topic, event, running)
        ended.update((one.section, one.key(event)) for one in ENDS.get(event.type, ()))
    order, now_list = list(SECTIONS), tuple(waits)
    escalated = {row.bead for row in rows.values() if row.section == ESCALATED}
    found = sorted(
        (*_waiting(now_list, escalated), *rows.values()), key=lambda row: (order.index(row.section), -row.at)
    )
    to_read = sum(one.needs == READ for one in now_list)
    return Digest(since, now, tuple(found), dispatched, handed_in, is_cut, to_read)


def _take(
    rows: dict[tuple[str, str], DigestRow],
    ended: set[tuple[str, str]],
    topic: _Topic,
    event: TownEvent,
    running: set[str],
) -> None:
    """Add an event that did not end later; an earlier one of the same thing only counts."""
    mark = (topic.section, topic.key(event))
    if mark in ended:
        return
    if mark in rows:
        rows[mark] = rows[mark]._replace(times=rows[mark].times + 1)
        return
    payload = event.payload
    words, who = describe(event), text_of(payload, "worker") or event.actor
    if event.type == "session_death":
        who = _agent(event)
        words = text_of(payload, "reason") or "no reason is known"
        if parse_address(who).path in running:
            words = f"{words} (running again)"
    elif event.type == "escalation_sent":
        words = f"{text_of(payload, 'severity').upper()} {text_of(payload, 'reason')}".strip()
    elif event.type in ("merged", "merge_failed", "mr_rejected", "merge_reverted"):
        rig = event.actor.partition("/")[0]
        who = who if "/" in who else f"{rig}/polecats/{who}"
        target = text_of(payload, "target")
        reason = text_of(payload, "reason") or words
        words = (f"→ {target}" if target else "landed") if event.type == "merged" else reason
        if event.type == "merge_reverted":
            words = f"taken back from {target}: {reason}"
    bead = text_of(payload, "bead") or text_of(payload, "convoy") or text_of(payload, "escalation_id")
    rows[mark] = DigestRow(
        topic.section,
        event.ts,
        parse_address(who).short,
        words,
        bead,
        text_of(payload, "commit"),
        1,
        event.type,
    )


def _waiting(items: Iterable[Item], escalated: set[str]) -> Iterable[DigestRow]:
    """Yield what waits on a person by the attention list, but for the escalations that have rows of their own."""
    for item in items:
        if item.needs == YOU and not (item.kind == ESCALATION and item.bead in escalated):
            yield DigestRow(WAITS, item.since, item.subject.name, item.question, item.bead or item.work)


# -- when somebody last looked ----------------------------------------------------------------------------------


def last_look(root: str) -> float:
    """Return when a person last used the console or read a digest, in Unix seconds; 0 if never."""
    try:
        return os.stat(os.path.join(root, LOOKED)).st_mtime
    except OSError:
        return 0.0


def note_look(root: str, now: float) -> str:
    """Note that a person looks now; return why that cannot be kept, empty if it is."""
    path = os.path.join(root, LOOKED)
    try:
        cache_folder(os.path.dirname(path))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | system.EXACT, 0o600))
        os.utime(path, (now, now))
    except (OSError, GastownError) as error:
        return words_of(error)
    return ""


def away_after(root: str) -> float:
    """Return the seconds without a key after which a person counts as away, from the settings; 0: never."""
    from gastown_core.town.settings import load_settings

    return load_settings(root).seconds("console.away_after")
