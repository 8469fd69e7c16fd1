"""Slinging several beads: a batch to one rig under one convoy, or the work of an epic or a convoy.

A batch is checked as a whole before it starts; then each bead is slung by itself, and a failure does not stop the
others.
"""

from __future__ import annotations

import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, UsageError
from gastown_core.model.address import Address
from gastown_core.model.bead import CLOSED, is_convoy
from gastown_core.model.record import Record
from gastown_core.town.identity import HUMAN
from gastown_core.work import convoys
from gastown_core.work.request import SlingRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
PAUSE_S = 6.0
"""The pause after every ``most`` spawns, to spare the machine."""


class One(Record):
    """The result for one bead; ``waits`` says why it was left for later."""

    bead: str
    ok: bool
    agent: str = ""
    branch: str = ""
    error: str = ""
    deferred: bool = False
    waits: str = ""
    was_hooked: bool = False

    def as_json(self) -> dict[str, object]:
        """One element of ``results``."""
        return self._asdict()


class Many:
    """Several slings; ``run`` yields each result, then ``convoy`` is the one that tracks them."""

    def __init__(
        self,
        root: str,
        ledger: TownLedger,
        request: SlingRequest,
        *,
        me: Address = HUMAN,
        actor: str = "overseer",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.root = root
        self.ledger = ledger
        self.request = request
        self.me = me
        self.actor = actor
        self.clock = clock
        self.convoy = request.convoy_id
        self.warnings: list[str] = []

    # -- several beads to one rig ------------------------------------------------------------------------------

    def check(self, ids: Sequence[str], rig: str) -> None:
        """Refuse the whole batch if one bead cannot be slung. Raises ConflictError, UsageError."""
        from gastown_core.work.sling.sling import Sling

        wrong: list[GastownError] = []
        for bead_id in ids:
            sling = Sling(self.root, self._request(bead_id, rig), me=self.me, actor=self.actor, clock=self.clock)
            try:
                sling.plan(needs_room=False)
            except GastownError as error:
                wrong.append(error)
        if len(wrong) == 1:
            raise wrong[0]
        if wrong:
            raise ConflictError(
                f"{len(wrong)} of {len(ids)} beads cannot be slung",
                "; ".join(error.what for error in wrong[:5]),
                "nothing was started; leave them out, or put them right",
            )

    def run(self, ids: Sequence[str], rig: str, *, most: int = 0, pause_s: float = PAUSE_S) -> Iterator[One]:
        """Sling the beads one after another. Raises the same as ``check`` before anything changes."""
        self.check(ids, rig)
        made = self._bundle(ids, f"Batch: {len(ids)} beads to {rig}")
        started, reached = 0, 0
        for bead_id in ids:
            if most and started and started % most == 0:
                time.sleep(pause_s)
            one = self._sling(bead_id, rig)
            started += one.ok and not one.was_hooked
            reached += one.ok
            yield one
        if made and not reached:
            with self.ledger.store_for(made).write(self.actor) as batch:
                batch.delete(made)
            self.convoy = ""

    def _request(self, bead_id: str, rig: str) -> SlingRequest:
        return self.request._replace(bead=bead_id, target=rig, convoy=False, convoy_id=self.convoy)

    def _bundle(self, ids: Sequence[str], title: str) -> str:
        """Create one convoy for the beads without one; return its id, empty if none was needed."""
        if not self.request.convoy or self.convoy:
            return ""
        tracked = {bead_id: convoys.tracking(self.ledger, bead_id) for bead_id in ids}
        loose = [bead_id for bead_id, known in tracked.items() if not known]
        if not loose:
            self.convoy = next(known[0].id for known in tracked.values())
            return ""
        made = convoys.create_convoy(
            self.root,
            self.ledger,
            title,
            loose,
            owner=self.actor,
            merge=self.request.merge,
            base_branch=self.request.base_branch,
            owned=self.request.owned,
            clock=self.clock,
        )
        self.convoy = made.id
        return made.id

    def _sling(self, bead_id: str, rig: str) -> One:
        from gastown_core.work.scheduler.scheduler import enqueue, is_deferred
        from gastown_core.work.sling.sling import Sling

        request = self._request(bead_id, rig)
        try:
            if is_deferred(self.root):
                enqueue(self.root, self.ledger, request, actor=self.actor, clock=self.clock)
                return One(bead_id, True, deferred=True)
            sling = Sling(self.root, request, me=self.me, actor=self.actor, clock=self.clock)
            for _ in sling.run():
                pass
        except GastownError as error:
            return One(bead_id, False, error=str(error))
        result = sling.result
        self.warnings += [word for word in result.warnings if word not in self.warnings]
        return One(bead_id, True, result.agent, result.branch, was_hooked=result.was_hooked)

    # -- the work of an epic or a convoy --------------------------------------------------------------------------

    def run_bundle(self, bundle: Bead, rig: str = "") -> Iterator[One]:
        """Dispatch what is ready below the epic or in the convoy; the rest waits, each with its reason.

        With ``rig`` only that rig's work.  Raises UsageError if there is no work.
        """
        from gastown_core.work.board import Board
        from gastown_core.work.scheduler.dispatch import dispatch

        ids = self._members(bundle)
        board = Board(self.root, self.ledger, self.clock.now())
        board.learn(ids)
        ids = [bead_id for bead_id in ids if not rig or board.rig_of(bead_id) == rig]
        if not ids:
            where = f" of {rig}" if rig else ""
            raise UsageError(f"{bundle.id} holds no work{where}", f"it is a {bundle.issue_type}", "bd show tells more")
        self._choose_convoy(bundle, ids)
        for bead_id in ids:
            hold = board.hold(bead_id)
            if hold is not None:
                yield One(bead_id, True, waits=hold.text)
                continue
            request = self._request(bead_id, "")
            made = dispatch(
                self.root,
                self.ledger,
                bead_id,
                board.rig_of(bead_id),
                actor=self.actor,
                request=request,
                clock=self.clock,
            )
            yield One(bead_id, made.ok, made.agent, made.branch, made.error, made.deferred, was_hooked=not made.is_new)

    def _members(self, bundle: Bead) -> list[str]:
        from gastown_core.work.convoy.staging import work_below

        if is_convoy(bundle):
            return list(convoys.member_ids(bundle))
        excerpt = self.ledger.excerpt(bundle.id)
        return [bead.id for bead in work_below(self.ledger, excerpt)] if excerpt is not None else []

    def _choose_convoy(self, bundle: Bead, ids: Sequence[str]) -> None:
        """Use the convoy itself, or create one for the epic's open work, so that waiting beads are dispatched later."""
        if is_convoy(bundle):
            self.convoy = bundle.id
            return
        statuses = self.ledger.statuses(ids)
        unfinished = [bead_id for bead_id in ids if statuses.get(bead_id) not in (CLOSED, None)]
        if unfinished:
            self._bundle(unfinished, f"Epic: {bundle.title}"[:500])
