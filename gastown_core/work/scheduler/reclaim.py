"""Reclaiming: work of dead workers becomes ready again, so that it is dispatched again.

A worker is dead only if its session is known to be gone, or was never started for this work; if that is unknown (no
tmux, no answer), nothing is done.  Worktree, branch and record stay: the next sling of the bead continues there.
"""

from __future__ import annotations

import time

from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.model.address import CREW, POLECAT
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN
from gastown_core.model.hook_life import ARCHIVED, COMPLETED, CREATED, SUSPENDED
from gastown_core.model.metadata import order_of, read_dispatch
from gastown_core.model.states import AgentState
from gastown_core.town.agent_beads import get_agent_bead
from gastown_core.town.discover import read_rigs
from gastown_core.town.hook_record import record_hook
from gastown_core.town.inventory import read_inventory
from gastown_core.town.liveness import live_sessions
from gastown_core.town.settings import load_settings
from gastown_core.work import death_count
from gastown_core.work import failure_count as mountain_failures
from gastown_core.work.convoys import tracking
from gastown_core.work.hook.hook import without_order
from gastown_core.work.workers import DEAD, polecat_of, worker_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Held
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry

SECOND_LOOK_S = 1.5
HANDING_IN_S = 10.0
"""How long a worker may take to write its record after its hand-in."""


def release_dead(
    root: str,
    ledger: TownLedger,
    *,
    actor: str = "daemon",
    bead_ids: Iterable[str] | None = None,
    live: frozenset[str] | str | None = "unasked",
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Release what dead polecats hold, if an open convoy tracks it (or of ``bead_ids``); return the ids.

    Each counts as a failure of its mountain and as a death on the bead.  ``live`` are the running sessions, if the
    caller knows them.
    """
    rigs = read_rigs(root)
    held = [one for store in ledger.stores().values() for one in store.held_work() if polecat_of(one.assignee)]
    wanted = None if bead_ids is None else frozenset(bead_ids)
    held = [one for one in held if wanted is None or one.id in wanted]
    if not held:
        return []
    held = _dead(root, ledger, held, rigs, live)
    released = []
    for one in held:
        if not _is_lost(root, ledger, one, rigs, clock.now()):
            continue
        if (wanted is not None or tracking(ledger, one.id)) and _give_back(ledger, one, actor):
            _tell(root, ledger, one, rigs, actor, clock)
            released.append(one.id)
    return released


def _dead(
    root: str, ledger: TownLedger, held: list[Held], rigs: Mapping[str, str], live: frozenset[str] | str | None
) -> list[Held]:
    """Return those whose worker is dead at a second look too: a restarting session is briefly missing."""
    orders = {bead.id: order_of(bead) for bead in ledger.get_many(one.id for one in held).values()}

    def look(among: list[Held], known: frozenset[str] | None) -> list[Held]:
        return [one for one in among if worker_state(one.assignee, known, rigs, orders.get(one.id, "")) == DEAD]

    suspects = look(held, live_sessions(root) if isinstance(live, str) else live)
    if not suspects or not isinstance(live, str):
        return suspects
    time.sleep(SECOND_LOOK_S)
    return look(suspects, live_sessions(root))


def _is_lost(root: str, ledger: TownLedger, one: Held, rigs: Mapping[str, str], now: float) -> bool:
    """Whether the holder did not stop on purpose, and had time to start."""
    from gastown_core.work.request import is_being_slung

    who = polecat_of(one.assignee)
    if who is None:
        return False
    record = get_agent_bead(ledger, who.bead_id(rigs[who.rig]))
    fields = record.fields if record is not None else {}
    bead = ledger.get(one.id)
    # the record may be about other work, from before this one was slung
    is_about_it = not order_of(bead) or fields.get("hook_bead") == one.id
    if is_about_it and (fields.get("agent_state") in AgentState.HELD_BACK or fields.get("exit_type") == "DEFERRED"):
        return False
    if is_being_slung(root, one.id):
        return False
    if bead is not None and read_dispatch(bead).start == "session":
        # a session was to be started, and the sling is over: the sling was killed, or the session died
        return True
    settings = load_settings(root)
    if fields.get("hook_state") == CREATED:
        # no session was planned: somebody may work there by hand
        return now - one.updated_at > settings.seconds("operational.daemon.stale_working")
    if fields.get("agent_state") == AgentState.SPAWNING:
        return now - one.updated_at > settings.seconds("operational.session.spawn_grace")
    return True


def settle_records(root: str, ledger: TownLedger, *, actor: str = "daemon", clock: Clock = SYSTEM_CLOCK) -> list[str]:
    """Complete the records of workers that were killed after their hand-in; return their names.

    Otherwise the record names work that is no longer theirs, and ``gt up`` would start them on it again.
    """
    entries, records, named = _named(root, ledger)
    work = ledger.get_many(named.values())
    rigs = read_rigs(root)
    settled = []
    for key, bead_id in named.items():
        bead = work.get(bead_id)
        if bead is None or bead.status not in (IN_REVIEW, CLOSED) or clock.now() - bead.updated_at < HANDING_IN_S:
            continue
        address = entries[key].address
        ended = {"hook_bead": "", "exit_type": "COMPLETED", "completion_time": format_seconds(clock.now())}
        # a worktree removed meanwhile stays removed
        is_gone = records[key].fields.get("hook_state") == ARCHIVED
        record_hook(
            root,
            ledger,
            address,
            rigs[address.rig],
            ARCHIVED if is_gone else COMPLETED,
            actor=actor,
            bead=bead_id,
            clock=clock,
            agent_state=AgentState.IDLE,
            **ended,
        )
        settled.append(address.short)
    return settled


def holds_anything(root: str, ledger: TownLedger) -> bool:
    """Whether a worker holds a bead, or the record of one still names some."""
    held = any(polecat_of(one.assignee) for store in ledger.stores().values() for one in store.held_work())
    return held or bool(_named(root, ledger)[2])


def _named(root: str, ledger: TownLedger) -> tuple[dict[str, RosterEntry], dict[str, Bead], dict[str, str]]:
    """Return workers and their records by the record's id, and record → bead for those records that name one."""
    entries = {one.bead_id: one for one in read_inventory(root).agents if one.address.role in (POLECAT, CREW)}
    records = ledger.get_many(entries)
    named = {key: one.fields.get("hook_bead", "") for key, one in records.items() if one.fields.get("hook_bead")}
    return entries, records, named


def _give_back(ledger: TownLedger, one: Held, actor: str) -> bool:
    """Make the bead open and unassigned, unless it has changed hands; keep its last worker for the next sling."""
    with (ledger.home_of(one.id) or ledger.store_for(one.id)).write(actor) as batch:
        bead = batch.get(one.id)
        if bead is None or bead.assignee != one.assignee or bead.status not in (HOOKED, IN_PROGRESS):
            return False
        batch.update(one.id, {"status": OPEN, "assignee": "", **without_order(bead, worker=one.assignee)})
        batch.comment(one.id, f"{one.assignee} is gone; the work so far stays in its worktree")
    return True


def _tell(root: str, ledger: TownLedger, one: Held, rigs: Mapping[str, str], actor: str, clock: Clock) -> None:
    # 3 ms of every look at convoys, and nobody has died as a rule
    from gastown_core.town.sessions import why_ended

    who = polecat_of(one.assignee)
    if who is not None and get_agent_bead(ledger, who.bead_id(rigs[who.rig])) is not None:
        prefix = rigs[who.rig]
        record_hook(
            root, ledger, who, prefix, SUSPENDED, actor=actor, bead=one.id, clock=clock, agent_state=AgentState.IDLE
        )
    ended = why_ended(root, who.session(rigs[who.rig])) if who is not None else ""
    reason = f"its worker {ended}" if ended else "no session works on it"
    payload = {"bead": one.id, "target": one.assignee, "title": one.title, "reason": reason}
    append_event(root, "work_released", actor, payload, clock=clock)
    if ended and who is not None:
        death = {"session": who.session(rigs[who.rig]), "agent": who.path, "reason": ended, "caller": actor}
        append_event(root, "session_death", actor, death, clock=clock)
    try:
        death_count.note(root, one.id, clock=clock)
        _raise_alarm(root, ledger, one, ended, actor, clock)
    except GastownError:
        # a failed count must not stop the work
        pass
    why = f"{who.short if who is not None else one.assignee} died"
    mountain_failures.count_failure(root, ledger, one.id, why, actor=actor, clock=clock)


def _raise_alarm(root: str, ledger: TownLedger, one: Held, ended: str, actor: str, clock: Clock) -> None:
    """Escalate once if the number of dead workers reaches the limit: then the bead waits for a person."""
    from gastown_core.messaging.escalation import escalate

    limit = int(load_settings(root).lenient("operational.witness.max_bead_respawns"))
    count = death_count.count_of(root, one.id)
    if limit and count >= limit:
        subject = f"{count} workers died on {one.id}: {one.title}"
        last = f"the last one {ended}; " if ended else ""
        reason = f"{last}it is no longer dispatched; check why, then: gt sling respawn-reset {one.id}"
        key = f"respawns:{one.id}"
        escalate(root, ledger, "high", subject, sender=actor, reason=reason, about=one.id, key=key, clock=clock)
