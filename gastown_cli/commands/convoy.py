"""``gt convoy``: create, list and show convoys, and add work to them."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_age
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import BLOCKED, CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.convoy import ConvoyView, MemberView
    from gastown_core.model.obstacle import Obstacle
    from gastown_core.work.convoy.staging import PlanProblem, StagingPlan
    from gastown_core.work.convoys import Convoy, ConvoyProgress, ConvoyRow
    from gastown_core.work.scheduler.dispatch import Dispatched
MARKS = {CLOSED: "✓", IN_REVIEW: "◐", HOOKED: "●", IN_PROGRESS: "●", BLOCKED: "⊘"}
_SAYS_IT = ("held", "gone", "review", "done", "queued")


def bar(count: ConvoyProgress, width: int = 20) -> str:
    """Return a progress bar such as ``████▒▒······``: done, in review, remaining."""
    total = max(count.total, 1)
    done = count.done * width // total
    review = (count.done + count.in_review) * width // total - done
    return "█" * done + "▒" * review + "·" * (width - done - review)


def progress_words(count: ConvoyProgress) -> str:
    """Return a line such as ``2 done, 1 in review, 0 running, 5 total``."""
    words = [f"{count.done} done", f"{count.in_review} in review", f"{count.running} running", f"{count.total} total"]
    if count.missing:
        words.append(f"{count.missing} not found")
    return ", ".join(words)


def detail_lines(convoy: Convoy, holds: Mapping[str, Obstacle] | None = None) -> list[str]:
    """Return the lines of a convoy and its members; ``holds`` says what blocks members, those without an entry are ready."""
    bead = convoy.bead
    words = [word for word in ("mountain", "mountain:paused") if word in bead.labels]
    labels = f" {output.style(' '.join(words), 'magenta')}" if words else ""
    lines = [f"{output.style(bead.id, 'bold')} {output.clean(bead.title)} [{bead.status}]{labels}"]
    fields = bead.fields
    told = [f"owner {fields['owner']}"] if fields.get("owner") else []
    told += ["owned: landed by its owner"] if "gt:owned" in bead.labels else []
    listeners = [fields[key] for key in ("notify", "watchers") if fields.get(key)]
    told += [f"notifies {', '.join(listeners)}"] if listeners else []
    told += [f"nudges {fields['nudge_watchers']}"] if fields.get("nudge_watchers") else []
    told += [f"merge: {fields['merge']}"] if fields.get("merge") else []
    told += [f"base: {fields['base_branch']}"] if fields.get("base_branch") else []
    if told:
        lines.append("  " + output.clean(" · ".join(told)))
    lines.append(f"  {bar(convoy.progress)} {progress_words(convoy.progress)}")
    for bead_id, member in convoy.members:
        if member is None:
            lines.append(f"  ? {bead_id} (not found in any ledger)")
            continue
        mark = MARKS.get(member.status, "○")
        worker = f"  {output.clean(member.assignee)}" if member.assignee else ""
        lines.append(f"  {mark} {bead_id} [{member.status}] {output.clean(member.title)}{worker}")
        hold = holds.get(bead_id) if holds is not None else None
        if hold is not None and (hold.code not in _SAYS_IT or hold.code == "gone"):
            lines.append("      " + output.style(output.clean(hold.text), "dim"))
    return lines


def dispatch_lines(done: Iterable[Dispatched]) -> list[str]:
    """Return one line per bead that was dispatched or failed to be."""
    lines = []
    for one in done:
        if not one.ok:
            lines.append(f"  {output.style('✗', 'red')} {one.bead}: {output.clean(one.error)}")
        elif one.deferred:
            lines.append(f"  {output.style('⏱', 'cyan')} {one.bead} queued for {one.rig}")
        else:
            branch = f" on {one.branch}" if one.branch else ""
            lines.append(f"  {output.style('✓', 'green')} {one.bead} → {output.clean(one.agent)}{output.clean(branch)}")
    return lines


def plan_lines(plan: StagingPlan) -> list[str]:
    """Return the waves of a staged convoy, with its errors and warnings."""
    lines = []
    for number, wave in enumerate(plan.waves, 1):
        lines.append(output.style(f"Wave {number}", "bold"))
        for task in wave:
            after = f"  after {', '.join(task.blocked_by)}" if task.blocked_by else ""
            rig = task.rig or "no rig"
            lines.append(f"  ○ {task.bead.id} {output.clean(task.bead.title)} ({rig}){output.style(after, 'dim')}")
    lines += _findings("error", "✗", "red", plan.errors)
    return lines + _findings("warning", "!", "yellow", plan.warnings)


def _findings(word: str, mark: str, colour: str, found: Iterable[PlanProblem]) -> list[str]:
    lines = []
    for one in found:
        lines.append(f"{output.style(mark, colour)} {word}, {one.category}: {output.clean(one.message)}")
        lines.append(f"    next: {output.clean(one.suggested_fix)}")
    return lines


def create_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy create``."""
    parser.add_argument("name", nargs="?", default="", help="name of the convoy; a bead id takes that bead's title")
    parser.add_argument("beads", nargs="*", help="beads to track; more can be added later")
    parser.add_argument(
        "--from-epic", default="", metavar="EPIC", help="track all work below this epic; its title is the default name"
    )
    parser.add_argument("--owner", default="", help="owner of the convoy (default: you)")
    parser.add_argument(
        "--notify", nargs="?", const="mayor/", default="", help="address to notify when it lands (default mayor/)"
    )
    parser.add_argument("--human", action="store_true", help="notify the overseer when it lands or stalls")
    parser.add_argument("--owned", action="store_true", help="do not close it automatically; gt convoy land lands it")
    parser.add_argument("--merge", choices=("direct", "mr", "local"), default="", help="how its work is merged")
    parser.add_argument("--base-branch", default="", help="branch that its work starts from")
    parser.add_argument("--molecule", default="", help="molecule that it belongs to")
    context.add_json(parser)


def run_create(args: Namespace) -> int:
    """Create a convoy. If any bead is unknown, create nothing."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoys import as_json, create_convoy, get_convoy

    root = context.town()
    ledger = TownLedger(root)
    title, beads, notify = _read_words(args, ledger)
    made = create_convoy(
        root,
        ledger,
        title,
        beads,
        owner=args.owner or who.acting(root),
        notify=notify,
        watchers=["overseer"] if args.human else [],
        merge=args.merge,
        base_branch=args.base_branch,
        molecule=args.molecule,
        owned=args.owned,
    )
    if args.json:
        output.say_json(as_json(get_convoy(ledger, made.id)))
        return 0
    count = len(dict.fromkeys(beads))
    many = f"{count} bead{'' if count == 1 else 's'}"
    output.say(f"{output.style('✓', 'green')} {made.id} {output.clean(made.title)} ({many})")
    if not count:
        output.say(f"  no members yet; next: gt convoy add {made.id} BEAD…")
    else:
        _say_when(root)
    return 0


def _is_like_an_id(word: str, ledger: TownLedger) -> bool:
    """Return whether ``word`` looks like a bead id: a store's prefix followed by a valid id."""
    from gastown_core.beads.ids import is_valid

    return is_valid(word) and any(word.startswith(f"{store.prefix}-") for store in ledger.stores().values())


def _say_when(root: str) -> None:
    """Print when ready work is dispatched, if a daemon is running."""
    from gastown_core.town.daemon_note import is_running
    from gastown_core.town.settings import load_settings

    grace_s = load_settings(root).seconds("convoy.feed_grace")
    if grace_s and is_running(root):
        output.say(f"  ready work is dispatched in {grace_s:g} s; to start now: gt sling BEAD RIG")


def _read_words(args: Namespace, ledger: TownLedger) -> tuple[str, list[str], str]:
    """Return name, members and address to notify; a bead id may stand in place of the name or after a bare ``--notify``."""
    title, beads, notify = args.name, list(args.beads), args.notify
    first = ledger.get(title) if "-" in title and " " not in title else None
    if first is not None:
        title, beads = first.title, [first.id, *beads]
    elif not beads and not args.from_epic and _is_like_an_id(title, ledger):
        raise ledger.store_for(title).near(title)
    # a bare --notify swallows a bead's id that follows it
    if notify and notify not in ("mayor/", "overseer") and ledger.get(notify) is not None:
        beads.append(notify)
        notify = "mayor/"
    if args.from_epic:
        from gastown_core.work.convoy.acts import members_of_epic

        epic_title, below = members_of_epic(ledger, args.from_epic)
        title, beads = title or epic_title, [*below, *beads]
    if not title.strip():
        raise UsageError("a convoy needs a name", "", 'gt convoy create "Bug fixes" BEAD…')
    return title, beads, notify


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy list``."""
    parser.add_argument("--all", action="store_true", help="include closed convoys")
    parser.add_argument("--status", default="", help="only convoys with this status")
    parser.add_argument("--tree", action="store_true", help="show members")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List convoys, newest first, and why those stand still that do."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.state.convoy_glance import glance_at_convoys

    statuses = () if args.all else (args.status,) if args.status else SHOWN
    root, now = context.town(), SYSTEM_CLOCK.now()
    ledger = TownLedger(root)
    glance = glance_at_convoys(root, ledger, now)
    for fault in glance.faults:
        output.note(f"note: {output.clean(fault)}")
    if args.json or args.tree:
        _say_members(args, ledger, statuses, glance.views, now)
    elif statuses == SHOWN:
        _say_rows(glance.shown(SHOWN), glance.views, now, is_all=False)
    else:
        from gastown_core.work.convoys import list_rows

        _say_rows(list_rows(ledger, statuses=statuses), glance.views, now, is_all=args.all)
    return context.tell_unread(ledger)


def _say_members(
    args: Namespace, ledger: TownLedger, statuses: tuple[str, ...], views: Mapping[str, ConvoyView], now: float
) -> None:
    """Print convoys with their members, as JSON or as a tree."""
    from gastown_core.work.convoys import as_json, list_convoys

    found = list_convoys(ledger, statuses=statuses)
    if args.json:
        output.say_json_rows([as_json(one) | stall_json(views.get(one.bead.id), now) for one in found])
        return
    trees = [[*detail_lines(one), *why_lines(views.get(one.bead.id), now)] for one in found]
    output.say("\n\n".join("\n".join(lines) for lines in trees))


def _say_rows(
    found: Sequence[ConvoyRow | ConvoyView], views: Mapping[str, ConvoyView], now: float, *, is_all: bool
) -> None:
    """Print a row for each convoy, and below it why it stands still."""
    from gastown_core.state.convoy_views import stuck_word

    rows = [
        [
            str(number),
            one.id,
            output.shorten(output.clean(one.title), 48),
            f"{one.done}/{one.total}",
            str(one.in_review or ""),
            (stuck_word(views[one.id], now) if one.id in views else "") or one.status,
            format_age(now - one.created_at),
        ]
        for number, one in enumerate(found, 1)
    ]
    if not rows:
        output.say("no convoys" if is_all else "no open convoys; next: gt convoy create NAME BEAD…")
        return
    header = ("#", "ID", "TITLE", "DONE", "REVIEW", "STATUS", "AGE")
    head, *lines = output.table(rows, header=header, right=(0, 3, 4, 6)).split("\n")
    output.say(head)
    for one, line in zip(found, lines, strict=True):
        output.say("\n".join([line, *why_lines(views.get(one.id), now)]))


def why_lines(view: ConvoyView | None, now: float) -> list[str]:
    """Return why a convoy stands still, as the console says it; no lines for one that moves or is closed."""
    if view is None or view.closed_at is not None:
        return []
    from gastown_core.state.convoy_views import stuck_words

    return ["   " + output.style(output.clean(words), "yellow") for words in stuck_words(view, now)]


def stall_json(view: ConvoyView | None, now: float) -> dict[str, object]:
    """Return whether a convoy is stalled, and its stuck members with the reasons, with the keys of ``gt status --json``."""
    from gastown_core.state.as_json import convoy_json

    told = convoy_json(view, now) if view is not None and view.closed_at is None else {}
    return {"stalled": bool(told.get("stalled")), "stuck": told.get("stuck", {})}


SHOWN = ("open", "staged_ready", "staged_warnings")
"""The statuses that ``gt convoy list`` shows by default: open and staged."""


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy show``."""
    parser.add_argument(
        "convoy",
        nargs="?",
        default="",
        help="id, or number in gt convoy list (default: the most recently updated convoy)",
    )
    parser.add_argument("--landing", action="store_true", help="show how far each member has got, as proved by git")
    context.add_json(parser)


def run_show(args: Namespace) -> int:
    """Print a convoy and its members, or with ``--landing`` their landing strips."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.refresh import holds_of
    from gastown_core.work.convoys import as_json

    root = context.town()
    ledger = TownLedger(root)
    convoy = find_convoy(ledger, args.convoy)
    if args.landing:
        return _landing(root, convoy.bead.id, as_json=args.json)
    # who lives is another command's question (gt agents, gt convoy refresh): it would cost a look at tmux
    is_at_work = convoy.bead.status != CLOSED
    holds = dict(holds_of(root, ledger, convoy, live=None)) if is_at_work else {}
    if args.json:
        running = ledger.excerpts(bead_id for bead_id, one in convoy.members if one is not None and "/" in one.assignee)
        now = SYSTEM_CLOCK.now()
        ages = {one.id: now - one.updated_at for one in running.values() if one.status in (HOOKED, IN_PROGRESS)}
        output.say_json(as_json(convoy, holds, ages))
        return 0

    output.say("\n".join(detail_lines(convoy, holds)))
    return 0


def _landing(root: str, convoy_id: str, *, as_json: bool) -> int:
    """Print the landing strip of each member: the steps proved by git, and where ledger and git disagree."""
    from gastown_core.model.landing import LandingStrip
    from gastown_core.state.collect import collect

    view = collect(root, fast=True, landings=True).convoy(convoy_id)
    if view is None:
        raise NotFoundError(
            f"no landing strips for {convoy_id}: it was closed too long ago",
            "they are kept for a day after closing",
            "gt convoy show",
        )
    if as_json:
        rows = []
        for member in view.members:
            strip = member.landing or LandingStrip(())
            steps = {step.name: {"state": step.state, "how": step.how} for step in strip.steps}
            rows.append({"id": member.bead_id, "steps": steps, "fault": strip.fault, "why": strip.why})
        output.say_json({"id": view.id, "title": view.title, "members": rows, "faults": len(view.faults)})
        return 0
    output.say(
        f"{view.id} {output.clean(view.title)}  {view.done} landed, {view.in_review} in review, {view.total} total"
    )
    lines = [_strip_row(member) for member in view.members]
    if lines:
        output.say(output.table(lines))
    return 0


def _strip_row(member: MemberView) -> list[str]:
    from gastown_core.model.landing import STEPS

    strip = member.landing
    if strip is None:
        return [member.bead_id, *(f"· {name}" for name in STEPS), f"not started: {member.stage}"]
    marks = [f"{_MARKS[step.state]} {step.name}" for step in strip.steps]
    telling = next((step for step in strip.steps if step.state != "yes" and step.how), strip.steps[-1])
    return [member.bead_id, *marks, output.clean(strip.fault or telling.how)]


_MARKS = {"yes": "✓", "no": "·", "now": "●", "failed": "✗", "skipped": "-", "unknown": "?"}


def find_convoy(ledger: TownLedger, text: str) -> Convoy:
    """Return the convoy named by an id, part of an id, or a number in the list; without text, the latest. Raises NotFoundError."""
    from gastown_core.work.convoys import current_convoy, get_convoy

    if text.isdigit() and len(text) < 4:
        from gastown_core.state.convoy_glance import glance_at_convoys

        rows = glance_at_convoys(ledger.root, ledger, SYSTEM_CLOCK.now()).shown(SHOWN)
        if not 1 <= int(text) <= len(rows):
            known = f"gt convoy list has {len(rows)} row{'' if len(rows) == 1 else 's'}"
            raise NotFoundError(f"no convoy number {text}", known, "gt convoy list shows the numbers")
        return get_convoy(ledger, rows[int(text) - 1].id)
    if text:
        return get_convoy(ledger, text)
    current = current_convoy(ledger)
    if current is None:
        raise NotFoundError("no convoys yet", "", "gt convoy create NAME BEAD…")
    return current


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt convoy add``."""
    parser.add_argument("convoy", help="id of the convoy")
    parser.add_argument("beads", nargs="+", help="beads to add")
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Add the beads that the convoy does not track yet."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoys import add_to_convoy, as_json, get_convoy

    root = context.town()
    ledger = TownLedger(root)
    added = add_to_convoy(root, ledger, args.convoy, args.beads, actor=who.acting(root))
    if args.json:
        output.say_json(as_json(get_convoy(ledger, args.convoy)))
    elif added:
        output.say(f"{output.style('✓', 'green')} {args.convoy} now tracks {', '.join(added)}")
    else:
        output.say(f"{args.convoy} already tracks {'it' if len(args.beads) == 1 else 'them'}")
    return 0
