"""A mountain's state: its members by group, and why the waiting ones wait."""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW, TOMBSTONE
from gastown_core.model.obstacle import SKIP
from gastown_core.model.record import Record
from gastown_core.work.board import Board
from gastown_core.work.convoy.staging import ORDERING, waves_of
from gastown_core.work.convoys import find_convoys, get_convoy
from gastown_core.work.failure_count import MOUNTAIN, PAUSED, failures_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
COMPLETED, ACTIVE, READY, SKIPPED, BLOCKED = GROUPS = ("completed", "active", "ready", "skipped", "blocked")


class Climber(Record):
    """One member: its group, its wave (0 once done), and why it waits; ``by_skip`` if a skipped member holds it."""

    id: str
    title: str
    status: str
    assignee: str
    group: str
    wave: int = 0
    why: str = ""
    failures: int = 0
    by_skip: bool = False


class View(Record):
    """A mountain and its members."""

    convoy: Bead
    members: tuple[Climber, ...]
    waves: int

    @property
    def is_paused(self) -> bool:
        """Whether dispatch and audit are paused."""
        return PAUSED in self.convoy.labels

    @property
    def total(self) -> int:
        """How many members it has."""
        return len(self.members)

    def of(self, group: str) -> list[Climber]:
        """The members of a group."""
        return [one for one in self.members if one.group == group]

    @property
    def is_stuck_on_skips(self) -> bool:
        """Whether only skipped members and those waiting for them are left."""
        rest = [one for one in self.members if one.group != COMPLETED]
        return any(one.group == SKIPPED for one in rest) and all(one.group == SKIPPED or one.by_skip for one in rest)

    def counts(self) -> dict[str, int]:
        """Group → how many."""
        return {group: len(self.of(group)) for group in GROUPS}

    def as_json(self) -> dict[str, Any]:
        """As ``gt mountain status --json`` prints it."""
        return {
            "convoy_id": self.convoy.id,
            "title": self.convoy.title,
            "status": self.convoy.status,
            "paused": self.is_paused,
            "total": self.total,
            **self.counts(),
            "waves": self.waves,
            "members": [one._asdict() for one in self.members],
        }


def list_mountains(ledger: TownLedger) -> list[Excerpt]:
    """Mountains that are not closed, the oldest first."""
    query = BeadQuery(exclude_statuses=(CLOSED,), labels_all=(MOUNTAIN,))
    return find_convoys(ledger.store_for("hq-x").excerpts, query)


def look(
    root: str,
    ledger: TownLedger,
    convoy_id: str,
    *,
    board: Board | None = None,
    live: frozenset[str] | str | None = "unasked",
    clock: Clock = SYSTEM_CLOCK,
) -> View:
    """Read a mountain and all its members."""
    convoy = get_convoy(ledger, convoy_id)
    board = board or Board(root, ledger, clock.now(), live=live)
    ids = [bead_id for bead_id, _ in convoy.members]
    board.learn(ids)
    still = {
        one: bead for one in ids if (bead := board.bead(one)) is not None and bead.status not in (CLOSED, TOMBSTONE)
    }
    waves = waves_of(
        {one: [edge.target for edge in bead.edges if edge.type in ORDERING] for one, bead in still.items()}
    )
    number = {one: place for place, wave in enumerate(waves, 1) for one in wave}
    climbers = [_climber(board, one, number.get(one, 0)) for one in ids]
    return View(convoy.bead, tuple(_mark_skips(board, climbers)), len(waves))


def _climber(board: Board, bead_id: str, wave: int) -> Climber:
    bead = board.bead(bead_id)
    if bead is None:
        return Climber(bead_id, "", "missing", "", BLOCKED, 0, "no ledger of this town has it")
    if bead.status in (CLOSED, TOMBSTONE):
        return Climber(bead_id, bead.title, bead.status, bead.assignee, COMPLETED)
    hold = board.hold(bead_id)
    if bead.status in (HOOKED, IN_PROGRESS, IN_REVIEW):
        group = ACTIVE
    elif hold is None:
        group = READY
    else:
        group = SKIPPED if hold.code == SKIP else BLOCKED
    why = hold.text if hold is not None else ""
    return Climber(bead_id, bead.title, bead.status, bead.assignee, group, wave, why, failures_of(bead.labels))


def _mark_skips(board: Board, climbers: list[Climber]) -> list[Climber]:
    """Mark blocked members that wait, directly or through others, for a skipped one."""
    tied = {one.id for one in climbers if one.group == SKIPPED}
    found = True
    while found:
        found = False
        for one in climbers:
            if one.group == BLOCKED and one.id not in tied:
                holds = board.graph.own_holds(one.id)
                if holds and any(hold.id in tied for hold in holds):
                    tied.add(one.id)
                    found = True
    return [one._replace(by_skip=one.group == BLOCKED and one.id in tied) for one in climbers]
