"""``gt mq dequeue``, ``approve``, ``freeze`` and ``thaw``: what a person lets be merged, and what not for now."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.context import add_rig, rig_and_request, which_rig
from gastown_core.clock import SYSTEM_CLOCK, local_moment, parse_duration
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.refinery.place import Refinery


def dequeue_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq dequeue``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request|branch", help="id of the request, or its branch")
    parser.add_argument("-r", "--reason", default="", help="why, for whoever looks at the queue")
    context.add_json(parser)


def run_dequeue(args: Namespace) -> int:
    """Take a request out of the queue; its work stays in review."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy
    from gastown_core.refinery.requests import dequeue

    root = context.town()
    rig, name = rig_and_request(root, args.words)
    request = dequeue(Refinery(root, rig, policy=Policy()), name, args.reason, actor=who.acting(root))
    if args.json:
        output.say_json({"mr": request.id, "why": request.taken_out})
    else:
        said = f"{request.id} is out of the queue; gt mq retry {request.id} puts it back"
        output.say(f"{output.style('✓', 'green')} {said}")
    return 0


def approve_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq approve``."""
    parser.add_argument("words", nargs="+", metavar="[rig] request|branch", help="id of the request, or its branch")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--commit", default="", metavar="HASH", help="the commit that you read; another one is refused")
    which.add_argument("--dry-run", action="store_true", help="only show what would be approved")
    which.add_argument(
        "--withdraw", action="store_true", help="withdraw the approval: it is not merged without another"
    )
    context.add_json(parser)


def run_approve(args: Namespace) -> int:
    """Approve the commit that a request hands in, for rigs with merge_queue.needs_approval, or withdraw that."""
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import Policy
    from gastown_core.refinery.requests import approve, withdraw_approval

    root = context.town()
    rig, name = rig_and_request(root, args.words)
    place, actor = Refinery(root, rig, policy=Policy()), who.acting(root)
    if args.withdraw:
        was = withdraw_approval(place, name, actor=actor)
        if args.json:
            output.say_json({"mr": was.id, "commit": "", "by": ""})
        else:
            output.say(f"{output.style('✓', 'green')} {was.id} is no longer approved at {was.approved[:12]}")
        return 0
    if args.dry_run:
        return _show_what_is_approved(place, name, as_json=args.json)
    request = approve(place, name, actor=actor, commit=args.commit)
    if args.json:
        output.say_json({"mr": request.id, "commit": request.approved, "by": request.approved_by})
    else:
        output.say(f"{output.style('✓', 'green')} {request.id} is approved at {request.approved[:12]}")
    return 0


def _show_what_is_approved(place: Refinery, name: str, *, as_json: bool) -> int:
    """Print the commit that an approval would be for, and what it changes against its target."""
    from gastown_core.refinery.requests import open_request

    request = open_request(place, name)
    commit, target = request.commit_sha, request.target or place.default
    log = place.git.attempt("log", "-1", "--format=%s", commit, "--")
    changes = place.git.attempt("diff", "--shortstat", f"refs/remotes/origin/{target}...{commit}", "--")
    facts = {
        "mr": request.id,
        "commit": commit,
        "subject": log.out.strip() if log.code == 0 else "",
        "changes": changes.out.strip() if changes.code == 0 else "unknown: the commit is not here",
        "branch": request.branch,
        "worker": request.worker,
        "approved_by": request.approved_by if request.approved == commit else "",
    }
    if as_json:
        output.say_json(facts)
        return 0
    for key, value in facts.items():
        if value:
            label = "request" if key == "mr" else key.replace("_", " ")
            output.say(f"{label:<12} {output.clean(value)}")
    return 0


def freeze_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq freeze``."""
    add_rig(parser)
    parser.add_argument("--for", dest="span", default="", metavar="SPAN", help="how long, such as 30m, 2h or 3d")
    parser.add_argument("--until", default="", metavar="TIME", help="until when, such as 2026-03-02T08:00 (local time)")
    parser.add_argument("--now", action="store_true", help="end the gates that run, too; their requests stay queued")
    parser.add_argument("-r", "--reason", default="", help="why, for whoever looks at the queue")
    context.add_json(parser)


def run_freeze(args: Namespace) -> int:
    """Merge nothing until a moment, or until gt mq thaw."""
    from gastown_core.refinery.freeze import freeze
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import of_hours

    root = context.town()
    rig = which_rig(root, args.rig)
    made = freeze(
        Refinery(root, rig, policy=of_hours(root, rig)),
        args.reason,
        actor=who.acting(root),
        until=_end(args),
        breaks_off=args.now,
    )
    if args.json:
        output.say_json({"rig": rig, "until": made.until, "reason": made.reason})
    else:
        output.say(f"{output.style('✓', 'green')} merging in {rig} is {output.clean(made.reason)}")
    return 0


def _end(args: Namespace) -> float:
    """Return when the freeze ends, 0 if that is left open. Raises UsageError."""
    now = SYSTEM_CLOCK.now()
    if args.span and args.until:
        raise UsageError("--for and --until say the same", "", "give one of them")
    if args.span:
        span = parse_duration(args.span)
        if not span:
            raise UsageError(f"{args.span!r} is no span", "", "--for 30m, 2h or 3d")
        return now + span
    if not args.until:
        return 0.0
    until = local_moment(args.until, ends_day=True)
    if until is None or until <= now:
        why = "it has passed" if until is not None else "it is no time"
        raise UsageError(f"the queue cannot be frozen until {args.until!r}", why, "--until 2026-03-02T08:00")
    return until


def thaw_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mq thaw``."""
    add_rig(parser)
    context.add_json(parser)


def run_thaw(args: Namespace) -> int:
    """End a freeze; inside the hours of the settings, until those end."""
    from gastown_core.refinery.freeze import thaw
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.policy import of_hours

    root = context.town()
    rig = which_rig(root, args.rig)
    before = thaw(Refinery(root, rig, policy=of_hours(root, rig)), actor=who.acting(root))
    if args.json:
        output.say_json({"rig": rig, "was": before.reason})
    else:
        output.say(f"{output.style('✓', 'green')} merging in {rig} goes on; it was {output.clean(before.reason)}")
    return 0
