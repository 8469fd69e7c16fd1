"""THE table of duties: what the daemon does, what wakes each duty, and how often it runs anyway.

Dispatch and the refineries are woken by changes of the ledger; their interval is only a safety net.  Each patrol is a
duty too (``patrols.table``), woken when an agent's program ends (``daemon.deaths``).
"""

from __future__ import annotations

from functools import partial

from gastown_core.daemon.duty import DEATHS, Duty
from gastown_core.daemon.quiet import Quiet, mark_of
from gastown_core.daemon.wakeups import RIGS, SETTINGS
from gastown_core.errors import SettingsError
from gastown_core.model.agent import Health
from gastown_core.model.states import RigState
from gastown_core.patrols.lookout import lookout_of
from gastown_core.patrols.patrol import OFF
from gastown_core.patrols.round import watch_of
from gastown_core.patrols.table import patrols_of, read_limits
from gastown_core.tmux.socket import has_tmux
from gastown_core.town import estop
from gastown_core.town.closed_rig import ClosedRig
from gastown_core.town.inventory import read_inventory
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.attention.item import Item
    from gastown_core.daemon.duty import Shift
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.patrols.table import PatrolRow
    from gastown_core.telemetry.readings import Read

ACTOR = "daemon"
POLL_S = 30.0
"""How often a refinery looks whose settings cannot be read."""
COMMONS_S = 60.0
"""The shortest interval of looks at the commons: each starts ``dolt``."""
_UNDISPATCHED, _UNHELD, _UNWRITTEN = Quiet(), Quiet(), Quiet()
_HEADS: dict[str, object] = {}
"""Rig's folder → where its branches stood when conflicts were looked for; duties are made anew, this stays."""


def duties_of(root: str) -> list[Duty]:
    """Return the duties of this town as it is now: the town's, and those of each rig that is under no emergency stop."""
    found = [*TOWN, *(patrol_duty(row) for row in patrols_of(root) if row.mode != OFF), *commons_of(root)]
    for rig in read_inventory(root).rigs:
        if rig.state != RigState.HALTED:
            found.append(refinery_of(root, rig.name))
        if rig.state == RigState.OPERATIONAL:
            found.append(forewarner_of(root, rig.name))
    return found


def refinery_of(root: str, rig: str) -> Duty:
    """Return the duty that merges the requests of ``rig``; where that is switched off or closed, it says so to whoever looks.

    What is tested while the rig is parked or docked goes back to the queue, as at the end of the daemon.
    """
    is_closed = ClosedRig(root, rig)

    def work(shift: Shift) -> str:
        from gastown_core.refinery.engine import process

        results = process(
            shift.root, rig, patient=True, clock=shift.clock, stop=lambda: shift.stopping() or is_closed()
        )
        return "; ".join(result.words() for result in results)

    try:
        every_s = load_settings(root, "rig", rig).seconds("merge_queue.poll_interval")
    except SettingsError:
        # it says so itself, and holds this rig's queue; the other duties go on
        every_s = POLL_S
    # a batch runs its gates as often as bisection needs; the refinery's own state tells how far it is
    wakes = (f"ledger:{rig}", "channel:refinery", RIGS, SETTINGS, f"{SETTINGS}:{rig}")
    due = partial(_freeze_changes, rig)
    return Duty(f"refinery:{rig}", work, wakes, every_s, 0.1, 6 * 3600.0, rests=True, due=due)


def _freeze_changes(rig: str, shift: Shift) -> float | None:
    """When the freeze ends that holds in the rig, else when the hours of its settings begin, so that all faces say so then."""
    from gastown_core.refinery.freeze import frozen
    from gastown_core.refinery.freeze_windows import next_begin
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import of_hours

    place = Refinery(shift.root, rig, policy=of_hours(shift.root, rig), clock=shift.clock)
    freeze = frozen(place)
    return freeze.until if freeze is not None else next_begin(place.policy.freeze, shift.clock.now())


def forewarner_of(root: str, rig: str) -> Duty:
    """Return the duty that tells of conflicts in ``rig`` before they happen."""

    def work(shift: Shift) -> str:
        from gastown_core.refinery.forewarning import forewarn, forget, heads_mark, words_of
        from gastown_core.refinery.place import Refinery
        from gastown_core.refinery.policy import Policy

        settings = load_settings(root, "rig", rig)
        place = Refinery(shift.root, rig, policy=Policy(), clock=shift.clock)
        if not settings.lenient("merge_queue.enabled") or not settings.lenient("merge_queue.tell_conflicts"):
            _HEADS.pop(place.path, None)
            forget(place)
            return ""
        mark = heads_mark(place)
        if _HEADS.get(place.path) == mark:
            return ""
        told = forewarn(place)
        _HEADS[place.path] = mark
        return "; ".join(map(words_of, told))

    return Duty(f"conflicts:{rig}", work, (f"ledger:{rig}", f"{SETTINGS}:{rig}"), 30.0, 5.0, rests=True)


def commons_of(root: str) -> list[Duty]:
    """Return the duty that brings what is new in the commons; none unless the town wants it."""
    every_s = load_settings(root).seconds("wasteland.fetch_every")
    if every_s <= 0:
        return []

    def work(shift: Shift) -> str:
        from gastown_core.wasteland.news import bring_news

        return bring_news(shift.root, max(every_s, COMMONS_S), ACTOR, shift.clock)

    def resting(root: str) -> str:
        from gastown_core.wasteland.news import why_resting

        return why_resting(root, max(every_s, COMMONS_S))

    # a turn reads two small files; whether it is time to fetch depends on everybody's exchanges
    return [Duty("commons", work, (), COMMONS_S, COMMONS_S, 900.0, rests=True, paused=resting)]


def patrol_duty(row: PatrolRow) -> Duty:
    """Return the duty that runs a patrol."""

    def work(shift: Shift) -> str:
        town = lookout_of(shift.root, shift.clock).look()
        watch = watch_of(shift.root, shift.clock)
        # a changed mode counts at once: the duties are only read again with the next heartbeat
        now = next((one for one in patrols_of(shift.root) if one.patrol.name == row.patrol.name), row)
        if now.mode == OFF:
            return ""
        return watch.run(now.patrol, town, read_limits(shift.root), mode=now.mode).words()

    return Duty(
        row.patrol.name, work, (DEATHS,), row.patrol.period_s, 1.0, 900.0, rests=True, paused=row.patrol.why_paused
    )


def dispatch_ready(shift: Shift) -> str:
    """Close complete convoys, and dispatch ready work to free polecats."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy import feeding, landing
    from gastown_core.work.scheduler import scheduler

    if _UNDISPATCHED.holds(shift.root):
        return ""
    ledger = TownLedger(shift.root)
    mark = mark_of(shift.root, ledger)
    landed = landing.check_convoys(shift.root, ledger, actor=ACTOR, clock=shift.clock)
    fed = feeding.feed(shift.root, actor=ACTOR, clock=shift.clock)
    cycle = scheduler.cycle(shift.root, clock=shift.clock)
    _UNDISPATCHED.note(shift.root, mark, nothing_waits=cycle.is_empty and not feeding.open_convoys(ledger))
    told = [f"landed {', '.join(landed)}"] if landed else []
    told += [one.words() for one in fed if one.words()]
    if cycle.words():
        told.append(cycle.words())
    return "; ".join(told)


def release_dead_workers(shift: Shift) -> str:
    """Release the work of polecats whose session has died; their commits stay on their branch.

    Restarts that were cut off are finished first: an agent started by that is not dead.
    """
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.lifecycle import finish_restarts
    from gastown_core.town.polecat_pool import drop_void_reservations
    from gastown_core.work.scheduler import reclaim

    for rig in read_inventory(shift.root).rigs:
        drop_void_reservations(shift.root, rig.name, shift.clock.now())
    restarted = finish_restarts(shift.root, sender=ACTOR, clock=shift.clock) if has_tmux() else []
    if _UNHELD.holds(shift.root):
        return "; ".join(restarted)
    ledger = TownLedger(shift.root)
    mark = mark_of(shift.root, ledger)
    released = reclaim.release_dead(shift.root, ledger, actor=ACTOR, clock=shift.clock)
    settled = reclaim.settle_records(shift.root, ledger, actor=ACTOR, clock=shift.clock)
    _UNHELD.note(shift.root, mark, nothing_waits=not reclaim.holds_anything(shift.root, ledger))
    told = [*restarted, f"released {', '.join(released)}"] if released else restarted
    return "; ".join([*told, f"completed the records of {', '.join(settled)}"] if settled else told)


def audit_mountains(shift: Shift) -> str:
    """Audit the mountains for stalls."""
    from gastown_core.work.mountain.audit import audit

    return "; ".join(audit(shift.root, clock=shift.clock))


def open_gates(shift: Shift) -> str:
    """Open the gates of molecules whose time, bead, mail or check has come."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.gates import check

    ledger = TownLedger(shift.root)
    done = check(ledger, list(ledger.stores().values()), actor=ACTOR, clock=shift.clock)
    return f"opened {', '.join(gate for gate, _ in done.resolved)}" if done.resolved else ""


def follow_new_ids(shift: Shift) -> str:
    """Update references to beads that a merge gave another id."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town import new_ids

    return "; ".join(new_ids.follow_new_ids(shift.root, TownLedger(shift.root), actor=ACTOR))


def follow_docked_rigs(shift: Shift) -> str:
    """Stop rigs that another member of the town has docked, and open those that were undocked."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.rig_states import follow_labels

    return "; ".join(follow_labels(shift.root, TownLedger(shift.root), actor=ACTOR, clock=shift.clock))


def raise_unanswered(shift: Shift) -> str:
    """Close escalations whose cause is gone, raise those that nobody answered, send those that leave the town."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.messaging.escalation_upkeep import reescalate, send_out
    from gastown_core.work.solved import settle_solved

    ledger = TownLedger(shift.root)
    solved = settle_solved(shift.root, ledger, actor=ACTOR, clock=shift.clock)
    rises = reescalate(shift.root, ledger, actor=ACTOR, clock=shift.clock)
    sent = send_out(shift.root, ledger, actor=ACTOR)
    told = [f"closed {', '.join(solved)}: solved"] if solved else []
    told += [f"raised {rise.id} to {rise.after}" for rise in rises]
    return "; ".join([*told, *(f"sent {bead_id}" for bead_id in sent)])


def treat_role_mail(shift: Shift) -> str:
    """Treat the mail of roles that the code has: archive, escalate, or hand on to somebody who reads it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.messaging.role_mail import Post

    if _UNWRITTEN.holds(shift.root):
        return ""

    def present() -> set[str]:
        town = lookout_of(shift.root, shift.clock).look()
        unknown = town.source_error("tmux") is not None
        return {one.address.mail for one in town.agents if one.running or unknown}

    ledger = TownLedger(shift.root)
    mark = mark_of(shift.root, ledger)
    done, is_left = Post(shift.root, ledger, present, shift.clock).treat()
    _UNWRITTEN.note(shift.root, mark, nothing_waits=not done and not is_left)
    more = [f"{len(done) - 5} more"] if len(done) > 5 else []
    return "; ".join([*done[:5], *more])


def compact_wisps(shift: Shift) -> str:
    """Delete expired wisps."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.wisp_compaction import DELETE, compact

    done = compact(shift.root, TownLedger(shift.root), actor=ACTOR)
    dropped = sum(len(one.of(DELETE)) for one in done.values())
    return f"deleted {dropped} old wisps" if dropped else ""


def curate_feed(shift: Shift) -> str:
    """Update the curated feed from the event log."""
    from gastown_core.events.feed import catch_up, read_rules

    catch_up(shift.root, read_rules(load_settings(shift.root).value))
    return ""


def prune_log(shift: Shift) -> str:
    """Delete expired events, when pruning is due."""
    from gastown_core.events import chronicle

    now = shift.clock.now()
    if chronicle.due_in(shift.root, now) > 0:
        return ""
    dropped = sum(one.dropped for one in chronicle.prune_and_note(shift.root, now))
    return f"pruned {dropped} events" if dropped else ""


def sweep_leftovers(shift: Shift) -> str:
    """Remove wake-up files, lock files and queue remains that nobody needs."""
    from gastown_core.daemon import leftovers

    rigs = [rig.path for rig in read_inventory(shift.root).rigs]
    gone = leftovers.sweep_leftovers(shift.root, rigs, shift.clock.now())
    return f"swept {gone} leftover files" if gone else ""


def count_usage(shift: Shift) -> str:
    """Count what agents used, and say where a budget ends."""
    from gastown_core.usage.collect import collect

    done = collect(shift.root, clock=shift.clock)
    # what cannot be read is told by gt costs; here it would be told again and again
    return "; ".join(done.said)


def answer_questions(shift: Shift) -> str:
    """Answer questions that the settings answer."""
    from gastown_core.daemon.answers import apply_standing_answers

    return apply_standing_answers(shift)


def deliver_nudges(shift: Shift) -> str:
    """Type what waits for agents that are idle."""
    from gastown_core.daemon.nudges import deliver_waiting

    return deliver_waiting(shift)


def write_status_lines(shift: Shift) -> str:
    """Give each session's status line the words of the town as it is now; without a tmux server, do nothing."""
    from gastown_core.attention.count import count_of
    from gastown_core.state.status_line import status_words
    from gastown_core.tmux.status_line import write_words

    lookout = lookout_of(shift.root, shift.clock)
    town = lookout.look()
    server = lookout.linked_server()
    if server is not None:
        is_stopped = estop.is_set(shift.root)
        need = count_of(_waiting(shift, town)).you
        write_words(server, status_words(town, is_stopped=is_stopped, need=need), shift.clock.now())
    return ""


def tell_attention(shift: Shift) -> str:
    """Tell a person when the inbox fills, over the channels of the settings."""
    channels = load_settings(shift.root).get("attention.notify")
    if not channels:
        return ""
    from gastown_core.attention.notice import tell

    town = lookout_of(shift.root, shift.clock).look()
    sent = tell(shift.root, _waiting(shift, town), town.name, channels, shift.clock.now())
    return "; ".join(f"told over {one.channel}" + (f": {one.error}" if one.error else "") for one in sent)


def _waiting(shift: Shift, town: TownSnapshot) -> tuple[Item, ...]:
    """The attention list without what a person has snoozed or finished."""
    from gastown_core.attention.look import attention
    from gastown_core.attention.marks import sort_rows

    return sort_rows(shift.root, attention(town), shift.clock.now())[0].shown


def watch_quotas(shift: Shift) -> str:
    """Record which accounts are limited, as their agents' programs tell it, and which are free again."""
    from gastown_core.state.quota import by_account, read_names, sessions_of, take_in
    from gastown_core.town.accounts import read_limits

    lookout, now = lookout_of(shift.root, shift.clock), shift.clock.now()
    town = lookout.look()
    if not town.counts.get(Health.LIMITED) and not read_limits(shift.root, now):
        return ""
    rows = sessions_of(town, lookout.panes(), read_names(shift.root))
    begun, over = take_in(shift.root, by_account(rows), town, now)
    return "; ".join([*(one.text() for one in begun), *(f"account {name} is free again" for name in over)])


def hold_still(shift: Shift) -> str:
    """During an emergency stop, also stop what agents have started since."""
    from gastown_core.messaging.standstill import hold_again

    held = hold_again(shift.root) if has_tmux() else 0
    return f"stopped {held} more processes" if held else ""


def run_plugins(shift: Shift) -> str:
    """Run the plugins whose gate is open."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.plugins.due import watch_plugins

    return watch_plugins(shift.root, shift.clock).run_due(
        TownLedger(shift.root), actor=ACTOR, stopping=lambda: shift.stopping() or estop.is_set(shift.root)
    )


def tell_collectors(shift: Shift) -> str:
    """Count what happened, and tell the collectors that the town has chosen."""
    from gastown_core.attention.count import count_of
    from gastown_core.telemetry.export import station_of
    from gastown_core.telemetry.readings import of_town

    def look() -> Read:
        town = lookout_of(shift.root, shift.clock).look()
        return of_town(town, count_of(_waiting(shift, town)).you)

    return station_of(shift.root, shift.clock).run(look)


TOWN = (
    Duty("dispatch", dispatch_ready, ("ledger",), 10.0, 0.15, rests=True),
    Duty("workers", release_dead_workers, (DEATHS,), 15.0, 1.0, rests=True),
    Duty("mountains", audit_mountains, (), 60.0, 10.0, rests=True),
    Duty("gates", open_gates, ("ledger",), 60.0, 5.0, rests=True),
    Duty("usage", count_usage, (), 20.0, 5.0),
    Duty("nudges", deliver_nudges, ("nudges",), 15.0, 0.05, 900.0, rests=True),
    Duty("answers", answer_questions, ("events",), 10.0, 2.0, rests=True),
    Duty("attention", tell_attention, ("ledger:town", "events"), 30.0, 2.0),
    Duty("status lines", write_status_lines, ("ledger", "events"), 30.0, 5.0),
    Duty("quotas", watch_quotas, (), 15.0, 5.0, rests=True),
    Duty("emergency stop", hold_still, (), 15.0, 5.0),
    Duty("new ids", follow_new_ids, ("ledger",), 300.0, 1.0),
    Duty("escalations", raise_unanswered, ("ledger:town",), 30.0, 1.0),
    Duty("role mail", treat_role_mail, ("ledger:town",), 60.0, 2.0, rests=True),
    Duty("docked rigs", follow_docked_rigs, ("ledger:town",), 300.0, 5.0, rests=True),
    Duty("plugins", run_plugins, (), 60.0, 10.0, 6 * 3600.0, rests=True),
    Duty("wisps", compact_wisps, (), 3600.0, 600.0),
    Duty("feed", curate_feed, ("events",), 300.0, 2.0),
    Duty("leftovers", sweep_leftovers, (), 3600.0, 600.0),
    Duty("log", prune_log, (), 900.0, 60.0),
    Duty("telemetry", tell_collectors, (), 10.0, 1.0),
)
