"""Explanations: for every bead that is not done, who gets it next and when, or what holds it.

They use the plan that convoys and scheduler follow, so they say what will happen.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, format_span, parse_moment
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import CLOSED, SLINGABLE, TOMBSTONE
from gastown_core.model.obstacle import BLOCKED, DONE, REVIEW
from gastown_core.model.obstacle import HELD as HOLDER
from gastown_core.model.record import Record
from gastown_core.town.settings import load_settings
from gastown_core.work.board import Board
from gastown_core.work.convoy import feeding
from gastown_core.work.convoys import member_ids, tracking
from gastown_core.work.failure_count import PAUSED
from gastown_core.work.scheduler import scheduler
from gastown_core.work.scheduler.dispatch import last_worker
from gastown_core.work.scheduler.sling_queue import read_queue
from gastown_core.work.workers import read_capacity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.clock import Clock
    from gastown_core.model.agent import Judged
    from gastown_core.model.obstacle import Obstacle
    from gastown_core.work.scheduler.scheduler import SchedulerState
    from gastown_core.work.workers import Capacity
NEXT, IN_LINE, HELD, NOBODY, WORKING, OVER = "next", "in line", "held", "nobody", "at work", "over"
"""Goes at the next cycle; waits for room; is held; nobody dispatches it; a worker or the refinery has it; is done."""
STATES = (NEXT, IN_LINE, HELD, NOBODY, WORKING, OVER)
_STATE_OF = {HOLDER: WORKING, REVIEW: WORKING, DONE: OVER}
DEEPEST = 6
MOST_LOOSE = 200
"""How many ready beads of a rig are considered, the most urgent first."""


class Answer(Record):
    """The future of one bead; ``place`` counts from 1 among the ready ones, ``code`` names the hold.

    ``because`` are the answers about its blockers.
    """

    bead: str
    title: str
    priority: int
    rig: str
    state: str
    text: str
    place: int = 0
    code: str = ""
    hint: str = ""
    convoy: str = ""
    because: tuple[Answer, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the answer as in ``gt scheduler explain --json``."""
        return {**self._asdict(), "because": [one.as_json() for one in self.because]}


class Account(Record):
    """All answers in the order of dispatch, with the capacity and the pause that they depend on."""

    answers: tuple[Answer, ...]
    working: int
    limit: int
    key: str
    queues: bool
    paused_by: str = ""
    host: str = ""
    """Why the machine takes no new agents now, empty if it does."""

    def as_json(self) -> dict[str, Any]:
        """Return the account as in ``gt scheduler explain --json``."""
        return {**self._asdict(), "answers": [one.as_json() for one in self.answers]}


def explain(
    root: str,
    ledger: TownLedger,
    bead_id: str = "",
    *,
    judge: Callable[[str, str], Judged | None] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Account:
    """Explain one bead, or all that are ready, queued or in an open convoy. Raises NotFoundError.

    ``judge`` returns the health of the agent that holds a bead (see ``Board``).
    """
    teller = _Teller(root, ledger, clock, judge)
    if bead_id:
        found = ledger.excerpt(bead_id)
        if found is None:
            store = ledger.store_for(bead_id)
            bead_id = store.resolve(bead_id)
            found = ledger.excerpt(bead_id)
        if found is None or found.status == TOMBSTONE:
            raise NotFoundError(f"no bead {bead_id}")
        answers = [teller.about(bead_id, 0)]
    else:
        answers = teller.everything()
    capacity = teller.capacity
    paused = (teller.state.paused_by or "somebody") if teller.state.paused else ""
    return Account(
        tuple(answers),
        capacity.working,
        capacity.limit,
        capacity.key,
        teller.queues,
        paused if teller.queues else "",
        capacity.host,
    )


def explain_all(
    root: str,
    ledger: TownLedger,
    bead_ids: Iterable[str],
    *,
    judge: Callable[[str, str], Judged | None] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> list[Answer]:
    """Return the answers about these beads, in the order of dispatch."""
    teller = _Teller(root, ledger, clock, judge)
    answers = [teller.about(one, DEEPEST) for one in bead_ids]
    return sorted(answers, key=lambda one: (STATES.index(one.state), one.place, one.priority, one.bead))


class _Teller:
    """The line, the queue and the capacity at one moment."""

    def __init__(
        self, root: str, ledger: TownLedger, clock: Clock, judge: Callable[[str, str], Judged | None] | None = None
    ) -> None:
        self.root = root
        self.ledger = ledger
        self.clock = clock
        self.board = Board(root, ledger, clock.now(), judge=judge)
        self.state: SchedulerState = scheduler.read_state(root)
        self.convoys = feeding.open_convoys(ledger)
        self.plan = feeding.plan_feed(root, ledger, self.board, convoys=self.convoys)
        self.held_members = {member: hold for member, _, hold in self.plan.held}
        self.queue = read_queue(root, ledger, clock.now(), self.board)
        self.queues = scheduler.is_deferred(root) or bool(self.queue.waiting)
        self.capacity: Capacity = self.plan.capacity or read_capacity(root, ledger, live=self.board.live, clock=clock)
        settings = load_settings(root)
        self.batch = int(settings.lenient("scheduler.batch_size")) if scheduler.is_deferred(root) else 0
        self.known: dict[str, Answer] = {}
        self._tell_queue()
        self._tell_line()

    # -- the line --------------------------------------------------------------------------------------------

    def _tell_queue(self) -> None:
        room = self.capacity
        for place, waiting in enumerate(self.queue.ready, 1):
            context = waiting.context
            fits = room.room_in(context.rig) > 0
            if self.state.paused:
                state, code, text = HELD, "paused", f"{_nth(place)} in the queue; {self._paused()}"
                hint = "gt scheduler resume"
            elif fits and (not self.batch or place <= self.batch):
                state, code, hint = NEXT, "", ""
                text = f"{self._taker(context.bead, context.rig)} at the next cycle"
            else:
                state, code, hint = IN_LINE, "capacity" if not fits else "batch", ""
                text = f"{_nth(place)} in the queue; {self._wait(place, room, context.rig)}"
            if fits:
                room = room.taken(context.rig)
            bead = self.board.bead(context.bead)
            self._keep(bead, context.bead, context.rig, state, text, place, code, hint, context.request.convoy_id)
        for waiting in self.queue.waiting:
            if waiting.held:
                bead = self.board.bead(waiting.context.bead)
                hold = self.board.hold(waiting.context.bead, rig=waiting.context.rig, queued=True)
                text = f"queued, but {waiting.held}"
                code = hold.code if hold is not None else ""
                self._keep(bead, waiting.context.bead, waiting.context.rig, HELD, text, 0, code, "", "")

    def _tell_line(self) -> None:
        room = self.capacity
        before = len(self.queue.ready)
        for _ in range(before):
            room = room._replace(room=max(0, room.room - 1))
        for place, one in enumerate(self.plan.line, before + 1):
            if one.bead in self.known:
                continue
            fits = room.room_in(one.rig) > 0
            if fits:
                room = room.taken(one.rig)
            hint = ""
            if self.state.paused and scheduler.is_deferred(self.root):
                state, code, hint = HELD, "paused", "gt scheduler resume"
                text = f"{_nth(place)} in line, but {self._paused()}"
            elif fits:
                state, code, text = NEXT, "", f"{self._taker(one.bead, one.rig)} at the next feeding"
            else:
                state, code = IN_LINE, "capacity"
                text = f"{_nth(place)} in line; {self._wait(place, room, one.rig)}"
            self._keep(self.board.bead(one.bead), one.bead, one.rig, state, text, place, code, hint, one.convoy)

    def _keep(
        self,
        bead: Excerpt | None,
        bead_id: str,
        rig: str,
        state: str,
        text: str,
        place: int,
        code: str,
        hint: str,
        convoy: str,
    ) -> None:
        title, priority = (bead.title, bead.priority) if bead is not None else ("", 0)
        self.known[bead_id] = Answer(bead_id, title, priority, rig, state, text, place, code, hint, convoy)

    def _taker(self, bead_id: str, rig: str) -> str:
        bead = self.ledger.get(bead_id)
        worker = last_worker(self.root, self.ledger, bead, rig) if bead is not None else ""
        return f"{rig}/{worker} continues it" if worker else f"a free polecat of {rig} takes it"

    def _wait(self, place: int, room: Capacity, rig: str) -> str:
        if room.host:
            return f"no new agent: {room.host}; starts when that is over"
        refusal = room.refusal(rig)
        if refusal:
            left = self.capacity.room
            before = "the free polecat goes to the one before it"
            full = self.capacity.refusal(rig) or (before if left == 1 else f"{left} may start before it")
            ahead = max(1, place - self.capacity.room)
            return f"{full}; starts when {ahead} more {'is' if ahead == 1 else 'are'} done"
        return f"{self.batch} go{'es' if self.batch == 1 else ''} with each cycle (scheduler.batch_size)"

    def _paused(self) -> str:
        since = parse_moment(self.state.paused_at)
        ago = f" {format_span(self.clock.now() - since)} ago" if since else ""
        return f"the scheduler was paused by {self.state.paused_by or 'somebody'}{ago}"

    # -- one bead --------------------------------------------------------------------------------------------

    def about(self, bead_id: str, depth: int) -> Answer:
        """Return the answer about any bead, with those about its blockers."""
        known = self.known.get(bead_id)
        if known is not None and known.state != HELD:
            return known
        bead = self.board.bead(bead_id)
        hold = self.board.hold(bead_id) or self.held_members.get(bead_id)
        if bead is None or bead.status == TOMBSTONE:
            text = hold.text if hold is not None else "no ledger knows it"
            return Answer(bead_id, "", 0, "", HELD, text, 0, hold.code if hold is not None else "")
        if known is None:
            known = self._judge(bead, hold)
        if known.code == BLOCKED and depth < DEEPEST:
            ids = [one.id for one in self.board.graph.own_holds(bead_id)][:5]
            known = known._replace(because=tuple(self.about(one, depth + 1) for one in ids))
        return known

    def _judge(self, bead: Excerpt, hold: Obstacle | None) -> Answer:
        rig = self.board.rig_of(bead.id)
        answer = Answer(bead.id, bead.title, bead.priority, rig, HELD, "")
        convoys = tracking(self.ledger, bead.id) if bead.status != CLOSED else []
        if convoys:
            answer = answer._replace(convoy=convoys[0].id)
        if hold is not None:
            state = _STATE_OF.get(hold.code, HELD)
            return answer._replace(state=state, text=self._text(bead, hold), code=hold.code, hint=hold.hint)
        for convoy in convoys:
            if convoy.status.startswith("staged_"):
                text, hint = f"its convoy {convoy.id} is staged, not launched", f"gt convoy launch {convoy.id}"
                return answer._replace(text=text, code="staged", hint=hint)
            if PAUSED in convoy.labels:
                text, hint = f"its mountain {convoy.id} is paused", f"gt mountain resume {convoy.id}"
                return answer._replace(text=text, code="paused", hint=hint)
        return answer._replace(
            state=NOBODY,
            text="ready, but in no open convoy and not queued: nobody dispatches it",
            code="unfed",
            hint=f"gt sling {bead.id} {rig}, or gt convoy add CONVOY {bead.id}",
        )

    def _text(self, bead: Excerpt, hold: Obstacle) -> str:
        """Return the hold in words; for a closed bead its reason, for one in review its request."""
        if hold.code == DONE:
            whole = self.ledger.get(bead.id)
            why = whole.text("close_reason") if whole is not None else ""
            return f"closed: {why}" if why else "closed"
        if hold.code == REVIEW:
            from gastown_core.work.merge_requests import requests_for

            store = self.ledger.home_of(bead.id)
            found = requests_for(store, bead.id) if store is not None else []
            if found:
                return f"{hold.text} as {found[0].id}"
        return hold.text

    # -- all of them -----------------------------------------------------------------------------------------

    def everything(self) -> list[Answer]:
        """Return what is dispatched, in order, then what is held, then what nobody dispatches."""
        ids = dict.fromkeys(self.known)
        for convoy in self.convoys:
            ids.update(dict.fromkeys(member_ids(convoy)))
        for name, store in self.ledger.stores().items():
            if name in self.board.rigs:
                query = BeadQuery(types=tuple(sorted(SLINGABLE - {""})), limit=MOST_LOOSE)
                ids.update(dict.fromkeys(one.id for one in store.ready_excerpts(query, self.clock.now())))
        statuses = self.ledger.statuses(ids)
        still = [one for one in ids if statuses.get(one) != CLOSED]
        self.board.learn(one for one in still if one not in self.known)
        answers = [self.about(one, DEEPEST) for one in still]
        return sorted(answers, key=lambda one: (STATES.index(one.state), one.place, one.priority, one.bead))


def _nth(place: int) -> str:
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
