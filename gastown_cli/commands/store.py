"""``gt store``: which engine keeps the town's beads, and moving them to another."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.errors import PartialError, TownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.migration import Move


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt store status``."""
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show for each store its engine, its place, and what it holds."""
    from gastown_core.beads.discovery import is_served
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.migration import counted

    ledger = TownLedger(context.town(), read_only=True)
    rows = []
    for name, store in ledger.stores().items():
        engine = "dolt" if is_served(store.beads_dir) else "jsonl"
        rows.append(
            {
                "store": name,
                "engine": engine,
                "place": store.path(),
                "trouble": store.trouble,
                **counted(store)._asdict(),
            }
        )
    if args.json:
        output.say_json({"stores": rows, "missing": ledger.missing})
    else:
        for row in rows:
            output.say(f"{output.clean(str(row['store']))}  {row['engine']}  {output.clean(str(row['place']))}")
            output.say(f"  {_words(row)}")
    code = context.tell_unread(ledger)
    return PartialError.exit_code if any(row["trouble"] for row in rows) else code


def _words(row: dict[str, object]) -> str:
    keys = ("beads", "wisps", "labels", "dependencies", "comments", "memories")
    return ", ".join(f"{row[key]} {key}" for key in keys)


def migrate_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt store migrate``."""
    parser.add_argument("--to", required=True, choices=("dolt", "jsonl"), help="the engine to move to")
    parser.add_argument("--dry-run", action="store_true", help="show what would be moved; move nothing")
    context.add_json(parser)


def run_migrate(args: Namespace) -> int:
    """Copy every ledger to the other engine, compare, and switch to it; the source stays as it is."""
    from gastown_core.beads import migration
    from gastown_core.beads.dolt.address import town_port
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town import daemon_note

    root = context.town()
    ledger = TownLedger(root)
    port = town_port(root)
    if args.dry_run:
        moves = migration.plan(ledger, args.to, port)
    else:
        if daemon_note.running_pid(root) is not None:
            raise TownError(
                "the daemon is running", "it would go on with the old ledger", "gt daemon stop, then try again"
            )
        if args.to == migration.DOLT:
            from gastown_core.beads.dolt import server

            migration.stores_to_move(ledger, args.to)
            server.start(root)
            moves = migration.to_dolt(ledger, port)
        else:
            moves = migration.to_jsonl(ledger)
    if args.json:
        output.say_json({"dry_run": args.dry_run, "moves": [_as_json(move) for move in moves]})
        return 0
    for move in moves:
        mark = "would move" if not move.is_done else output.style("✓", "green") + " moved"
        output.say(f"{mark} {output.clean(move.store)}: {output.clean(move.source)} → {output.clean(move.target)}")
        output.say(f"  {_words(move.counts._asdict())}{', compared: the same' if move.is_done else ''}")
    if not moves:
        output.say(f"every ledger of this town is kept in {args.to} already")
    elif not args.dry_run:
        output.note(f"note: the source is unchanged; gt store migrate --to {_back(args.to)} moves back")
    return 0


def _back(engine: str) -> str:
    return "jsonl" if engine == "dolt" else "dolt"


def _as_json(move: Move) -> dict[str, object]:
    return {**move._asdict(), "counts": move.counts._asdict(), "differing": list(move.differing)}
