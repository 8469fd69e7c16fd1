"""``gt hook list``: every hook that holds work or has a state."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.holders import Held
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import Inventory
    from gastown_core.work.hook.view import HookView


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook list``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig's")
    parser.add_argument("--all", action="store_true", help="empty ones too")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """A line a hook."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.hook.view import look_at_hook

    root = context.town()
    if args.rig:
        require_rig(root, args.rig)
    ledger, live = TownLedger(root), live_sessions(root)
    inventory = read_inventory(root)
    agents = [one for one in inventory.agents if not args.rig or one.address.rig == args.rig]
    views = [look_at_hook(root, ledger, entry, live=live) for entry in agents]
    shown = [view for view in views if args.all or view.first is not None or view.state]
    orphans = _orphans(inventory, ledger, args.rig)
    if args.json:
        output.say_json_rows([*(_as_json(view) for view in shown), *(_orphan_json(one) for one in orphans)])
        return context.tell_unread(ledger)
    if not shown and not orphans:
        output.say("no hook that can be read holds work" if ledger.missing else "every hook is empty")
        return context.tell_unread(ledger)
    rows = [
        (
            view.entry.address.short,
            view.state or "-",
            view.first.id if view.first else "-",
            view.first.status if view.first else "empty",
            output.clean(view.first.title) if view.first else "",
        )
        for view in shown
    ]
    rows += [
        (output.clean(one.assignee), "no such agent", one.id, one.status, output.clean(one.title)) for one in orphans
    ]
    output.say(output.table(rows, header=("AGENT", "HOOK", "BEAD", "STATUS", "TITLE")))
    return context.tell_unread(ledger)


def _orphans(inventory: Inventory, ledger: TownLedger, rig: str) -> list[Held]:
    """Work on the hooks of agents that the town does not have (any more)."""
    from gastown_core.beads.holders import held_work
    from gastown_core.town.inventory import is_absent

    stores = [store for name, store in ledger.stores().items() if rig in ("", name)]
    return [one for store in stores for one in held_work(store) if is_absent(inventory, one.assignee)]


def _orphan_json(one: Held) -> dict[str, str]:
    told = {"agent": one.assignee, "bead_id": one.id, "title": one.title, "status": one.status}
    return {**told, "hook_state": "no such agent"}


def _as_json(view: HookView) -> dict[str, str]:
    return {
        "agent": view.entry.address.path,
        "bead_id": view.first.id if view.first else "",
        "title": view.first.title if view.first else "",
        "status": view.first.status if view.first else "empty",
        "hook_state": view.state,
    }
