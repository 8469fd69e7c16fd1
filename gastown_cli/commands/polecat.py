"""``gt polecat``: list, show, add and remove polecats, and inspect their worktrees."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.address import Address
    from gastown_core.model.agent import Health
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.polecat.removal import Removed


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat list``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig (default: all)")
    parser.add_argument("--all", action="store_true", help="all rigs, even if a rig is named")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List polecats, one per line."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.polecat.polecats import list_polecats

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
        output.say("no polecats yet; next: gt sling BEAD RIG")
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
    """Return the health of each agent, as the status and the console show it."""
    from gastown_core.state.collect import collect_agents

    return {view.address: view.health.state for view in collect_agents(root)}


def _words(health: Health | None) -> str:
    from gastown_core.model.agent import HEALTH_SYMBOLS

    return HEALTH_SYMBOLS[health][2] if health is not None else "-"


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat status``."""
    parser.add_argument("polecat", help="RIG/NAME")
    context.add_json(parser)


def _polecat_at(text: str) -> tuple[str, TownLedger, RosterEntry]:
    """Return the town, its ledger and the named polecat. Raises NotFoundError, UsageError."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import read_inventory
    from gastown_core.work.polecat.polecats import find_polecat

    root = context.town()
    return root, TownLedger(root), find_polecat(root, text, read_inventory(root).rigs)


def run_status(args: Namespace) -> int:
    """Show one polecat and the unsaved work in its worktree."""
    from gastown_core.town.liveness import live_sessions
    from gastown_core.work.polecat.polecats import look_at_polecat
    from gastown_core.work.polecat.removal import look_at_stakes

    root, ledger, entry = _polecat_at(args.polecat)
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
    rows.append(("session", f"{entry.session}, {'running' if view.runs else 'not running'}"))
    if facts["merge_request"]:
        rows.append(("request", str(facts["merge_request"])))
    output.say(output.table(rows))
    for line in stakes.words():
        output.say(f"  unsaved: {output.clean(line)}")
    return 0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat add``."""
    parser.add_argument("rig", help="name of the rig")
    parser.add_argument("name", nargs="?", default="", help="name (default: the next free name of the pool)")
    parser.add_argument("--size", type=int, default=1, help="create polecats until the rig has this many")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be created; change nothing")
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Create idle polecats, each with a worktree."""
    from gastown_core.errors import UsageError
    from gastown_core.town.polecat_pool import known_names
    from gastown_core.town.polecat_worktree import add_polecat
    from gastown_core.town.rigs import require_rig

    root = context.town()
    require_rig(root, args.rig)
    if args.name and args.size != 1:
        raise UsageError("a name and --size cannot be used together")
    count = 1 if args.size == 1 else max(0, args.size - len(known_names(root, args.rig)))
    if args.dry_run:
        output.say(f"would create {count} polecat{'' if count == 1 else 's'} in {args.rig}")
        return 0
    made = [add_polecat(root, args.rig, args.name) for _ in range(count)]
    if args.json:
        output.say_json(
            [{"name": one.entry.address.name, "rig": args.rig, "clone_path": one.entry.work_dir} for one in made]
        )
    elif not made:
        output.say(f"{args.rig} already has {args.size} polecats or more")
    for one in made if not args.json else ():
        output.say(f"{output.style('✓', 'green')} created {one.entry.address.short} in {one.entry.work_dir}")
    return 0


def pool_init_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat pool-init``."""
    parser.add_argument("rig", help="name of the rig")
    parser.add_argument("--size", type=int, default=4, help="number of polecats the rig should have (default 4)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be created; change nothing")
    parser.set_defaults(name="")
    context.add_json(parser)


def run_pool_init(args: Namespace) -> int:
    """Create the polecats that the rig lacks."""
    return run_add(args)


def nuke_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat nuke``."""
    parser.add_argument("polecats", nargs="+", metavar="RIG/NAME", help="polecats to remove; with --all, their rigs")
    parser.add_argument("--all", action="store_true", help="all polecats of the given rigs")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be lost; change nothing")
    parser.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="include polecats with unsaved work, which is saved to a rescue ref first",
    )
    context.add_json(parser)


def run_nuke(args: Namespace) -> int:
    """Nuke each polecat; a failure does not stop the others."""
    return take_away(args, nuke=True)


def take_away(args: Namespace, *, nuke: bool) -> int:
    """Remove the polecats' worktrees; with ``nuke``, remove the polecats too."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.polecat.removal import remove_all

    root = context.town()
    entries = _named(root, args)
    ledger = TownLedger(root)
    if args.dry_run:
        return _preview(root, ledger, entries, args)
    done, failed = remove_all(root, ledger, entries, actor=who.acting(root), nuke=nuke, force=args.force)
    if args.json:
        refused = [{"polecat": entry.address.short, **error.as_json()} for entry, error in failed]
        output.say_json({"removed": [_as_json(one) for one in done], "failed": refused})
    else:
        _say(done, "nuked" if nuke else "removed")
        for _, error in failed:
            output.report_error(error, as_json=False)
    return 0 if not failed else 3 if done else 1


def _named(root: str, args: Namespace) -> list[RosterEntry]:
    from gastown_core.model.address import POLECAT
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.polecat.polecats import find_polecat

    inventory = read_inventory(root)
    if not args.all:
        return [find_polecat(root, text, inventory.rigs) for text in dict.fromkeys(args.polecats)]
    for rig in args.polecats:
        require_rig(root, rig)
    return [one for one in inventory.agents if one.address.role == POLECAT and one.address.rig in args.polecats]


def _preview(root: str, ledger: TownLedger, entries: list[RosterEntry], args: Namespace) -> int:
    from gastown_core.work.polecat.removal import look_at_stakes

    seen = [(entry, look_at_stakes(root, ledger, entry)) for entry in entries]
    if args.json:
        output.say_json([{"polecat": entry.address.short, **stakes.as_json()} for entry, stakes in seen])
        return 0
    for entry, stakes in seen:
        words = stakes.words()
        output.say(f"{entry.address.short}: {'nothing would be lost' if not words else ''}".rstrip())
        for line in words:
            output.say(f"  unsaved: {output.clean(line)}")
    return 0


def _as_json(one: Removed) -> dict[str, object]:
    return {"polecat": f"{one.rig}/{one.name}", "kept": one.kept, "branch_deleted": one.branch_deleted}


def _say(done: list[Removed], word: str) -> None:
    for one in done:
        output.say(f"{output.style('✓', 'green')} {word} {one.rig}/{one.name}")
        if one.kept:
            output.say(f"  its unsaved work is kept at {one.kept}")


def remove_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat remove``."""
    parser.add_argument(
        "polecats", nargs="+", metavar="RIG/NAME", help="polecats whose worktree to remove; with --all, their rigs"
    )
    parser.add_argument("--all", action="store_true", help="all polecats of the given rigs")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be lost; change nothing")
    parser.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="include polecats with unsaved work, which is saved to a rescue ref first",
    )
    context.add_json(parser)


def run_remove(args: Namespace) -> int:
    """Remove each polecat's worktree; a failure does not stop the others."""
    return take_away(args, nuke=False)


def stale_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat stale``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig (default: all)")
    parser.add_argument(
        "--threshold", type=int, default=20, help="minimum number of commits behind the default branch (default 20)"
    )
    parser.add_argument("--cleanup", action="store_true", help="remove those without unsaved work")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show stale polecats; remove none")
    context.add_json(parser)


def run_stale(args: Namespace) -> int:
    """List stale polecats, and with ``--cleanup`` remove those that are safe to remove."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.polecat.cleanup import find_stale
    from gastown_core.work.polecat.removal import remove_all

    root = context.town()
    ledger = TownLedger(root)
    stale = find_stale(root, ledger, rig=context.check_rig(root, args.rig), threshold=args.threshold)
    safe = [one.entry for one in stale if one.is_safe] if args.cleanup and not args.dry_run else []
    done, _ = remove_all(root, ledger, safe, actor=who.acting(root), nuke=True, force=False)
    removed = {f"{one.rig}/{one.name}" for one in done}
    if args.json:
        output.say_json([{**one.as_json(), "removed": one.entry.address.short in removed} for one in stale])
        return context.tell_unread(ledger)
    if not stale:
        output.say(f"no idle polecat is {args.threshold} or more commits behind")
    for one in stale:
        short = one.entry.address.short
        tail = "removed" if short in removed else "safe to remove" if one.is_safe else "; ".join(one.words)
        output.say(f"{short}  {one.behind} behind  {output.clean(tail)}")
    return context.tell_unread(ledger)


def prune_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat prune``."""
    parser.add_argument("rig", nargs="?", default="", help="only this rig (default: all)")
    parser.add_argument("--remote", action="store_true", help="include merged branches on origin")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be deleted; delete nothing")
    context.add_json(parser)


def run_prune(args: Namespace) -> int:
    """Delete merged polecat branches, or list them."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.discover import read_rigs
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.polecat.cleanup import prune_rig

    root = context.town()
    if args.rig:
        require_rig(root, args.rig)
    ledger = TownLedger(root)
    rigs = [args.rig] if args.rig else list(read_rigs(root))
    found = {rig: prune_rig(root, ledger, rig, remote=args.remote, dry_run=args.dry_run) for rig in rigs}
    if args.json:
        output.say_json([{"rig": rig, **one.as_json()} for rig, one in found.items()])
        return 0
    word = "would delete" if args.dry_run else "deleted"
    for rig, one in found.items():
        if one.warning:
            output.note(f"note: {output.clean(one.warning)}")
        for gone in one.branches:
            output.say(f"{word} {'origin/' if gone.is_remote else ''}{gone.branch}  {gone.why}")
        if not one.branches:
            output.say(f"{rig}: no branches to delete")
    return 0


def git_state_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat git-state``."""
    parser.add_argument("polecat", help="RIG/NAME")
    context.add_json(parser)


def run_git_state(args: Namespace) -> int:
    """Print what a polecat's worktree holds; return 0 either way."""
    from gastown_core.work.polecat.removal import look_at_stakes

    root, ledger, entry = _polecat_at(args.polecat)
    stakes = look_at_stakes(root, ledger, entry)
    if args.json:
        output.say_json(stakes.as_json())
        return 0
    output.say(f"{entry.address.short}: {'clean' if stakes.is_clean else 'holds work of its own'}")
    for line in stakes.words():
        output.say(f"  {output.clean(line)}")
    return 0


def check_recovery_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt polecat check-recovery``."""
    parser.add_argument("polecat", help="RIG/NAME")
    context.add_json(parser)


def run_check_recovery(args: Namespace) -> int:
    """Print whether a polecat is safe to remove."""
    from gastown_core.work.polecat.cleanup import check_recovery

    root, ledger, entry = _polecat_at(args.polecat)
    found = check_recovery(root, ledger, entry)
    if args.json:
        output.say_json(found)
    else:
        output.say(f"{entry.address.short}: {found['verdict']}, {found['cleanup_status']}, queue: {found['mq_status']}")
    return 0
