"""``gt hook rollback``: a worktree back to an earlier state, with what that takes away shown and kept."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.git.repo import Git
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.hook.rollback import EarlierState, Loss

SHOWN = 12


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook rollback``."""
    parser.add_argument("to", nargs="?", default="", help="a number of the list, or the beginning of a hash")
    parser.add_argument("--agent", default="", help="whose worktree (default: yours)")
    parser.add_argument("--list", action="store_true", help="the states to go back to")
    parser.add_argument("--undo", action="store_true", help="take the last rollback back")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what it would take away, change nothing")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show the states, what a step back would take away, or take it."""
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
        output.say_json({"changed": False}) if args.json else output.say("the worktree is in that state already")
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
            output.clean(one.what) + (", with loose files" if one.loose else ""),
        )
        for number, one in enumerate(states, 1)
    ]
    output.say(output.table(rows, header=("#", "STATE", "UTC", "KIND", "WHAT"), right=(0,)))
    output.say(f"gt hook rollback NUMBER --agent {entry.address.short} --dry-run shows what it would take away")
    return 0


def _say_loss(state: EarlierState, loss: Loss, args: Namespace) -> int:
    if args.json:
        output.say_json({"to": state._asdict(), "loss": loss._asdict(), "dry_run": True})
        return 0
    output.say(f"back to {state.short} {output.clean(state.what)} would take away")
    _lines("commit", loss.commits)
    _lines("file", loss.files)
    if loss.pushed:
        output.say(f"  {loss.pushed} of the commits are at origin, and stay there")
    output.say("all of it would be kept; gt hook rollback --undo brings it back")
    return 0


def _lines(word: str, items: tuple[str, ...]) -> None:
    for item in items[:SHOWN]:
        output.say(f"  {word}  {output.clean(item)}")
    if len(items) > SHOWN:
        output.say(f"  … {len(items) - SHOWN} {word}s more")


def _go(root: str, entry: RosterEntry, git: Git, state: EarlierState, args: Namespace) -> int:
    from gastown_core.errors import ConflictError
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory
    from gastown_core.work.hook import rollback
    from gastown_core.work.sling.holders import lives

    if own_entry(root, read_inventory(root)) != entry and lives(root, entry):
        raise ConflictError(
            f"{entry.address.short} is at work",
            "its files would change under its hands",
            f"gt session stop {entry.address.short}, then roll back",
        )
    done = rollback.roll_back(root, entry, git, state, actor=who.acting(root))
    if args.json:
        output.say_json({"to": done.to._asdict(), "loss": done.loss._asdict(), "rescue": done.rescue, "changed": True})
        return 0
    output.say(f"{output.style('✓', 'green')} back at {state.short} {output.clean(state.what)}")
    output.say(f"  what was there is kept at {done.rescue}; gt hook rollback --undo brings it back")
    return 0
