"""``gt polecat status``: one polecat, its worktree, and what hangs on it."""

from __future__ import annotations

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt polecat status``."""
    parser.add_argument("polecat", help="RIG/NAME")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions
    from gastown_core.work.polecat.removal import look_at_stakes
    from gastown_core.work.polecat.view import find_polecat, look_at_polecat

    root = context.town()
    entry = find_polecat(root, args.polecat, read_inventory(root).rigs)
    ledger = TownLedger(root)
    view = look_at_polecat(root, ledger, entry, live=live_sessions(root))
    stakes = look_at_stakes(root, ledger, entry)
    facts = {
        **view.as_json(),
        "session_id": entry.session,
        "clone_path": entry.work_dir,
        "branch": stakes.branch,
        "exit_type": view.fields.get("exit_type", ""),
        "merge_request": view.fields.get("mr_id", ""),
        "at_stake": stakes.as_json(),
    }
    if args.json:
        output.say_json(facts)
        return 0
    output.say(
        f"{output.style(entry.address.short, 'bold')}  {view.state}"
        + (f", hook {view.hook_state}" if view.hook_state else "")
    )
    rows = [("work", f"{view.work.id} {output.clean(view.work.title)}" if view.work is not None else "none")]
    rows += [("branch", stakes.branch or "none"), ("folder", entry.work_dir)]
    rows.append(("session", f"{entry.session}, {'runs' if view.runs else 'does not run'}"))
    if facts["merge_request"]:
        rows.append(("request", str(facts["merge_request"])))
    output.say(output.table(rows))
    for line in stakes.words():
        output.say(f"  at stake: {output.clean(line)}")
    return 0
