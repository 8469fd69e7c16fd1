"""Refresh: a stuck convoy is read again, repaired and dispatched; and convoys with neglected ready members."""

from __future__ import annotations

from gastown_core.beads.rules import entries_of
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import CLOSED, OPEN, TRACKS, unwrap_external
from gastown_core.model.record import Record
from gastown_core.work import retry_delay
from gastown_core.work.board import Board
from gastown_core.work.convoy import feeding, landing
from gastown_core.work.convoys import get_convoy, wrap
from gastown_core.work.scheduler import reclaim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.clock import Clock
    from gastown_core.model.obstacle import Obstacle
    from gastown_core.work.convoys import Convoy
    from gastown_core.work.scheduler.dispatch import Dispatched


class Refreshed(Record):
    """A convoy before and after; ``held`` are (member, why) of what waits, ``repaired`` ids with corrected edges."""

    before: Convoy
    after: Convoy
    repaired: tuple[str, ...]
    released: tuple[str, ...]
    fed: tuple[Dispatched, ...]
    held: tuple[tuple[str, Obstacle], ...]
    landed: bool
    waiting: int = 0
    full: str = ""
    """Why ready members have no room."""

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy refresh --json`` prints it."""
        return {
            "id": self.after.bead.id,
            "title": self.after.bead.title,
            "status": self.after.bead.status,
            "before": self.before.progress._asdict(),
            "after": self.after.progress._asdict(),
            "repaired": list(self.repaired),
            "released": list(self.released),
            "fed": [one.as_json() for one in self.fed],
            "held": [{"id": bead_id, "code": hold.code, "why": hold.text} for bead_id, hold in self.held],
            "landed": self.landed,
            "waiting": self.waiting,
        }


def refresh(
    root: str, ledger: TownLedger, convoy_id: str, *, actor: str, clock: Clock = SYSTEM_CLOCK, wait_s: float = 10.0
) -> Refreshed:
    """Read every member from its own rig, repair edges, release what dead workers hold, then land or dispatch it.

    Removes no member.  Raises NotFoundError.
    """
    before = get_convoy(ledger, convoy_id)
    convoy = before.bead.id
    repaired = _repair(ledger, before, actor)
    members = [bead_id for bead_id, _ in before.members]
    released = reclaim.release_dead(root, ledger, actor=actor, bead_ids=members, clock=clock) if members else []
    for bead_id in members:
        retry_delay.forget(root, bead_id)
    landed = bool(landing.check_convoys(root, ledger, actor=actor, only=(convoy,), clock=clock))
    fed: list[Dispatched] = []
    if not landed and before.bead.status == OPEN:
        fed = feeding.feed(root, actor=actor, clock=clock, ledger=ledger, only=(convoy,), wait_s=wait_s)
    after = get_convoy(ledger, convoy)
    left = feeding.plan_feed(root, ledger, Board(root, ledger, clock.now()), only=(convoy,), with_holds=False)
    return Refreshed(
        before,
        after,
        tuple(repaired),
        tuple(released),
        tuple(fed),
        tuple(holds_of(root, ledger, after, clock=clock)),
        landed,
        len(left.line),
        left.capacity.refusal(left.line[0].rig) if left.line and left.capacity is not None else "",
    )


def _repair(ledger: TownLedger, convoy: Convoy, actor: str) -> list[str]:
    """Write each member's edge in the form for its store (``external:<prefix>:<id>``); return the corrected ids."""
    changed: list[str] = []
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.get(convoy.bead.id)
        edges = entries_of(bead.raw, "dependencies") if bead is not None else []
        for place, edge in enumerate(edges):
            if not isinstance(edge, dict) or edge.get("type") != TRACKS:
                continue
            written = str(edge.get("depends_on_id"))
            plain = unwrap_external(written)
            try:
                right = wrap(ledger, plain)
            except NotFoundError:
                continue
            if right != written:
                edges[place] = {**edge, "depends_on_id": right}
                changed.append(plain)
        if changed and bead is not None:
            batch.update(bead.id, {"dependencies": edges})
    return changed


def holds_of(
    root: str,
    ledger: TownLedger,
    convoy: Convoy,
    *,
    clock: Clock = SYSTEM_CLOCK,
    live: frozenset[str] | str | None = "unasked",
) -> list[tuple[str, Obstacle]]:
    """Return what holds each member that is not closed; ready ones are left out."""
    board = Board(root, ledger, clock.now(), live=live)
    board.learn(bead_id for bead_id, _ in convoy.members)
    out = []
    for bead_id, member in convoy.members:
        if member is not None and member.status == CLOSED:
            continue
        hold = board.hold(bead_id)
        if hold is not None:
            out.append((bead_id, hold))
    return out


class Stranded(Record):
    """An open convoy with ready members that nobody works on."""

    convoy: Excerpt
    ready: tuple[feeding.Candidate, ...]
    tracked: int
    base_branch: str

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy stranded --json`` prints it."""
        from gastown_core.clock import format_micros

        return {
            "id": self.convoy.id,
            "title": self.convoy.title,
            "tracked_count": self.tracked,
            "ready_count": len(self.ready),
            "ready_issues": [one.bead for one in self.ready],
            "created_at": format_micros(self.convoy.created_at),
            "base_branch": self.base_branch,
        }


def stranded(root: str, ledger: TownLedger, *, clock: Clock = SYSTEM_CLOCK) -> list[Stranded]:
    """Return open convoys with ready members that nobody works on, oldest first; paused mountains too."""
    from gastown_core.work.convoys import member_ids
    from gastown_core.work.failure_count import PAUSED

    convoys = feeding.open_convoys(ledger)
    plain = [one._replace(labels=tuple(x for x in one.labels if x != PAUSED)) for one in convoys]
    board = Board(root, ledger, clock.now())
    # each convoy by itself: a bead in two of them is ready in both
    out = []
    town = ledger.store_for("hq-x")
    for one in plain:
        plan = feeding.plan_feed(root, ledger, board, convoys=[one], with_holds=False, with_room=False)
        if plan.line:
            bead = town.get(one.id)
            base = bead.fields.get("base_branch", "") if bead is not None else ""
            out.append(Stranded(one, plan.line, len(member_ids(one)), base))
    return out
