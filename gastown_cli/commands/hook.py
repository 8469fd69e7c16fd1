"""``gt hook``: show what is on hooks, attach and detach work, and roll a worktree back."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import UsageError
from gastown_core.model.address import OTHER, parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Held
    from gastown_core.git.repo import Git
    from gastown_core.town.inventory import Inventory, RosterEntry
    from gastown_core.work.hook.hook import HookView
    from gastown_core.work.hook.rollback import EarlierState, Loss


def show(root: str, entry: RosterEntry, *, as_json: bool) -> int:
    """Print one hook and the description of its work."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.hook.hook import hook_as_json, look_at_hook

    ledger = TownLedger(root)
    view = look_at_hook(root, ledger, entry, live=_live(root))
    if as_json:
        output.say_json(hook_as_json(view, ledger))
        return 0
    first = view.first
    state = output.style(f"  hook {view.state}", "dim") if view.state else ""
    for note in view.mail:
        output.say(f"mail {note.id} {output.clean(note.title)}: gt mail read {note.id}")
    if first is None:
        output.say(
            f"the hook of {entry.address.short} holds no bead{state}"
            if view.mail
            else f"the hook of {entry.address.short} is empty{state}"
        )
        return 0
    output.say(f"{first.id} [{first.status}] {output.clean(first.title)}{state}")
    told = hook_as_json(view, ledger)
    if told["attached_formula"]:
        output.say(output.style(f"formula {output.clean(str(told['attached_formula']))}{_steps(told)}", "dim"))
    if first.description:
        output.say()
        output.say("\n".join(f"  {line}".rstrip() for line in output.clean_lines(first.description)))
    for other in view.work[1:]:
        output.say(f"also: {other.id} [{other.status}] {output.clean(other.title)}")
    return 0


def _steps(told: dict[str, Any]) -> str:
    seen = told["progress"]
    return f", {seen['completed']} of {seen['total']} steps done" if seen and "completed" in seen else ""


def _live(root: str) -> frozenset[str] | None:
    from gastown_core.town.liveness import live_sessions

    return live_sessions(root)


def hook_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hook``."""
    parser.add_argument(
        "words", nargs="*", metavar="bead [agent]", help="put this bead on a hook (default: show your hook)"
    )
    parser.add_argument("-s", "--subject", default="", help="subject to store with the work")
    parser.add_argument("-m", "--message", default="", help="message to store with the work")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would happen; change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="take the bead off another agent's hook")
    parser.add_argument("--clear", action="store_true", help="take everything off the hook")
    context.add_json(parser)


def run_hook(args: Namespace) -> int:
    """Show the caller's hook, or put a bead on a hook."""
    root = context.town()
    words = list(args.words)
    if args.clear:
        return clear(root, words[0] if words else "", args)
    if not words:
        return show(root, who.me(root), as_json=args.json)
    if len(words) == 1 and "-" not in words[0]:
        # no bead's id: the hook of an agent is meant
        return show(root, who.find(root, words[0])[1], as_json=args.json)
    if len(words) > 2:
        raise UsageError("gt hook takes at most a bead and an agent")
    return put(root, words[0], words[1] if len(words) > 1 else "", args)


def put(root: str, bead_id: str, agent: str, args: Namespace) -> int:
    """Put a bead on an agent's hook, by default the caller's."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import caller
    from gastown_core.work.hook.hook import check_free
    from gastown_core.work.hook.unsling import put_on_hook
    from gastown_core.work.sling.sling import find_bead

    entry = who.find(root, agent)[1]
    ledger = TownLedger(root)
    bead = find_bead(ledger, bead_id)
    if args.dry_run:
        check_free(bead, entry.address, force=args.force)
        output.say(f"would hook {bead.id} {output.clean(bead.title)} to {entry.address.short}")
        return 0
    words = {"subject": args.subject, "message": args.message}
    put_on_hook(root, ledger, bead, entry, actor=who.acting(root), me=caller(), words=words, force=args.force)
    if args.json:
        return show(root, entry, as_json=True)
    output.say(f"{output.style('✓', 'green')} {bead.id} is on the hook of {entry.address.short}")
    return 0


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hook show``."""
    parser.add_argument("agent", nargs="?", default="", help="agent whose hook to show (default: you)")
    context.add_json(parser)


def run_show(args: Namespace) -> int:
    """Show an agent's hook."""
    root = context.town()
    return show(root, who.find(root, args.agent)[1], as_json=args.json)


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hook list``."""
    parser.add_argument("rig", nargs="?", default="", help="only agents of this rig")
    parser.add_argument("--all", action="store_true", help="include empty hooks")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List hooks, one per line."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import require_rig
    from gastown_core.work.hook.hook import look_at_hook

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
        output.say("no readable hook holds work" if ledger.missing else "all hooks are empty")
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
    """Return work on the hooks of agents that the town does not have, or no longer has."""
    from gastown_core.town.inventory import is_absent

    stores = [store for name, store in ledger.stores().items() if rig in ("", name)]
    return [one for store in stores for one in store.held_work() if is_absent(inventory, one.assignee)]


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


def attach_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hook attach``."""
    parser.add_argument("bead", help="bead to put on the hook")
    parser.add_argument("agent", nargs="?", default="", help="agent whose hook to use (default: you)")
    parser.add_argument("-s", "--subject", default="", help="subject to store with the work")
    parser.add_argument("-m", "--message", default="", help="message to store with the work")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would happen; change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="take the bead off another agent's hook")
    context.add_json(parser)


def run_attach(args: Namespace) -> int:
    """Put a bead on a hook; start no session and create no worktree."""
    return put(context.town(), args.bead, args.agent, args)


def unsling_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt unsling``."""
    parser.add_argument(
        "bead", nargs="?", default="", help="bead, or an agent for what is on its hook (default: what is on your hook)"
    )
    parser.add_argument("agent", nargs="?", default="", help="only if it is on this agent's hook")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would happen; change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="even if work on it has started")
    context.add_json(parser)


def run_unsling(args: Namespace) -> int:
    """Take work off a hook; its worktree and branch stay."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.hook.unsling import check_begun, unsling, work_of
    from gastown_core.work.sling.sling import find_bead

    root = context.town()
    ledger = TownLedger(root)
    # gt unsling shop/opal, or mayor, means what hangs there; no bead's id has a slash, or is a role's word
    is_agent = "/" in args.bead or parse_address(args.bead).role != OTHER
    bead_id, agent = ("", args.bead) if is_agent else (args.bead, args.agent)
    holder = _holder(root, agent) if agent or not bead_id else None
    bead = work_of(root, ledger, holder) if holder is not None and not bead_id else find_bead(ledger, bead_id)
    check_begun(ledger, bead, force=args.force)
    had = bead.assignee
    done = bool(had) if args.dry_run else unsling(root, ledger, bead, actor=who.acting(root), holder=holder)
    if args.json:
        output.say_json({"bead": bead.id, "released": done, "agent": had})
    elif done:
        word = "would be" if args.dry_run else "is"
        output.say(f"{output.style('✓', 'green')} {bead.id} {word} off the hook of {output.clean(had or 'nobody')}")
    else:
        output.say(f"{bead.id} is not on a hook")
    return 0


def _holder(root: str, agent: str) -> RosterEntry:
    """Return the agent meant, even one that no longer exists: its hook may still hold work."""
    from gastown_core.town.inventory import RosterEntry, is_absent, read_inventory

    inventory = read_inventory(root)
    if not agent or not is_absent(inventory, agent):
        return who.find(root, agent)[1]
    address = parse_address(agent)
    return RosterEntry(address, "", "", "")


def clear_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hook clear``."""
    parser.add_argument("agent", nargs="?", default="", help="agent whose hook to clear (default: you)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would happen; change nothing")
    parser.add_argument("-f", "--force", action="store_true", help="even if work on it has started")
    context.add_json(parser)


def run_clear(args: Namespace) -> int:
    """Take everything off a hook; worktree and branch stay."""
    return clear(context.town(), args.agent, args)


def clear(root: str, agent: str, args: Namespace) -> int:
    """Take everything off an agent's hook and print what was released."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import hooked_work
    from gastown_core.work.hook.unsling import check_begun, unsling

    entry = who.find(root, agent)[1]
    ledger = TownLedger(root)
    held = hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig))
    for bead in held:
        check_begun(ledger, bead, force=args.force)
    if not args.dry_run:
        for bead in held:
            unsling(root, ledger, bead, actor=who.acting(root), holder=entry)
    if args.json:
        output.say_json({"agent": entry.address.path, "released": [bead.id for bead in held], "dry_run": args.dry_run})
    elif not held:
        output.say(f"the hook of {entry.address.short} is empty")
    for bead in held if not args.json else ():
        word = "would be" if args.dry_run else "is"
        output.say(f"{output.style('✓', 'green')} {bead.id} {word} off the hook of {entry.address.short}")
    return 0


SHOWN = 12


def rollback_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hook rollback``."""
    parser.add_argument(
        "to", nargs="?", default="", help="state to return to: its number in the list, or the start of its hash"
    )
    parser.add_argument("--agent", default="", help="agent whose worktree to roll back (default: you)")
    parser.add_argument("--list", action="store_true", help="list the states to return to")
    parser.add_argument("--undo", action="store_true", help="undo the last rollback")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be undone; change nothing")
    context.add_json(parser)


def run_rollback(args: Namespace) -> int:
    """List earlier states, preview a rollback, or roll back."""
    from gastown_core.town.rigs import default_branch
    from gastown_core.work.hook import rollback

    root = context.town()
    entry = who.find(root, args.agent)[1]
    git = rollback.open_worktree(entry)
    name = entry.address.name
    states = rollback.earlier_states(git, name, f"origin/{default_branch(root, entry.address.rig)}")
    if args.list or not (args.to or args.undo):
        return _list(states, entry, args)
    state = rollback.last_rollback(git, name) if args.undo else rollback.choose_state(states, args.to)
    loss = rollback.preview(git, state)
    if loss.is_empty:
        output.say_json({"changed": False}) if args.json else output.say("the worktree is already in that state")
        return 0
    if args.dry_run:
        return _say_loss(state, loss, args)
    return _go(root, entry, git, state, args)


def _list(states: list[EarlierState], entry: RosterEntry, args: Namespace) -> int:
    from gastown_core.clock import format_seconds

    if args.json:
        output.say_json([{**one._asdict(), "number": number} for number, one in enumerate(states, 1)])
        return 0
    rows = [
        (
            str(number),
            one.short,
            format_seconds(one.at)[:16].replace("T", " "),
            "checkpoint" if one.is_checkpoint else "commit",
            output.clean(one.what) + (", with uncommitted files" if one.loose else ""),
        )
        for number, one in enumerate(states, 1)
    ]
    output.say(output.table(rows, header=("#", "STATE", "UTC", "KIND", "WHAT"), right=(0,)))
    output.say(f"next: gt hook rollback NUMBER --agent {entry.address.short} --dry-run previews a rollback")
    return 0


def _say_loss(state: EarlierState, loss: Loss, args: Namespace) -> int:
    if args.json:
        output.say_json({"to": state._asdict(), "loss": loss._asdict(), "dry_run": True})
        return 0
    output.say(f"rolling back to {state.short} {output.clean(state.what)} would undo")
    _lines("commit", loss.commits)
    _lines("file", loss.files)
    if loss.pushed:
        output.say(f"  {loss.pushed} of the commits are on origin and stay there")
    output.say("all of it would be saved; gt hook rollback --undo restores it")
    return 0


def _lines(word: str, items: tuple[str, ...]) -> None:
    for item in items[:SHOWN]:
        output.say(f"  {word}  {output.clean(item)}")
    if len(items) > SHOWN:
        output.say(f"  … {len(items) - SHOWN} more {word}s")


def _go(root: str, entry: RosterEntry, git: Git, state: EarlierState, args: Namespace) -> int:
    from gastown_core.errors import ConflictError
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory
    from gastown_core.work.hook import rollback
    from gastown_core.work.sling.holders import lives

    if own_entry(root, read_inventory(root)) != entry and lives(root, entry):
        raise ConflictError(
            f"{entry.address.short} is working",
            "a rollback would change its files while it works",
            f"gt session stop {entry.address.short}, then roll back",
        )
    done = rollback.roll_back(root, entry, git, state, actor=who.acting(root))
    if args.json:
        output.say_json({"to": done.to._asdict(), "loss": done.loss._asdict(), "rescue": done.rescue, "changed": True})
        return 0
    output.say(f"{output.style('✓', 'green')} rolled back to {state.short} {output.clean(state.what)}")
    output.say(f"  the previous state is saved as {done.rescue}; gt hook rollback --undo restores it")
    return 0
