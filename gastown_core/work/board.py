"""The board: the state of the town's work at one moment; each fact is read once, on first use.

``hold`` is THE rule for dispatch (work-pipeline.md section 5.5): why a bead cannot be given to a polecat now, or None.
It does not cover whether there is room for one more polecat, or whether a convoy dispatches the bead.
"""

from __future__ import annotations

from gastown_core.beads import stalls
from gastown_core.beads.graph import REASONS, UNRESOLVED, Graph
from gastown_core.clock import format_span
from gastown_core.model.agent import Health
from gastown_core.model.bead import (
    CLOSED,
    DEFERRED,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    OPEN,
    PARENT_CHILD,
    SLINGABLE,
    TOMBSTONE,
)
from gastown_core.model.merge_request import MERGED_IN
from gastown_core.model.metadata import order_of
from gastown_core.model.obstacle import (
    ASLEEP,
    ASSIGNED,
    BLOCKED,
    COOLING,
    DELETED,
    DONE,
    GONE,
    HELD,
    HOMELESS,
    KIND,
    MISSING,
    PARKED,
    QUEUED,
    REVIEW,
    SKIP,
    Obstacle,
)
from gastown_core.model.states import RigState
from gastown_core.town.discover import rig_of_bead
from gastown_core.town.inventory import is_absent, read_inventory
from gastown_core.town.liveness import live_sessions
from gastown_core.town.settings import load_settings
from gastown_core.work import death_count, retry_delay
from gastown_core.work.deferred import open_contexts
from gastown_core.work.failure_count import SKIPPED
from gastown_core.work.workers import DEAD, LIVE, PERSON, polecat_of, worker_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gastown_core.beads.graph import Hold as Blocker
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.model.agent import Judged
    from gastown_core.town.inventory import Inventory, RigEntry
    from gastown_core.work.deferred import SlingContext
    from gastown_core.work.retry_delay import Cooling


class Board:
    """The town's work at ``now``. Call ``learn`` before asking about many beads.

    ``judge`` returns the health of the agent that holds a bead (``state.judgement``), for explanations to people.
    """

    def __init__(
        self,
        root: str,
        ledger: TownLedger,
        now: float,
        *,
        live: frozenset[str] | str | None = "unasked",
        judge: Callable[[str, str], Judged | None] | None = None,
    ) -> None:
        self.root = root
        self.ledger = ledger
        self.now = now
        self.graph = Graph(ledger.excerpt, self._children, now, self._is_merged, ledger.is_absent)
        self._live = live
        self._judge = judge
        self._rigs: dict[str, RigEntry] | None = None
        self._prefixes: dict[str, str] = {}
        self._inventory: Inventory | None = None
        self._queued: dict[str, SlingContext] | None = None
        self._cooling: Mapping[str, Cooling] | None = None
        self._died: dict[str, int] | None = None
        self._budgets: dict[str, Obstacle] | None = None
        self._most_deaths = 0

    # -- facts -----------------------------------------------------------------------------------------------

    def learn(self, bead_ids: Iterable[str]) -> None:
        """Read these beads, and the blockers of the open ones, in a few queries whatever their number."""
        found = self.ledger.excerpts(dict.fromkeys(bead_ids))
        for excerpt in found.values():
            self.graph.learn(excerpt)
        targets = {
            edge.target
            for excerpt in found.values()
            if excerpt.status != CLOSED
            for edge in excerpt.edges
            if edge.type != PARENT_CHILD and edge.target not in found
        }
        for excerpt in self.ledger.excerpts(targets).values() if targets else ():
            self.graph.learn(excerpt)

    def bead(self, bead_id: str) -> Excerpt | None:
        """Return the bead, status ``tombstone`` if it was deleted, None if no ledger has it."""
        return self.graph.bead(bead_id)

    @property
    def rigs(self) -> dict[str, RigEntry]:
        """The rigs by name."""
        if self._rigs is None:
            self._inventory = read_inventory(self.root)
            self._rigs = {rig.name: rig for rig in self._inventory.rigs}
            self._prefixes = {rig.name: rig.prefix for rig in self._rigs.values()}
        return self._rigs

    @property
    def prefixes(self) -> dict[str, str]:
        """Rig → bead prefix."""
        return self._prefixes if self.rigs else {}

    @property
    def live(self) -> frozenset[str] | None:
        """Sessions whose agent runs, None if unknown."""
        if isinstance(self._live, str):
            self._live = live_sessions(self.root)
        return self._live

    @property
    def queued(self) -> dict[str, SlingContext]:
        """Bead → its entry in the scheduler's queue."""
        if self._queued is None:
            found = [one.context for one in open_contexts(self.ledger) if one.context is not None]
            self._queued = {context.bead: context for context in reversed(found)}
        return self._queued

    @property
    def cooling(self) -> Mapping[str, Cooling]:
        """Bead → its last failed dispatch, while the next try waits."""
        if self._cooling is None:
            self._cooling = retry_delay.read(self.root)
        return self._cooling

    def died(self, bead_id: str) -> int:
        """Return how many workers died on the bead, if the town's limit is reached; else 0."""
        if self._died is None:
            self._most_deaths = int(load_settings(self.root).lenient("operational.witness.max_bead_respawns"))
            self._died = death_count.counts(self.root)
        count = self._died.get(bead_id, 0)
        return count if self._most_deaths and count >= self._most_deaths else 0

    def rig_of(self, bead_id: str) -> str:
        """Return the rig of a bead by its prefix; empty if none."""
        return rig_of_bead(self.prefixes, bead_id)

    def is_absent(self, assignee: str) -> bool:
        """Whether an assignee names an agent that the town does not have."""
        return bool(self.rigs) and self._inventory is not None and is_absent(self._inventory, assignee)

    def worker_state(self, assignee: str, bead_id: str = "") -> str:
        """Return whether an assignee lives (see ``workers``) and, with a bead, was started for it."""
        state = worker_state(assignee, self.live, self.prefixes)
        if state != LIVE or not bead_id:
            return state
        return worker_state(assignee, self.live, self.prefixes, order_of(self.ledger.get(bead_id)))

    def _children(self, bead_id: str) -> list[str]:
        stores = self.ledger.stores().values()
        return [source for store in stores for source, kind in store.dependents(bead_id) if kind == PARENT_CHILD]

    def _is_merged(self, bead_id: str) -> bool:
        bead = self.ledger.get(bead_id)
        return bead is not None and bead.text("close_reason").startswith(MERGED_IN)

    # -- the rule --------------------------------------------------------------------------------------------

    def hold(self, bead_id: str, *, rig: str = "", queued: bool = False) -> Obstacle | None:
        """Return what keeps the bead from being dispatched now, the weightiest reason first; None if nothing does.

        ``rig`` is the target if not the rig of its prefix; ``queued`` is for a bead that is in the queue.
        """
        bead = self.bead(bead_id)
        if bead is None:
            return Obstacle(MISSING, "no ledger of this town has it", (bead_id,))
        return (
            self._by_status(bead)
            or self._by_kind(bead, rig)
            or self._by_time(bead)
            or self.by_blockers(bead.id)
            or stalls.stall_reason(bead, self.graph, self.died(bead.id))
            or (None if queued else self._by_queue(bead))
            or self._by_failures(bead)
            or self._by_budget(bead)
        )

    def _by_budget(self, bead: Excerpt) -> Obstacle | None:
        """A budget that is used up and holds dispatch, the day's or the bead's own."""
        if self._budgets is None:
            # settings without a budget are the rule: only what dispatches loads the sums
            from gastown_core.usage import budget

            self._budgets = budget.holds(budget.notices(self.root, self.now))
        return self._budgets.get("") or self._budgets.get(bead.id)

    def _by_status(self, bead: Excerpt) -> Obstacle | None:
        status = bead.status
        if status == OPEN and not bead.assignee:
            return Obstacle(SKIP, "skipped by its mountain", (bead.id,)) if SKIPPED in bead.labels else None
        if status == CLOSED:
            return Obstacle(DONE, "closed")
        if status == TOMBSTONE:
            return Obstacle(DELETED, "deleted")
        if SKIPPED in bead.labels:
            why = "skipped by its mountain after repeated failures"
            return Obstacle(SKIP, why, (bead.id,), f"close it to leave it out, or gt mountain retry {bead.id}")
        if status == IN_REVIEW:
            by = f", handed in by {_short(bead.assignee)}" if bead.assignee else ""
            if self.graph.is_deferred(bead):
                return Obstacle(REVIEW, f"in review{by}, and deferred: the refinery leaves it alone meanwhile")
            return Obstacle(REVIEW, f"in review{by}: the refinery has it")
        if status in (HOOKED, IN_PROGRESS, OPEN):
            return self._by_holder(bead)
        if status == DEFERRED:
            return self._by_time(bead)
        return stalls.marked(bead, self.graph, 0)

    def _by_holder(self, bead: Excerpt) -> Obstacle | None:
        who = _short(bead.assignee) or "somebody"
        state = self.worker_state(bead.assignee, bead.id) if bead.assignee else PERSON
        since = format_span(self.now - bead.updated_at)
        word = {HOOKED: "on the hook of", IN_PROGRESS: "in progress with"}.get(bead.status, "assigned to")
        if bead.status != OPEN and state != LIVE and self.is_absent(bead.assignee):
            hint = f"gt sling {bead.id} TARGET gives it to somebody else, gt unsling {bead.id} opens it again"
            return Obstacle(GONE, f"{word} {who}, who does not exist (any more) ({since})", (bead.assignee,), hint)
        judged = self._judge(bead.assignee, bead.id) if self._judge is not None and bead.status != OPEN else None
        if judged is not None and state in (LIVE, PERSON):
            # for a live agent its health says more than that its session runs
            return Obstacle(HELD, f"{word} {who}, {judged.words} ({since})", (bead.assignee,))
        if state == LIVE:
            return Obstacle(HELD, f"{word} {who}, whose session runs ({since})", (bead.assignee,))
        if state == DEAD:
            if bead.status == OPEN:
                return None
            from gastown_core.work.request import is_being_slung

            if is_being_slung(self.root, bead.id):
                return Obstacle(HELD, f"being slung to {who} just now", (bead.assignee,))
            hint = "gt convoy refresh CONVOY gives it back; the daemon does so by itself"
            is_there = self.worker_state(bead.assignee) == LIVE
            why = "whose session was never started for it" if is_there else "whose session is gone"
            if judged is not None and judged.state is not Health.ZOMBIE:
                # stopped on purpose, starting, or off duty: nobody takes its work away
                return Obstacle(HELD, f"{word} {who}, {judged.words} ({since})", (bead.assignee,))
            return Obstacle(GONE, f"{word} {who}, {why} ({since})", (bead.assignee,), hint)
        if bead.status == OPEN:
            return Obstacle(ASSIGNED, f"assigned to {who}", (bead.assignee,), f'bd update {bead.id} --assignee ""')
        return Obstacle(HELD, f"{word} {who} ({since})", (bead.assignee,))

    def _by_kind(self, bead: Excerpt, rig: str) -> Obstacle | None:
        if bead.issue_type not in SLINGABLE:
            return Obstacle(KIND, f"{_a(bead.issue_type)} is not handed to polecats", (), f"gt sling {bead.id} TARGET")
        home = rig or self.rig_of(bead.id)
        if home not in self.rigs:
            prefix = bead.id.partition("-")[0]
            return Obstacle(
                HOMELESS, f"no rig has the prefix {prefix}", (), f"gt sling {bead.id} TARGET assigns it to an agent"
            )
        state = self.rigs[home].state
        if state != RigState.OPERATIONAL:
            return Obstacle(PARKED, f"rig {home} is {state}", (home,))
        return None

    def _by_time(self, bead: Excerpt) -> Obstacle | None:
        if not self.graph.is_deferred(bead):
            return None
        if bead.defer_until > self.now:
            return Obstacle(ASLEEP, f"deferred for another {format_span(bead.defer_until - self.now)}")
        return stalls.undated(bead, self.graph, 0) or Obstacle(ASLEEP, "its parent is deferred")

    def by_blockers(self, bead_id: str) -> Obstacle | None:
        """Return what this bead waits for by its own edges; a cycle of beads that wait for each other is named."""
        holds = self.graph.own_holds(bead_id)
        if not holds:
            return None
        told = ", ".join(self._blocker_words(hold) for hold in holds[:3])
        more = f" and {len(holds) - 3} more" if len(holds) > 3 else ""
        cycle = self.graph.cycle_behind(bead_id)
        circle = f"; {stalls.circle_words(cycle)}" if cycle else ""
        hint = stalls.untie(cycle) if cycle else ""
        return Obstacle(BLOCKED, f"waits for {told}{more}{circle}", tuple(hold.id for hold in holds), hint)

    def _blocker_words(self, hold: Blocker) -> str:
        if hold.reason == UNRESOLVED:
            return f"{hold.id} (no ledger has it)"
        if hold.reason in stalls.NEVER:
            return f"{hold.id} ({REASONS[hold.reason]})"
        found = self.bead(hold.id)
        status = found.status.replace("_", " ") if found is not None else "unknown"
        who = f", {_short(found.assignee)}" if found is not None and polecat_of(found.assignee) else ""
        return f"{hold.id} ({status}{who})"

    def _by_queue(self, bead: Excerpt) -> Obstacle | None:
        if bead.id in self.queued:
            return Obstacle(QUEUED, "waits in the scheduler's queue", (self.queued[bead.id].id,))
        return None

    def _by_failures(self, bead: Excerpt) -> Obstacle | None:
        last = self.cooling.get(bead.id)
        if last is None or last.until <= self.now:
            return None
        tries = "the last try" if last.failures == 1 else f"{last.failures} tries"
        when = f"next try in {max(1, round(last.until - self.now))}s"
        why = f"{tries} failed ({last.error}); {when}"
        return Obstacle(COOLING, why, (), f"gt scheduler clear --bead {bead.id} lets it be tried at once")

    def is_ready(self, bead_id: str) -> bool:
        """Whether nothing holds the bead."""
        return self.hold(bead_id) is None


def _short(assignee: str) -> str:
    who = polecat_of(assignee)
    return who.short if who is not None else assignee


def _a(word: str) -> str:
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"
