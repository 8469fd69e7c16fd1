"""What a person or the deacon's agent does by hand: ask an agent for a sign of life, release hooks of the dead, dispatch again.

Each act is an event like those of the patrols (``patrol_acted``), so a cooldown counts what the patrols did, too, and
nothing is kept beside the log.
"""

from __future__ import annotations

import os
import time

from gastown_core.clock import SYSTEM_CLOCK, format_span
from gastown_core.errors import GastownError, TmuxError, words_of
from gastown_core.events.log import append_event, events_since, log_path
from gastown_core.messaging.escalation import escalate
from gastown_core.messaging.nudge import TURN_STARTED, nudge
from gastown_core.messaging.target import target_of
from gastown_core.model.address import CREW, POLECAT, parse_address
from gastown_core.model.bead import OPEN
from gastown_core.model.record import Record
from gastown_core.patrols.memory import ACTED, Memory, read_memory
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.town import sessions
from gastown_core.town.inventory import find_agent, is_absent, read_inventory
from gastown_core.town.liveness import live_sessions
from gastown_core.work.convoy.refresh import refresh, stranded
from gastown_core.work.failure_count import PAUSED
from gastown_core.work.hook.unsling import unsling
from gastown_core.work.polecat.removal import look_at_stakes
from gastown_core.work.request import SlingRequest, is_being_slung
from gastown_core.work.scheduler.reclaim import release_dead
from gastown_core.work.sling.sling import Sling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Held
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import Inventory, RosterEntry

PING, REDISPATCH, FEED = "agent.ping", "bead.redispatch", "convoy.refresh"
"""Orders in the events of these acts."""
GIVEN_UP = "given up"
"""Kind of the act by which a person was told instead."""
BACK_S = 24 * 3600.0
LOOK_EVERY_S = 0.5
ECHO_S = 2.0
"""Output so soon after a text was typed may be its echo, and proves nothing."""
ASKED = "HEALTH_CHECK: show a sign of life. Go on with your work; nothing else is wanted."


def _note(root: str, actor: str, order: str, target: str, why: str, *, ok: bool, clock: Clock, error: str = "") -> None:
    told: dict[str, object] = {"patrol": "deacon", "kind": "by hand", "target": target, "order": order}
    told |= {"reason": why, "ok": ok} | ({"error": error} if error else {})
    append_event(root, ACTED, actor, told, clock=clock)


# a sign of life


class HealthCheck(Record):
    """What came of asking an agent; ``state`` is responded, waits, silent, not running or cooldown.

    ``failures`` counts the questions in a row that it left unanswered.
    """

    agent: str
    state: str
    words: str
    failures: int = 0
    should_end: bool = False


def check_health(
    root: str,
    entry: RosterEntry,
    *,
    timeout_s: float,
    failures: int,
    cooldown_s: float,
    actor: str,
    clock: Clock = SYSTEM_CLOCK,
) -> HealthCheck:
    """Ask the agent for a sign of life, unless it has just shown one. Raises NoTmuxError, TmuxError, StoreError."""
    path = entry.address.path
    pane = sessions.find_session(root, entry)
    if pane is None or not sessions.is_alive(pane):
        return HealthCheck(path, "not running", "no program runs in its session")
    ended = _ended_lately(root, path, clock.now() - cooldown_s)
    if ended:
        return HealthCheck(path, "cooldown", f"its session was ended {format_span(clock.now() - ended)} ago")
    seen = _last_sign(root, entry)
    if clock.now() - seen <= timeout_s:
        return _answered(root, path, f"a sign of life {format_span(max(0.0, clock.now() - seen))} ago", actor, clock)
    asked = clock.now()
    for receipt in nudge(root, target_of(root, entry, pane), ASKED, actor, server=sessions.server_of(root), mode="now"):
        if receipt.stage == TURN_STARTED:
            return _answered(root, path, "it took the question up", actor, clock)
        if receipt.final and not receipt.ok:
            return HealthCheck(path, "waits", f"nothing is typed to it: {receipt.detail}")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if _last_sign(root, entry) > asked + ECHO_S:
            return _answered(root, path, f"it answered after {format_span(clock.now() - asked)}", actor, clock)
        time.sleep(LOOK_EVERY_S)
    silent = f"no sign of life within {format_span(timeout_s)}"
    _note(root, actor, PING, path, "health check", ok=False, error=silent, clock=clock)
    count = unanswered(read_memory(root, clock.now()), path, clock.now())
    return HealthCheck(path, "silent", silent, count, count >= failures)


def unanswered(memory: Memory, agent: str, now: float) -> int:
    """Return how many questions in a row the agent has left unanswered within a day."""
    count = 0
    for act in reversed(memory.acts_on(agent, now - BACK_S, orders=(PING,))):
        if act.ok:
            break
        count += 1
    return count


def _answered(root: str, path: str, words: str, actor: str, clock: Clock) -> HealthCheck:
    if unanswered(read_memory(root, clock.now()), path, clock.now()):
        # only the end of a silence is worth a line in the log
        _note(root, actor, PING, path, "health check", ok=True, clock=clock)
    return HealthCheck(path, "responded", words)


def _last_sign(root: str, entry: RosterEntry) -> float:
    pane, beat = sessions.find_session(root, entry), read_heartbeat(root, entry.session)
    return max(pane.activity if pane is not None else 0.0, beat.at if beat is not None else 0.0)


def _ended_lately(root: str, path: str, since: float) -> float:
    """When the agent's session was last ended by force after ``since``, 0 if it was not."""
    for event in events_since(log_path(root), since):
        if event.type == "kill" and event.payload.get("target") == path:
            return event.ts
    return 0.0


# hooks of the dead


class StaleHook(Record):
    """A bead on the hook of somebody who is gone; ``kept`` says why it stays there, ``partial`` what is unsaved."""

    bead: str
    title: str
    assignee: str
    age_s: float
    released: bool = False
    kept: str = ""
    partial: tuple[str, ...] = ()


def release_stale(
    root: str, ledger: TownLedger, *, max_age_s: float, dry_run: bool, actor: str, clock: Clock = SYSTEM_CLOCK
) -> list[StaleHook]:
    """Put work of agents without a session back to ready. Raises TmuxError if tmux does not tell who lives."""
    live = live_sessions(root)
    if live is None:
        raise TmuxError("it is unknown whose session lives", "tmux gave no answer", "gt doctor checks it")
    inventory = read_inventory(root)
    found = []
    for held in [one for store in ledger.stores().values() for one in store.held_work()]:
        stale = _stale(root, ledger, inventory, live, held, max_age_s, clock.now())
        if stale is None:
            continue
        if not stale.kept and not dry_run:
            stale = _release(root, ledger, inventory, stale, actor, clock)
        found.append(stale)
    return found


def _stale(
    root: str, ledger: TownLedger, inventory: Inventory, live: frozenset[str], held: Held, max_age_s: float, now: float
) -> StaleHook | None:
    address = parse_address(held.assignee)
    entry = find_agent(inventory, address)
    age_s = max(0.0, now - held.updated_at)
    stale = StaleHook(held.id, held.title, held.assignee, age_s)
    if (entry is not None and entry.session in live) or is_being_slung(root, held.id):
        return None
    if entry is None:
        if not is_absent(inventory, held.assignee):
            # a person's claim
            return None
        return stale._replace(
            kept="" if age_s >= max_age_s else f"of nobody known, and not {format_span(max_age_s)} old"
        )
    if entry.address.role == CREW:
        return stale._replace(kept="a crew member is a person's; gt unsling releases it")
    if entry.address.role == POLECAT and os.path.isdir(entry.work_dir):
        stakes = look_at_stakes(root, ledger, entry)
        return stale._replace(partial=() if stakes.is_clean else tuple(stakes.words()))
    return stale


def _release(
    root: str, ledger: TownLedger, inventory: Inventory, stale: StaleHook, actor: str, clock: Clock
) -> StaleHook:
    entry = find_agent(inventory, parse_address(stale.assignee))
    if entry is not None and entry.address.role == POLECAT:
        # by the rules for dead workers: a second look, a count of deaths, a record that it was suspended
        if stale.bead in release_dead(root, ledger, actor=actor, bead_ids=[stale.bead], clock=clock):
            return stale._replace(released=True)
        return stale._replace(kept="its worker stopped on purpose, or had no time to start yet")
    bead = ledger.get(stale.bead)
    done = bead is not None and unsling(root, ledger, bead, actor=actor, clock=clock)
    return stale._replace(released=done, kept="" if done else "somebody else has it by now")


# dispatched again


class Redispatch(Record):
    """What came of dispatching a bead again; ``action`` is slung, cooldown, not open, given up or already given up."""

    bead: str
    action: str
    words: str
    attempts: int


def redispatch(
    root: str,
    ledger: TownLedger,
    bead_id: str,
    rig: str,
    *,
    most: int,
    cooldown_s: float,
    actor: str,
    clock: Clock = SYSTEM_CLOCK,
) -> Redispatch:
    """Sling a bead that came back to its rig; after ``most`` tries a person is told instead. Raises what a sling raises."""
    acts = read_memory(root, clock.now()).acts_on(bead_id, clock.now() - BACK_S, orders=(REDISPATCH,))
    tries = [one for one in acts if one.kind != GIVEN_UP]
    count = len(tries)
    if any(one.kind == GIVEN_UP for one in acts):
        return Redispatch(bead_id, "already given up", "a person was told; gt escalate list shows it", count)
    since_s = clock.now() - tries[-1].at if tries else cooldown_s
    if since_s < cooldown_s:
        words = f"dispatched {format_span(since_s)} ago; again in {format_span(cooldown_s - since_s)}"
        return Redispatch(bead_id, "cooldown", words, count)
    if count >= most:
        return _give_up(root, ledger, bead_id, count, actor, clock)
    bead = ledger.get(bead_id)
    if bead is None or bead.status != OPEN:
        is_ = bead.status if bead is not None else "not in the ledger"
        return Redispatch(bead_id, "not open", f"it is {is_}", count)
    sling = Sling(root, SlingRequest(bead_id, rig, force=True, convoy=False), clock=clock)
    try:
        for _ in sling.run():
            pass
    except GastownError as error:
        _note(root, actor, REDISPATCH, bead_id, "it came back", ok=False, error=words_of(error), clock=clock)
        raise
    _note(root, actor, REDISPATCH, bead_id, "it came back", ok=True, clock=clock)
    return Redispatch(bead_id, "slung", f"slung to {sling.result.agent}", count + 1)


def _give_up(root: str, ledger: TownLedger, bead_id: str, count: int, actor: str, clock: Clock) -> Redispatch:
    """Tell a person instead of dispatching the bead once more."""
    words = f"dispatched {count} times within {format_span(BACK_S)}, and it came back each time"
    what = f"{bead_id} is not dispatched again"
    escalate(
        root, ledger, "high", what, sender=actor, reason=words, about=bead_id, key=f"redispatch:{bead_id}", clock=clock
    )
    told = {"patrol": "deacon", "kind": GIVEN_UP, "target": bead_id, "order": REDISPATCH, "bead": bead_id}
    append_event(root, ACTED, actor, told | {"reason": words, "ok": False, "error": words}, clock=clock)
    return Redispatch(bead_id, "given up", words, count)


# stranded convoys


class Feeding(Record):
    """What came of one stranded convoy: ``action`` is fed, closed, skipped, needs_attention or error."""

    convoy_id: str
    action: str
    message: str


def feed_stranded(
    root: str, ledger: TownLedger, *, most: int, cooldown_s: float, actor: str, clock: Clock = SYSTEM_CLOCK
) -> list[Feeding]:
    """Recheck stranded convoys and dispatch their ready work, at most ``most`` of them; one that fails hinders none."""
    now = clock.now()
    memory, done, begun = read_memory(root, now), list[Feeding](), 0
    for one in stranded(root, ledger, clock=clock):
        last = memory.acts_on(one.convoy.id, now - cooldown_s, orders=(FEED,))
        if PAUSED in one.convoy.labels:
            done.append(Feeding(one.convoy.id, "needs_attention", "it is paused; gt mountain resume continues it"))
        elif last:
            done.append(Feeding(one.convoy.id, "skipped", f"fed {format_span(now - last[-1].at)} ago"))
        elif begun >= most:
            done.append(Feeding(one.convoy.id, "skipped", f"{most} others came first"))
        else:
            begun += 1
            done.append(_feed(root, ledger, one.convoy.id, actor, clock))
    return done


def _feed(root: str, ledger: TownLedger, convoy_id: str, actor: str, clock: Clock) -> Feeding:
    try:
        found = refresh(root, ledger, convoy_id, actor=actor, clock=clock)
    except GastownError as error:
        _note(root, actor, FEED, convoy_id, "stranded", ok=False, error=words_of(error), clock=clock)
        return Feeding(convoy_id, "error", words_of(error))
    _note(root, actor, FEED, convoy_id, "stranded", ok=True, clock=clock)
    if found.landed:
        return Feeding(convoy_id, "closed", "it was complete")
    started = [one.bead for one in found.fed if one.ok]
    if started:
        return Feeding(convoy_id, "fed", f"dispatched {', '.join(started)}")
    failed = [f"{one.bead} could not start: {one.error}" for one in found.fed]
    why = found.full or "; ".join(failed or [hold.text for _, hold in found.held[:2]])
    return Feeding(convoy_id, "needs_attention", why or "nothing could be dispatched")
