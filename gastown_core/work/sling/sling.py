"""Sling: one bead from the ledger onto an agent's hook, and the agent started.

validated → convoy → worktree → hooked → session → started, one receipt each.  If a later stage fails or the run is
interrupted, everything is undone in reverse order.  Without tmux the work is hooked anyway, and the last receipt gives
the command to run by hand.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.files.locks import FileLock
from gastown_core.model.address import DOG, POLECAT, Address
from gastown_core.model.bead import OPEN
from gastown_core.model.metadata import read_dispatch
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record
from gastown_core.model.states import AgentState
from gastown_core.town import runtime_choice
from gastown_core.town.agent_beads import put_agent_bead
from gastown_core.town.identity import HUMAN, rig_prefix
from gastown_core.town.inventory import is_absent, read_inventory
from gastown_core.work import convoys, death_count
from gastown_core.work.hook import hook
from gastown_core.work.request import SlingRequest, lock_path
from gastown_core.work.sling.allocate import Allocation, place_dog, place_polecat
from gastown_core.work.sling.attaching import Attachment, prepare_formula
from gastown_core.work.sling.bases import Base, base_of
from gastown_core.work.sling.holders import holder_of, is_covered, is_gone, lost_worker, old_holder, rested, tell_robbed
from gastown_core.work.sling.hooking import Handover, hand_over, record_agents
from gastown_core.work.sling.start_session import BY_HAND, RUNS, STARTED, set_going, tell, wake_rig
from gastown_core.work.sling.targets import Target, check_belongs, parse_target
from gastown_core.work.sling.undo import Undo
from gastown_core.work.workers import check_room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.work.sling.start_session import Going


class Slung(Record):
    """The outcome; ``by_hand`` is the command to run if no session could be started.

    ``rescue`` is the ref of work found in a reused worktree, ``was_hooked`` means that nothing had to be done.
    """

    bead: str
    title: str = ""
    target: str = ""
    agent: str = ""
    branch: str = ""
    worktree: str = ""
    convoy: str = ""
    formula: str = ""
    molecule: str = ""
    session: str = ""
    runtime: str = ""
    by_hand: str = ""
    rescue: str = ""
    was_hooked: bool = False
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The outcome as ``gt sling --json`` prints it."""
        return {**self._asdict(), "warnings": list(self.warnings), "deferred": False}


VALIDATED, CONVOY, WORKTREE, HOOKED, SESSION = "validated convoy worktree hooked session".split()
ASSIGNEE_WAIT_S = 10.0
ONE_SLING_S = 5.0
NO_WORK = frozenset("merge-request gate message agent role rig event convoy".split())
"""Types of records that are not work; a convoy is slung by its members."""


class Sling:
    """One sling; ``run`` yields the receipts, then ``result`` has the outcome."""

    def __init__(
        self,
        root: str,
        request: SlingRequest,
        *,
        me: Address = HUMAN,
        actor: str = "overseer",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        from gastown_core.beads.ledger import TownLedger

        self.root = root
        self.request = request
        self.me = me
        self.actor = actor
        self.clock = clock
        self.ledger: TownLedger = TownLedger(root)
        self.result = Slung(request.bead)
        self.base = Base()
        self.attachment = Attachment()
        self._is_gone = False
        self._has_died = False
        self._goes_on = False

    # -- before any change -----------------------------------------------------------------------------------

    def plan(self, *, needs_room: bool = True) -> tuple[Bead, Target]:
        """Check all that can be checked before a change; afterwards formula and base branch are known.

        ``needs_room`` False skips the capacity check.  Raises UsageError, NotFoundError, ConflictError, TownError,
        FormulaError.
        """
        if self.me.role == POLECAT:
            raise UsageError("a polecat does not sling", "it works on its own hook", "ask the mayor")
        inventory = read_inventory(self.root)
        target = parse_target(inventory, self.request.target, self.me)
        bead = find_bead(self.ledger, self.request.bead)
        self._check_bead(bead, target)
        self.result = self.result._replace(bead=bead.id, title=bead.title, target=self.request.target)
        # without sessions (agents started by hand) nothing can be said about them
        absent = holder_of(bead) is not None and is_absent(inventory, bead.assignee)
        self._is_gone = absent or (self.request.session and is_gone(self.root, bead))
        self._has_died = self._is_gone and not absent and not rested(self.root, self.ledger, bead)
        self._goes_on = self._is_gone or lost_worker(bead) is not None
        if not self._is_there(bead, target):
            self._check_free(bead, target, needs_room)
            self._prepare(bead, target)
        return bead, target

    def _check_bead(self, bead: Bead, target: Target) -> None:
        if bead.title.startswith("-") and " " not in bead.title:
            raise UsageError(
                f"{bead.id} has {bead.title} as its title", "that looks like a slip", "bd update ID --title"
            )
        if bead.issue_type in NO_WORK:
            raise UsageError(
                f"{bead.id} is not work", f"it is a {bead.issue_type}: {bead.title}", "bd ready shows work"
            )
        if target.kind == POLECAT:
            own = self.ledger.store_for(bead.id).prefix.rstrip("-")
            check_belongs(target, bead.id, own, rig_prefix(self.root, target.rig), force=self.request.force)

    def _is_there(self, bead: Bead, target: Target) -> bool:
        """Whether the bead is already where it is wanted."""
        return is_covered(bead, target) and not self.request.force and not self._is_gone

    def _check_free(self, bead: Bead, target: Target, needs_room: bool) -> None:
        address = target.entry.address if target.entry else Address(target.kind, target.rig, target.name)
        hook.check_free(bead, address, force=self.request.force or self._is_gone)
        if self.request.force:
            return
        if bead.status == OPEN:
            self._check_blockers(bead)
        if self._has_died or (self._goes_on and not self._is_gone):
            death_count.check(self.root, bead.id)
        if target.kind == POLECAT and needs_room:
            check_room(self.root, self.ledger, target.rig, clock=self.clock)

    def _check_blockers(self, bead: Bead) -> None:
        """Refuse blocked work without force: it would build on what is not there."""
        from gastown_core.work.board import Board

        hold = Board(self.root, self.ledger, self.clock.now()).by_blockers(bead.id)
        if hold is not None:
            raise ConflictError(f"{bead.id} is blocked", hold.text, hold.hint or "--force slings it anyway")

    def _prepare(self, bead: Bead, target: Target) -> None:
        who = holder_of(bead) or lost_worker(bead)
        dead = who.name if who is not None and self._goes_on and who.rig == target.rig else ""
        self.base = Base(self.request.base_branch)
        if target.kind == POLECAT:
            self.base = base_of(self.root, self.ledger, bead, target.rig, self.request.base_branch, dead=dead)
        role = target.kind if target.entry is None else target.entry.address.role
        address = Address(role, target.rig, target.name)
        self.attachment = prepare_formula(
            self.root, self.request, bead, target.rig, self.base.branch, for_polecat=target.kind == POLECAT
        )
        recipe = self.attachment.recipe
        if recipe is not None and recipe.agent and not self.request.agent:
            self.request = self.request._replace(agent=recipe.agent)
        if self.request.agent:
            runtime_choice.choose_runtime(self.root, address, self.request.agent)
        self._warn(self.attachment.warning)

    # -- the sling ---------------------------------------------------------------------------------------------

    def run(self) -> Iterator[Receipt]:
        """Sling; the last receipt of a success is ``final``. Raises GastownError after undoing everything."""
        bead_id = find_bead(self.ledger, self.request.bead).id
        with _lock(self.root, bead_id), ExitStack() as held, ExitStack() as admission, Undo() as undo:
            if parse_target(read_inventory(self.root), self.request.target, self.me).kind == POLECAT:
                # from the count to the hook: two slings must not both take the last free place
                admission.enter_context(FileLock(lock_path(self.root, "admission"), name_holder=True))
            bead, target = self.plan()
            yield self._receipt(VALIDATED, self._plan_words())
            if self._is_there(bead, target):
                self.result = self.result._replace(agent=bead.assignee, was_hooked=True)
                yield self._receipt(HOOKED, f"on the hook of {bead.assignee} already", final=True)
                return
            if self.request.convoy or self.request.convoy_id:
                yield self._receipt(CONVOY, self._make_convoy(bead, undo))
            place = self._place(bead, target, held, undo)
            if place.sandbox is not None or place.is_new:
                yield self._receipt(WORKTREE, place.words())
            given = self._hand_over(bead, place, undo)
            admission.close()
            yield self._receipt(HOOKED, self._hooked_words(place))
            going = set_going(self.root, given, undo, self.clock)
            yield self._receipt(SESSION, going.words())
            if going.how == RUNS:
                yield from tell(self.root, given, self.clock)
            self._conclude(given, going)
            undo.keep()
        yield self._receipt(STARTED, self._last_word(going), final=True)

    def _plan_words(self) -> str:
        return f"{self.result.bead} with {self.attachment.name}" if self.attachment.name else self.result.bead

    def _make_convoy(self, bead: Bead, undo: Undo) -> str:
        """Find or create the convoy that tracks the bead; return the receipt's text."""
        known = convoys.tracking(self.ledger, bead.id)
        chosen = self.request.convoy_id or (known[0].id if known else "")
        if chosen:
            self.result = self.result._replace(convoy=chosen)
            return f"{chosen} tracks it"
        made: list[str] = []
        undo.add("convoy", self._drop_convoy, made)
        convoy = convoys.create_convoy(
            self.root,
            self.ledger,
            f"Work: {bead.title}"[:500],
            [bead.id],
            owner=self.actor,
            merge=self.request.merge,
            base_branch=self.request.base_branch,
            owned=self.request.owned,
            clock=self.clock,
        )
        made.append(convoy.id)
        self.result = self.result._replace(convoy=convoy.id)
        return f"{convoy.id} made for it"

    def _drop_convoy(self, made: list[str]) -> None:
        """Delete a new convoy: closing it would announce it as landed."""
        for convoy_id in made:
            with self.ledger.store_for(convoy_id).write(self.actor) as batch:
                batch.delete(convoy_id)

    def _place(self, bead: Bead, target: Target, held: ExitStack, undo: Undo) -> Allocation:
        if target.entry is not None:
            held.enter_context(_assignee_lock(self.root, target.entry.address))
            return Allocation(target.entry)
        if target.kind == DOG:
            return place_dog(self.root, self.ledger, bead, target, held=held, undo=undo, clock=self.clock)
        place = place_polecat(self.root, self.ledger, bead, target, self.base, held=held, undo=undo, clock=self.clock)
        assert place.sandbox is not None
        self._warn(*place.sandbox.warnings)
        self.result = self.result._replace(
            branch=place.branch, worktree=place.entry.work_dir, rescue=place.sandbox.rescue
        )
        return place

    def _hand_over(self, bead: Bead, place: Allocation, undo: Undo) -> Handover:
        given = Handover(
            bead,
            place,
            self.request,
            self.attachment,
            self.actor,
            self.clock.now(),
            self.result.convoy,
            self.base.branch,
            takes=self.request.force or self._is_gone,
            # also for work that was released when its worker died
            goes_on=self._goes_on or bool(read_dispatch(bead).worker),
        )
        molecule = hand_over(self.ledger, given, undo)
        robbed = old_holder(self.root, bead, place.entry.address)
        record_agents(self.root, self.ledger, given, robbed, undo, self.clock)
        self.result = self.result._replace(
            agent=place.entry.address.path, formula=self.attachment.name, molecule=molecule
        )
        return given

    def _conclude(self, given: Handover, going: Going) -> None:
        """Notify and count once nothing can fail any more."""
        self._warn(*going.warnings)
        self.result = self.result._replace(runtime=going.runtime, session=going.session, by_hand=going.by_hand)
        if self._has_died:
            death_count.note(self.root, given.bead.id, clock=self.clock)
        elif given.takes and not self._is_gone:
            new = given.place.entry.address
            tell_robbed(self.root, self.ledger, given.bead, new, actor=self.actor, clock=self.clock)
        if going.how == STARTED:
            entry = given.place.entry
            put_agent_bead(
                self.ledger, entry.address, rig_prefix(self.root, entry.address.rig), agent_state=AgentState.WORKING
            )
        wake_rig(self.root, given, self.clock)

    def _hooked_words(self, place: Allocation) -> str:
        with_what = f" with {self.result.formula}" if self.result.formula else ""
        return f"on the hook of {place.entry.address.short}{with_what}"

    def _last_word(self, going: Going) -> str:
        if going.how == BY_HAND:
            return f"run it yourself: {going.by_hand}"
        return f"{self.result.agent} works on {self.result.bead}"

    def _warn(self, *warnings: str) -> None:
        told = tuple(word for word in warnings if word)
        self.result = self.result._replace(warnings=(*self.result.warnings, *told))

    def _receipt(self, stage: str, detail: str = "", *, final: bool = False) -> Receipt:
        return Receipt("sling", self.result.bead, stage, detail, final=final, at=self.clock.now())


def find_bead(ledger: TownLedger, text: str) -> Bead:
    """Return the bead with an id or a unique part of one. Raises NotFoundError with near matches, UsageError."""
    bead = ledger.get(text)
    if bead is None:
        store = ledger.store_for(text)
        bead = store.get(store.resolve(text))
    if bead is None:
        raise NotFoundError(f"no bead {text}")
    return bead


@contextmanager
def _lock(root: str, bead_id: str) -> Iterator[None]:
    # wait for a running sling of the same bead: afterwards there may be nothing to do
    lock = FileLock(lock_path(root, bead_id), timeout_s=ONE_SLING_S, name_holder=True)
    try:
        lock.__enter__()
    except ConflictError as error:
        raise ConflictError(f"{bead_id} is being slung already", error.why, "look again in a moment") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _assignee_lock(root: str, address: Address) -> FileLock:
    name = "assignee_" + address.path.replace("/", "_")
    return FileLock(lock_path(root, name), timeout_s=ASSIGNEE_WAIT_S, name_holder=True)
