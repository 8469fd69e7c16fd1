"""Sling: one bead from the ledger onto an agent's hook, and the agent set going.

validated → convoy → worktree → hooked → session → started, one receipt each.  Whatever was made is taken back, in
reverse, when a later stage fails or the run is interrupted.  Without tmux the work is hooked all the same and the
last receipt says what to run by hand.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.files.locks import FileLock
from gastown_core.model.address import POLECAT, Address, parse_address, same_agent
from gastown_core.model.order import Receipt
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import polecat_pool, polecats, sessions
from gastown_core.town.agent_beads import get_agent_bead, put_agent_bead
from gastown_core.town.identity import HUMAN, rig_prefix
from gastown_core.town.inventory import RosterEntry, read_inventory
from gastown_core.work import convoys, hook
from gastown_core.work.request import SlingRequest
from gastown_core.work.targets import Target, check_belongs, parse_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.town.polecats import Sandbox

VALIDATED, CONVOY, WORKTREE, HOOKED, SESSION, STARTED = "validated convoy worktree hooked session started".split()
RESTING = ("", "null", "idle", "done", "nuked")
"""Values of agent_state under which a polecat may get new work."""


@dataclass(frozen=True, slots=True)
class Slung:
    """What came of it; ``by_hand`` is the command to type where no session could be made."""

    bead: str
    title: str = ""
    target: str = ""
    agent: str = ""
    branch: str = ""
    worktree: str = ""
    convoy: str = ""
    session: str = ""
    runtime: str = ""
    by_hand: str = ""
    rescue: str = ""
    was_hooked: bool = False
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The outcome as ``gt sling --json`` prints it."""
        out: dict[str, object] = {name: getattr(self, name) for name in self.__slots__ if name != "warnings"}
        return {**out, "warnings": list(self.warnings), "deferred": False}


class Sling:
    """One sling; ``run`` yields the receipts, ``result`` then holds the outcome."""

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

    def plan(self) -> tuple[Bead, Target]:
        """Check all that can be checked before a change. Raises UsageError, NotFoundError, ConflictError, TownError."""
        if self.me.role == POLECAT:
            raise UsageError("a polecat does not sling", "it works on its own hook", "ask the mayor")
        target = parse_target(read_inventory(self.root), self.request.target, self.me)
        bead = find_bead(self.ledger, self.request.bead)
        if bead.title.startswith("-") and " " not in bead.title:
            raise UsageError(
                f"{bead.id} has {bead.title} as its title", "that looks like a slip", "bd update ID --title"
            )
        if target.entry is None:
            own = self.ledger.store_for(bead.id).prefix.rstrip("-")
            check_belongs(target, bead.id, own, rig_prefix(self.root, target.rig), force=self.request.force)
        address = target.entry.address if target.entry else Address(POLECAT, target.rig, target.name)
        if not self._is_there(bead, target):
            hook.check_free(bead, address, force=self.request.force or self._holder_is_gone(bead))
        if self.request.agent:
            sessions.choose_runtime(self.root, address, self.request.agent)
        self.result = replace(self.result, bead=bead.id, title=bead.title, target=self.request.target)
        return bead, target

    def run(self) -> Iterator[Receipt]:
        """Do it; the last receipt of a success is ``final``. Raises GastownError after taking everything back."""
        bead_id = find_bead(self.ledger, self.request.bead).id
        with _lock(self.root, bead_id), ExitStack() as held, ExitStack() as undo:
            bead, target = self.plan()
            yield self._receipt(VALIDATED, bead.id)
            if self._is_there(bead, target):
                self.result = replace(self.result, agent=bead.assignee, was_hooked=True)
                yield self._receipt(HOOKED, f"on the hook of {bead.assignee} already", final=True)
                return
            if self.request.convoy:
                yield self._receipt(CONVOY, self._make_convoy(bead, undo))
            entry, branch = target.entry, ""
            if entry is None:
                sandbox = self._make_worktree(bead, target, held, undo)
                entry, branch = sandbox.entry, sandbox.branch
                yield self._receipt(WORKTREE, f"{entry.address.short} on {branch}")
            self._hook(bead, entry, branch, undo)
            yield self._receipt(HOOKED, f"on the hook of {entry.address.short}")
            yield from self._set_going(entry, branch, undo)
            undo.pop_all()
        yield self._receipt(STARTED, self._last_word(), final=True)

    def _is_there(self, bead: Bead, target: Target) -> bool:
        """Whether the bead is on a hook that the target covers, so that nothing is to be done."""
        if bead.status not in hook.HELD or not bead.assignee or self.request.force:
            return False
        who = parse_address(bead.assignee)
        if target.entry is not None:
            return same_agent(bead.assignee, target.entry.address.path)
        covered = who.role == POLECAT and who.rig == target.rig and target.name in ("", who.name)
        return covered and not self._holder_is_gone(bead)

    def _holder_is_gone(self, bead: Bead) -> bool:
        """Whether a polecat holds the bead whose session is dead; nobody is gone where there is no tmux."""
        who = parse_address(bead.assignee) if bead.assignee else None
        if who is None or who.role != POLECAT or bead.status not in hook.HELD:
            return False
        if not self.request.session or not has_tmux():
            return False
        entry = polecat_pool.polecat_entry(self.root, who.rig, rig_prefix(self.root, who.rig), who.name)
        return not self._lives(entry)

    def _make_convoy(self, bead: Bead, undo: ExitStack) -> str:
        """The convoy that tracks the bead, made if there is none; its id and title."""
        known = convoys.tracking(self.ledger, bead.id)
        if known:
            self.result = replace(self.result, convoy=known[0].id)
            return f"{known[0].id} tracks it"
        made = convoys.create_convoy(
            self.root, self.ledger, f"Work: {bead.title}", [bead.id], owner=self.actor, clock=self.clock
        )
        undo.callback(self._drop_convoy, made.id)
        self.result = replace(self.result, convoy=made.id)
        return f"{made.id} made for it"

    def _drop_convoy(self, convoy_id: str) -> None:
        with self.ledger.store_for(convoy_id).write(self.actor) as batch:
            batch.close(convoy_id, "sling failed", force=True)

    def _make_worktree(self, bead: Bead, target: Target, held: ExitStack, undo: ExitStack) -> Sandbox:
        """Claim a polecat and give it a worktree on a new branch."""
        rig, prefix = target.rig, rig_prefix(self.root, target.rig)
        mine = parse_address(bead.assignee) if bead.assignee else None
        gone = mine.name if mine is not None and mine.rig == rig and bead.status in hook.HELD else ""
        claimed = held.enter_context(
            polecat_pool.claim(
                self.root,
                rig,
                prefix,
                wanted=target.name or gone,
                is_idle=lambda entry: self._is_idle(entry, prefix, bead.id),
                clock=self.clock,
            )
        )
        sandbox = polecats.prepare(claimed, bead.id, base_branch=self.request.base_branch, clock=self.clock)
        undo.callback(polecats.take_back, self.root, sandbox)
        entry = sandbox.entry
        undo.callback(self._forget_agent, entry, get_agent_bead(self.ledger, entry.bead_id))
        self._set_agent(entry, agent_state="spawning", hook_bead=bead.id, branch=sandbox.branch, hook_state="created")
        append_event(self.root, "spawn", "gt", {"rig": rig, "polecat": entry.address.name}, clock=self.clock)
        self.result = replace(
            self.result,
            branch=sandbox.branch,
            worktree=entry.work_dir,
            rescue=sandbox.rescue,
            warnings=sandbox.warnings,
        )
        return sandbox

    def _is_idle(self, entry: RosterEntry, prefix: str, bead_id: str) -> bool:
        if any(bead.id != bead_id for bead in hook.hooked_work(self.ledger, entry.address, prefix)):
            return False
        record = get_agent_bead(self.ledger, entry.bead_id)
        state = record.fields.get("agent_state", "") if record is not None else ""
        if record is not None and record.fields.get("hook_bead", "") == bead_id:
            return True
        if state in RESTING:
            return True
        # a sling that died half-way left its word behind; whoever hooks under the lock is not such a one
        return state in ("spawning", "working", "running") and not self._lives(entry)

    def _lives(self, entry: RosterEntry) -> bool:
        return has_tmux() and sessions.is_alive(sessions.find_session(self.root, entry))

    def _set_agent(self, entry: RosterEntry, **fields: str) -> None:
        put_agent_bead(self.ledger, entry.address, rig_prefix(self.root, entry.address.rig), **fields)

    def _forget_agent(self, entry: RosterEntry, before: Bead | None) -> None:
        with self.ledger.store_for("hq-x").write(self.actor) as batch:
            if before is None:
                batch.delete(entry.bead_id)
            elif batch.get(entry.bead_id) is not None:
                batch.update(entry.bead_id, {"description": before.description})

    def _hook(self, bead: Bead, entry: RosterEntry, branch: str, undo: ExitStack) -> None:
        words = {"by": self.actor, "at": format_seconds(self.clock.now()), "convoy": self.result.convoy}
        words.update(branch=branch, args=self.request.args, agent=self.request.agent, base=self.request.base_branch)
        dispatch = {key: word for key, word in words.items() if word}
        hook.hook(self.ledger, bead.id, entry.address, actor=self.actor, force=True, dispatch=dispatch)
        undo.callback(self._put_back, bead)
        payload = {"bead": bead.id, "target": entry.address.path}
        append_event(self.root, "sling", self.actor, payload, clock=self.clock)
        self.result = replace(self.result, agent=entry.address.path)

    def _put_back(self, before: Bead) -> None:
        with self.ledger.store_for(before.id).write(self.actor) as batch:
            batch.update(before.id, {"status": before.status, "assignee": before.assignee})

    def _set_going(self, entry: RosterEntry, branch: str, undo: ExitStack) -> Iterator[Receipt]:
        """Start the agent, or tell the one that runs; without tmux only say how to start it."""
        start = sessions.plan_start(
            self.root,
            entry,
            agent=self.request.agent,
            topic="assigned",
            sender=self.actor,
            bead=self.result.bead,
            branch=branch,
            clock=self.clock,
        )
        self.result = replace(self.result, runtime=start.alias, session=entry.session)
        if not self.request.session or not has_tmux():
            self.result = replace(self.result, session="", by_hand=sessions.by_hand(start))
            why = "left out" if self.request.session is False else "there is no tmux on this machine"
            yield self._receipt(SESSION, f"no session: {why}")
            return
        pane = sessions.find_session(self.root, entry)
        if not branch and sessions.is_alive(pane):
            yield self._receipt(SESSION, f"{entry.session} runs")
            yield from self._tell(entry)
            return
        if pane is None:
            undo.callback(self._end_session, entry)
        sessions.respawn_agent(self.root, start, clock=self.clock)
        yield self._receipt(SESSION, f"{entry.session} with {start.alias}")
        self._set_agent(entry, agent_state="working", hook_state="active")

    def _end_session(self, entry: RosterEntry) -> None:
        sessions.stop_agent(self.root, entry, caller=self.actor, reason="sling failed", clock=self.clock)

    def _tell(self, entry: RosterEntry) -> Iterator[Receipt]:
        """Nudge a standing agent; a nudge that does not arrive leaves the work hooked, and says so."""
        from gastown_core.messaging.nudge import nudge
        from gastown_core.messaging.targets import target_of

        to = target_of(self.root, entry)
        text = f"Work is on your hook: {self.result.bead}. Run `gt hook`."
        server = sessions.server_of(self.root)
        for receipt in nudge(self.root, to, text, self.actor, server=server, clock=self.clock):
            yield receipt._replace(order="sling", target=self.result.bead, final=False)

    def _last_word(self) -> str:
        result = self.result
        if result.by_hand:
            return f"run it yourself: {result.by_hand}"
        return f"{result.agent} works on {result.bead}"

    def _receipt(self, stage: str, detail: str = "", *, final: bool = False) -> Receipt:
        return Receipt("sling", self.result.bead, stage, detail, final=final, at=self.clock.now())


def find_bead(ledger: TownLedger, text: str) -> Bead:
    """The bead of an id or of a part of one. Raises NotFoundError with near matches, UsageError if several fit."""
    bead = ledger.get(text)
    if bead is None:
        store = ledger.store_for(text)
        bead = store.get(store.resolve(text))
    if bead is None:
        raise NotFoundError(f"no bead {text}")
    return bead


@contextmanager
def _lock(root: str, bead_id: str) -> Iterator[None]:
    folder = os.path.join(root, ".runtime", "locks", "sling")
    os.makedirs(folder, exist_ok=True)
    lock = FileLock(os.path.join(folder, f"{bead_id}.flock"), timeout_s=0.0, name_holder=True)
    try:
        lock.__enter__()
    except ConflictError as error:
        raise ConflictError(f"{bead_id} is being slung already", error.why, "look again in a moment") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
