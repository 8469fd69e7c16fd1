"""``gt sling``: assign a bead, several beads or a formula to agents and start work."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts, follow, line_of
from gastown_core.errors import GastownError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from gastown_core.work.convoy.batch_sling import Many, One
    from gastown_core.work.request import SlingRequest
    from gastown_core.work.sling.errand import Errand


def sling_many(root: str, errand: Errand, request: SlingRequest, args: Namespace) -> int:
    """Sling several beads, or the ready beads of an epic or a convoy."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.discover import read_rigs
    from gastown_core.town.identity import caller
    from gastown_core.work.convoy.batch_sling import Many

    if request.target != errand.target or (errand.target and errand.target.rstrip("/") not in read_rigs(root)):
        raise UsageError(
            f"{request.target} is not a rig",
            "several beads can only go to the polecats of a rig",
            "name a rig; gt rig list shows them",
        )
    ledger = TownLedger(root)
    rig = errand.target.rstrip("/")
    many = Many(root, ledger, request, me=caller(), actor=who.acting(root))
    is_bundle = errand.kind == "bundle"
    if args.dry_run:
        return _say_batch_plan(many, errand, rig, args, is_bundle)
    if is_bundle:
        bundle = ledger.get(errand.beads[0])
        assert bundle is not None
        results = _show(many.run_bundle(bundle, rig), args)
    else:
        results = _show(many.run(errand.beads, rig, most=args.max_concurrent), args)
    _conclude(many, results, args)
    failed = sum(not one.ok for one in results)
    return 0 if not failed else 1 if failed == len(results) else 3


def _say_batch_plan(many: Many, errand: Errand, rig: str, args: Namespace, is_bundle: bool) -> int:
    if not is_bundle:
        many.check(errand.beads, rig)
    if args.json:
        output.say_json({"beads": list(errand.beads), "target": rig, "dry_run": True})
    elif is_bundle:
        output.say(f"would sling the ready beads of {errand.beads[0]}{f' to {rig}' if rig else ''}")
    else:
        output.say(f"would sling {', '.join(errand.beads)} to {rig}, in one convoy")
    return 0


def _show(found: Iterator[One], args: Namespace) -> list[One]:
    results = []
    for one in found:
        results.append(one)
        if args.receipts:
            output.say_json_line(one.as_json())
        elif not args.json:
            output.say(batch_line(one))
    return results


def batch_line(one: One) -> str:
    """Return a line such as ``✓ sh-x1  shop/polecats/opal on polecat/opal/sh-x1@…``."""
    if one.waits:
        return f"{output.style('·', 'dim')} {one.bead}  waiting: {output.clean(one.waits)}"
    if not one.ok:
        return f"{output.style('✗', 'red')} {one.bead}  {output.clean(one.error)}"
    where = "queued" if one.deferred else f"{one.agent} on {one.branch}" if one.branch else one.agent
    return f"{output.style('✓', 'green')} {one.bead}  {where}{' already' if one.was_hooked else ''}"


def _conclude(many: Many, results: list[One], args: Namespace) -> None:
    if args.json:
        output.say_json({"results": [one.as_json() for one in results], "convoy": many.convoy})
        return
    if args.receipts:
        return
    given = sum(one.ok and not one.waits for one in results)
    waiting = sum(bool(one.waits) for one in results)
    tail = f", {waiting} waiting" if waiting else ""
    output.say(f"{given} of {len(results)} slung{tail}{f'; convoy {many.convoy}' if many.convoy else ''}")
    for warning in many.warnings:
        output.note(f"note: {output.clean(warning)}")


FORBIDDEN_FOR_BUNDLES = {
    "account": "--account",
    "agent": "--agent",
    "ralph": "--ralph",
    "args": "--args",
    "var": "--var",
    "merge": "--merge",
    "base_branch": "--base-branch",
    "no_convoy": "--no-convoy",
    "owned": "--owned",
    "no_merge": "--no-merge",
}
"""Options for a single bead, which are refused for an epic or a convoy."""


def sling_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt sling``."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="BEAD… [TARGET]",
        help=("beads, an epic, a convoy or a formula; then RIG, RIG/NAME, RIG/crew/NAME, mayor, dog: … (default: you)"),
    )
    _add_what(parser)
    _add_how(parser)
    parser.add_argument(
        "-f", "--force", action="store_true", help="sling it even if it is blocked, deferred or on another agent's hook"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="check everything; change nothing")
    context.add_json(parser)
    add_receipts(parser)


def _add_what(parser: ArgumentParser) -> None:
    parser.add_argument("-s", "--subject", default="", help="subject to store with the work")
    parser.add_argument("-m", "--message", default="", help="message to store with the work")
    parser.add_argument("-a", "--args", default="", help="instructions for the worker")
    parser.add_argument("--stdin", action="store_true", help="read the instructions from stdin")
    parser.add_argument("--on", default="", metavar="BEAD", help="apply the formula given first to this bead")
    parser.add_argument("--formula", default="", help="formula to apply (default: the rig's)")
    parser.add_argument("--hook-raw-bead", action="store_true", help="apply no formula")
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="set a formula variable (repeatable)"
    )
    parser.add_argument("--base-branch", default="", help="branch to start from and merge into (default: the rig's)")
    parser.add_argument("--merge", default="", choices=("direct", "mr", "local"), help="how to merge the work")
    parser.add_argument("--no-merge", action="store_true", help="push and request a review; do not merge")
    parser.add_argument("--review-only", action="store_true", help="the work is a review: no merge, no change required")
    parser.add_argument("--ralph", action="store_true", help="work in rounds until the goal is reached")


def _add_how(parser: ArgumentParser) -> None:
    parser.add_argument("--agent", default="", help="runtime or alias to run it with")
    parser.add_argument("--account", default="", help="account for the runtime to use")
    parser.add_argument("--crew", default="", metavar="NAME", help="sling to this crew member of the rig")
    parser.add_argument(
        "--create", action="store_true", help="accepted for compatibility; a named polecat is always created"
    )
    parser.add_argument("--no-convoy", action="store_true", help="create no convoy")
    parser.add_argument(
        "--owned", action="store_true", help="do not close the new convoy automatically; gt convoy land lands it"
    )
    parser.add_argument("--no-session", action="store_true", help="put it on the hook but start no session")
    parser.add_argument("--no-boot", action="store_true", help="do not wake the rig's witness")
    parser.add_argument("--max-concurrent", type=int, default=0, metavar="N", help="pause after every N spawns")


def run_sling(args: Namespace) -> int:
    """Sling the work and print each stage; with ``--receipts``, a refusal is a JSON line too."""
    try:
        return _run(args)
    except GastownError as error:
        if not args.receipts:
            raise
        output.say_json_line(error.as_json())
        return error.exit_code


def _run(args: Namespace) -> int:
    # imported here: completion reads this module's arguments on each press of Tab
    import signal

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.sling import errand as errands

    root = context.town()
    if args.words[0] == errands.RESET:
        return _reset(root, args)
    read = errands.read_errand(root, TownLedger(root), args.words, on=args.on)
    request = _request(root, args, read)
    # a polite end takes everything back, as an interrupt does
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if read.kind in (errands.SEVERAL, errands.BUNDLE):
        if read.kind == errands.BUNDLE:
            _refuse_for_bundle(args)
        return sling_many(root, read, request, args)
    if read.kind == errands.ONE and _is_queued(root, request):
        return _enqueue(root, request, args)
    return _one(root, request, args, alone=read.kind == errands.FORMULA)


def _request(root: str, args: Namespace, read: Errand) -> SlingRequest:
    from gastown_core.work.request import SlingRequest

    words = _words(args)
    return SlingRequest(
        bead=(read.beads or (read.formula,))[0],
        target=_target(root, read.target, args.crew, read.beads),
        agent=args.agent,
        subject=args.subject,
        message=words["message"],
        args=words["args"],
        formula=read.formula or args.formula,
        raw=args.hook_raw_bead,
        variables=tuple(args.var),
        base_branch=args.base_branch,
        merge=args.merge,
        no_merge=args.no_merge,
        review_only=args.review_only,
        mode="ralph" if args.ralph else "",
        account=args.account,
        force=args.force,
        create=args.create,
        convoy=not args.no_convoy,
        owned=args.owned,
        session=not args.no_session,
        boot=not args.no_boot,
    )


def _words(args: Namespace) -> dict[str, str]:
    """Return the texts for the worker; stdin fills the one that was not given."""
    words = {"args": args.args, "message": args.message}
    if args.stdin:
        if args.args and args.message:
            raise UsageError(
                "--stdin cannot be used here",
                "--args and --message are both given",
                "leave one of them out",
            )
        words["message" if args.args else "args"] = sys.stdin.read().strip()
    return words


def _target(root: str, target: str, crew: str, beads: tuple[str, ...]) -> str:
    """Return the target: ``--crew ana`` with a rig, or else the bead's rig, is ``shop/crew/ana``."""
    if not crew:
        return target
    from gastown_core.town.discover import read_rigs, rig_of_bead

    rig = target.rstrip("/") or (rig_of_bead(read_rigs(root), beads[0]) if beads else "")
    if not rig or "/" in rig:
        raise UsageError("--crew needs a rig", "", f"gt sling BEAD RIG --crew {crew}")
    return f"{rig}/crew/{crew}"


def _refuse_for_bundle(args: Namespace) -> None:
    given = [flag for name, flag in FORBIDDEN_FOR_BUNDLES.items() if getattr(args, name)]
    if given:
        raise UsageError(
            f"{', '.join(given)} cannot be used with an epic or a convoy", "its beads are slung with the defaults"
        )


def _reset(root: str, args: Namespace) -> int:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work import death_count
    from gastown_core.work.sling.sling import find_bead

    if len(args.words) != 2:
        raise UsageError("gt sling respawn-reset needs one bead")
    bead = find_bead(TownLedger(root), args.words[1]).id
    done = death_count.reset(root, bead)
    if args.json:
        output.say_json({"bead": bead, "reset": done})
    else:
        output.say(
            f"{output.style('✓', 'green')} reset {bead}: it may be slung again"
            if done
            else f"nothing to reset: no worker died on {bead}"
        )
    return 0


def _is_queued(root: str, request: SlingRequest) -> bool:
    """Return whether this sling goes to a rig and slings to rigs are queued."""
    from gastown_core.town.discover import read_rigs
    from gastown_core.work.scheduler.sling_queue import is_deferred

    return request.target.rstrip("/") in read_rigs(root) and is_deferred(root)


def _enqueue(root: str, request: SlingRequest, args: Namespace) -> int:
    from gastown_cli.commands.scheduler import say_budgets
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import SYSTEM_CLOCK
    from gastown_core.model.order import Receipt
    from gastown_core.town.identity import caller
    from gastown_core.work.scheduler.scheduler import enqueue
    from gastown_core.work.sling.sling import Sling

    Sling(root, request, me=caller(), actor=who.acting(root)).plan(needs_room=False)
    if args.dry_run:
        return _say_plan(request.bead, f"{request.target} (queued)", args)
    made = enqueue(root, TownLedger(root), request, actor=who.acting(root))
    words = f"{made.bead} waits for a free polecat of {made.rig}" if made.is_new else f"{made.bead} is already queued"
    receipt = Receipt("sling", made.bead, "queued", words, final=True, at=SYSTEM_CLOCK.now())
    if args.receipts:
        output.say_json_line(receipt.as_json())
    elif args.json:
        output.say_json(made.as_json())
    else:
        output.say(line_of(receipt))
        say_budgets(root, made.bead)
    return 0


def _one(root: str, request: SlingRequest, args: Namespace, *, alone: bool) -> int:
    from gastown_core.town.identity import caller
    from gastown_core.work.sling.formula_sling import FormulaSling
    from gastown_core.work.sling.sling import Sling

    kind = FormulaSling if alone else Sling
    sling = kind(root, request, me=caller(), actor=who.acting(root))
    if args.dry_run:
        target = sling.plan()[1]
        planned = request.formula if alone else sling.result.bead
        return _say_plan(planned, target.words(), args, sling.result.title)
    code, _ = follow(sling.run, as_lines=args.receipts, quiet=args.json)
    if args.json and not args.receipts:
        output.say_json(sling.result.as_json())
    for warning in sling.result.warnings:
        output.note(f"note: {output.clean(warning)}")
    if not args.receipts and not args.json:
        from gastown_cli.commands.scheduler import say_budgets

        say_budgets(root, sling.result.bead)
    if sling.result.rescue and not args.receipts and not args.json:
        output.say(f"  earlier work in the worktree is saved as {sling.result.rescue}")
    return code


def _say_plan(bead: str, whom: str, args: Namespace, title: str = "") -> int:
    if args.json:
        output.say_json({"bead": bead, "target": whom, "dry_run": True})
    else:
        output.say(f"would sling {bead} {output.clean(title)} to {whom}".replace("  ", " "))
    return 0
