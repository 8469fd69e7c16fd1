"""``gt compact``: delete expired wisps and promote those in use; ``gt compact report`` files the figures."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.wisp_compaction import Compaction, CompactionReport


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt compact``."""
    parser.add_argument(
        "verb", nargs="?", default="", choices=("", "report"), metavar="report", help="also file a report"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would happen; change nothing")
    parser.add_argument("-v", "--verbose", action="store_true", help="list every wisp, including those that are kept")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--weekly", action="store_true", help="report: label it as the report of a week")
    parser.add_argument("--date", default="", metavar="YYYY-MM-DD", help="report: date to report on (default: today)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Compact the wisps, and file a report if asked."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.wisp_compaction import compact

    root = context.town()
    ledger = TownLedger(root)
    if args.rig and ledger.store(args.rig) is None:
        raise NotFoundError(f"no rig {args.rig} with a ledger", "", f"use one of: {', '.join(ledger.names)}")
    if args.verb == "report":
        return _report(root, ledger, args)
    done = compact(root, ledger, rig=args.rig, actor=who.acting(root), dry_run=args.dry_run)
    if args.json:
        output.say_json(_as_json(done))
    else:
        _say(done, args)
    unread = context.tell_unread(ledger)
    return 1 if any(one.errors for one in done.values()) else unread


def _as_json(done: dict[str, Compaction]) -> dict[str, object]:
    parts = [one.as_json() for one in done.values()]
    return {
        "promoted": [row for part in parts for row in part["promoted"]],
        "deleted": [row for part in parts for row in part["deleted"]],
        "skipped": sum(part["skipped"] for part in parts),
        "orphaned_wisp_deps": sum(part["orphaned_wisp_deps"] for part in parts),
        "errors": [row for part in parts for row in part["errors"]],
    }


def _say(done: dict[str, Compaction], args: Namespace) -> None:
    would = "would be " if args.dry_run else ""
    rows = []
    for compaction in done.values():
        for one in compaction.decided:
            if one.act != "skip" or args.verbose:
                word = {"promote": f"{would}promoted", "delete": f"{would}deleted", "skip": "kept"}[one.act]
                title = " ".join(output.shorten(one.title, 50).split())
                rows.append([output.clean(one.id), word, one.reason, output.clean(title)])
    if rows:
        output.say(output.table(rows))
    count = {act: sum(len(one.of(act)) for one in done.values()) for act in ("delete", "promote", "skip")}
    words = ("would delete", "promote", "keep") if args.dry_run else ("deleted", "promoted", "kept")
    output.say(", ".join(f"{word} {count[act]}" for word, act in zip(words, count, strict=True)))
    for compaction in done.values():
        for error in compaction.errors:
            output.note(f"note: {output.clean(error)}")


def _report(root: str, ledger: TownLedger, args: Namespace) -> int:
    from gastown_core.molecules.wisp_compaction import compact, is_filed, report, today

    date = args.date or today()
    if args.weekly:
        date = f"week to {date}"
    known = is_filed(ledger, date)
    done = compact(root, ledger, rig=args.rig, actor=who.acting(root), dry_run=args.dry_run or bool(known))
    told = report(done, date)
    filed = known or ("" if args.dry_run else _file(root, ledger, told))
    if args.json:
        output.say_json({**told.as_json(), "report_id": filed, "already_filed": bool(known), "dry_run": args.dry_run})
        return 0
    output.say(output.style(f"Compaction, {date}", "bold"))
    output.say(told.text())
    if filed:
        output.say(output.style(f"{filed} {'was filed before' if known else 'keeps this'}", "dim"))
    return 0


def _file(root: str, ledger: TownLedger, told: CompactionReport) -> str:
    """File the report as a bead and mail it to the mayor."""
    from gastown_core.messaging.mail import LOW, send_mail
    from gastown_core.molecules.wisp_compaction import file_report

    actor = who.acting(root)
    filed = file_report(ledger, told, actor=actor)
    send_mail(root, ledger, "mayor/", f"Compaction Report {told.date}", told.text(), sender=actor, priority=LOW)
    return filed
