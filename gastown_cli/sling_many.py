"""Many slings on the terminal: a line each, or one JSON object; the exit code tells whether all, some or none went."""

from __future__ import annotations

from gastown_cli import output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from gastown_core.work.sling.errand import Errand
    from gastown_core.work.sling.many import Many, One
    from gastown_core.work.sling.request import SlingRequest


def sling_many(root: str, errand: Errand, request: SlingRequest, args: Namespace) -> int:
    """A batch, or what an epic or a convoy holds."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.discover import read_rigs
    from gastown_core.town.identity import caller
    from gastown_core.work.sling.many import Many

    if request.target != errand.target or (errand.target and errand.target.rstrip("/") not in read_rigs(root)):
        raise UsageError(f"{request.target} is no rig", "several beads go to the polecats of a rig", "name a rig")
    ledger = TownLedger(root)
    rig = errand.target.rstrip("/")
    many = Many(root, ledger, request, me=caller(), actor=who.acting(root))
    is_bundle = errand.kind == "bundle"
    if args.dry_run:
        return _say_plan(many, errand, rig, args, is_bundle)
    if is_bundle:
        bundle = ledger.get(errand.beads[0])
        assert bundle is not None
        results = _show(many.run_bundle(bundle, rig), args)
    else:
        results = _show(many.run(errand.beads, rig, most=args.max_concurrent), args)
    _conclude(many, results, args)
    failed = sum(not one.ok for one in results)
    return 0 if not failed else 1 if failed == len(results) else 3


def _say_plan(many: Many, errand: Errand, rig: str, args: Namespace, is_bundle: bool) -> int:
    if not is_bundle:
        many.check(errand.beads, rig)
    if args.json:
        output.say_json({"beads": list(errand.beads), "target": rig, "dry_run": True})
    elif is_bundle:
        output.say(f"would sling what is ready in {errand.beads[0]}{f' for {rig}' if rig else ''}")
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
            output.say(line_of(one))
    return results


def line_of(one: One) -> str:
    """``✓ sh-x1  shop/polecats/opal on polecat/opal/sh-x1@…``."""
    if one.waits:
        return f"{output.style('·', 'dim')} {one.bead}  waits: {output.clean(one.waits)}"
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
    tail = f", {waiting} wait" if waiting else ""
    output.say(f"{given} of {len(results)} slung{tail}{f'; convoy {many.convoy}' if many.convoy else ''}")
    for warning in many.warnings:
        output.note(f"note: {output.clean(warning)}")
