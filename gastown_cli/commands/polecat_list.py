"""``gt polecat list``: the polecats and how they are."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.model.address import Address
    from gastown_core.model.agent import Health


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat list``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig's (default: all)")
    parser.add_argument("--all", action="store_true", help="of all rigs")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """A line each."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.polecat.view import list_polecats

    root = context.town()
    if args.rig:
        require_rig(root, args.rig)
    rig = "" if args.all else args.rig
    ledger = TownLedger(root)
    views = list_polecats(root, ledger, rig=rig, live=live_sessions(root))
    health = _health(root) if views else {}
    if args.json:
        output.say_json_rows([{**view.as_json(), "health": str(health.get(view.entry.address, ""))} for view in views])
        return context.tell_unread(ledger)
    if not views:
        output.say("no polecats yet; gt sling BEAD RIG makes one")
        return context.tell_unread(ledger)
    rows = [
        (
            view.entry.address.short,
            view.state,
            _words(health.get(view.entry.address)),
            view.hook_state or "-",
            view.work.id if view.work is not None else "-",
            output.clean(view.work.title) if view.work is not None else "",
        )
        for view in views
    ]
    output.say(output.table(rows, header=("POLECAT", "STATE", "HEALTH", "HOOK", "BEAD", "TITLE")))
    return context.tell_unread(ledger)


def _health(root: str) -> dict[Address, Health]:
    """How each agent is, by the judgement that status and console show."""
    from gastown_core.state.collect import collect

    return {view.address: view.health.state for view in collect(root).agents}


def _words(health: Health | None) -> str:
    from gastown_core.model.agent import HEALTH_SYMBOLS

    return HEALTH_SYMBOLS[health][2] if health is not None else "-"
