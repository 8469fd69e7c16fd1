"""``gt rig``: add, list, start, stop, park, dock and remove rigs."""

from __future__ import annotations

import sys
import time

from gastown_cli import context, output, who
from gastown_cli.receipts import add_receipts
from gastown_core.errors import GastownError, PartialError, TmuxError, UsageError
from gastown_core.model.order import Receipt
from gastown_core.model.states import RigState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from gastown_core.town.inventory import Inventory, RigEntry


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig add``."""
    parser.add_argument("name", help="name of the rig: letters, digits and _")
    parser.add_argument("url", nargs="?", default="", help="https, ssh or file URL, user@host:path, or a folder")
    parser.add_argument("--prefix", default="", help="prefix of its bead ids (default: from the name)")
    parser.add_argument("--branch", default="", help="default branch (default: the remote's)")
    parser.add_argument("--push-url", default="", help="repository to push merges to; work starts from it")
    parser.add_argument(
        "--mirror",
        action="store_true",
        help="push merges to a bare mirror of the folder, which shows them under refs/remotes/town",
    )
    parser.add_argument("--upstream-url", default="", help="repository that it was forked from")
    parser.add_argument("--adopt", action="store_true", help="register the rig whose folder is in the town already")
    add_receipts(parser)
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Clone a repository as a rig, showing progress on a terminal or in receipts."""
    root = context.town()
    if args.adopt:
        return _adopt(root, args)
    if not args.url:
        raise UsageError("no repository given", "gt rig add NAME URL clones one", "--adopt registers NAME's own folder")
    try:
        return _add(root, args)
    except GastownError as error:
        if not args.receipts:
            raise
        output.say_json_line(error.as_json())
        return error.exit_code


def _add(root: str, args: Namespace) -> int:
    from gastown_core.town.rigs import add_rig

    on_terminal = sys.stderr.isatty() and not args.receipts
    progress = receipt_line(args.name) if args.receipts else progress_line if on_terminal else lambda line: None
    rig = add_rig(
        root,
        args.name,
        args.url,
        prefix=args.prefix,
        branch=args.branch,
        push_url=args.push_url,
        upstream_url=args.upstream_url,
        mirror=args.mirror,
        actor=who.acting(root),
        progress=progress,
    )
    if on_terminal:
        progress_line("")
    if args.receipts:
        done = Receipt("rig.add", args.name, "added", f"branch {rig.branch}, prefix {rig.prefix}-", final=True)
        output.say_json_line(done.as_json())
        return 0
    if args.json:
        output.say_json(rig._asdict())
        return 0
    output.say(
        f"{output.style('✓', 'green')} added rig {rig.name}, branch "
        f"{output.clean(rig.branch)}, bead prefix {rig.prefix}-"
    )
    for warning in rig.warnings:
        output.note(f"note: {output.clean(warning)}")
    output.say(f"  next: gt crew add YOU --rig {rig.name}, or bd create in {rig.path}")
    return 0


def _adopt(root: str, args: Namespace) -> int:
    from gastown_core.town.rig_register import adopt

    given = [name for name in ("url", "prefix", "branch", "push_url", "upstream_url", "mirror") if getattr(args, name)]
    if given:
        raise UsageError(
            f"--adopt takes no {given[0].replace('_', '-')}", "the rig's own config.json says it", "leave it out"
        )
    rig = adopt(root, args.name, actor=who.acting(root))
    if args.json:
        output.say_json(rig._asdict())
        return 0
    output.say(f"{output.style('✓', 'green')} rig {rig.name} is part of the town again, bead prefix {rig.prefix}-")
    return 0


def progress_line(line: str) -> None:
    """Write git's progress to stderr, over the previous line."""
    sys.stderr.write("\r\x1b[K" + output.shorten(output.clean(line), 78))
    sys.stderr.flush()


PROGRESS_S = 0.2
"""How often git's progress is told in receipts."""


def receipt_line(name: str) -> Callable[[str], None]:
    """Return what prints git's progress as receipts, a few lines a second."""
    told_at = 0.0

    def progress(line: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= PROGRESS_S:
            told_at = time.monotonic()
            output.say_json_line(Receipt("rig.add", name, "cloning", line).as_json())
            sys.stdout.flush()

    return progress


ORDER = (RigState.OPERATIONAL, "partial", "stopped", "unknown", RigState.PARKED, RigState.DOCKED, RigState.HALTED)


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List rigs with the sessions of witness and refinery, and the number of polecats and crew."""
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions
    from gastown_core.town.rigs import interrupted_rigs

    root = context.town()
    inventory = read_inventory(root)
    try:
        sessions = live_sessions(root)
        known = True
    except TmuxError as error:
        # a question without an answer is no "stopped"
        output.note(f"note: {error}")
        sessions, known = None, False
    rows = sorted(
        (_row(inventory, rig, sessions, known) for rig in inventory.rigs), key=lambda r: ORDER.index(str(r["status"]))
    )
    if args.json:
        output.say_json(rows)
    elif not rows:
        output.say("no rigs yet; next: gt rig add NAME URL")
    else:
        keys = ("name", "beads_prefix", "status", "witness", "refinery", "polecats", "crew")
        header = ("RIG", "PREFIX", "STATUS", "WITNESS", "REFINERY", "POLECATS", "CREW")
        output.say(output.table([[str(row[key]) for key in keys] for row in rows], header=header, right=(5, 6)))
    for name in interrupted_rigs(root):
        output.note(f"note: gt rig add {output.clean(name)} was interrupted; the same command starts it anew")
    return 0


def _row(inventory: Inventory, rig: RigEntry, sessions: frozenset[str] | None, known: bool) -> dict[str, object]:
    mine = [entry for entry in inventory.agents if entry.address.rig == rig.name]
    standing = {e.address.role: e.session for e in mine if e.address.role in ("witness", "refinery")}
    up = {role: sessions is not None and session in sessions for role, session in standing.items()}
    status = rig.state
    if status == RigState.OPERATIONAL and not known:
        status = "unknown"
    elif status == RigState.OPERATIONAL:
        status = RigState.OPERATIONAL if all(up.values()) else "partial" if any(up.values()) else "stopped"
    return {
        "name": rig.name,
        "beads_prefix": rig.prefix,
        "status": status,
        "witness": _word(up["witness"], known),
        "refinery": _word(up["refinery"], known),
        "polecats": sum(1 for entry in mine if entry.address.role == "polecat"),
        "crew": sum(1 for entry in mine if entry.address.role == "crew"),
    }


def _word(is_up: bool, known: bool) -> str:
    if not known:
        return "unknown"
    return "running" if is_up else "stopped"


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig status``."""
    context.add_rig(parser)
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show one rig: its state, its sessions, work in hands and open beads."""
    from gastown_core.town.rig_states import find_rig, leavings

    root = context.town()
    rig = find_rig(root, context.which_rig(root, args.rig))
    has = leavings(root, rig.name)
    if args.json:
        output.say_json(
            {
                "name": rig.name,
                "beads_prefix": rig.prefix,
                "path": rig.path,
                "state": rig.state,
                "running": list(has.running),
                "in_hands": dict(has.in_hands),
                "open_beads": has.open_beads,
            }
        )
        return 0
    output.say(f"{output.style(rig.name, 'bold')}  {rig.state}  bead prefix {rig.prefix}-  {output.clean(rig.path)}")
    output.say(f"  sessions    {', '.join(output.clean(path) for path in has.running) or 'none'}")
    output.say(f"  open beads  {has.open_beads}")
    for bead, holder in has.in_hands.items():
        output.say(f"  in hands    {bead}  {output.clean(holder)}")
    return 0


def _rigs_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("rigs", nargs="*", metavar="rig", help="names of rigs (default: the one you are in)")
    context.add_json(parser)


start_arguments = stop_arguments = restart_arguments = _rigs_arguments
park_arguments = unpark_arguments = dock_arguments = undock_arguments = _rigs_arguments


def run_start(args: Namespace) -> int:
    """Start the rig's witness and refinery, and polecats whose work waits."""
    from gastown_core.town.rig_states import start_agents

    def start(root: str, rig: str) -> tuple[str, dict[str, object]]:
        rows = start_agents(root, rig, sender=who.acting(root))
        failed = {path: why for path, why in rows if why}
        for path, why in failed.items():
            output.note(f"gt: cannot start {output.clean(path)}: {output.clean(why)}")
        started = [path for path, why in rows if not why]
        words = f"started {', '.join(started)}" if started else "nothing to start"
        return f"rig {rig}: {words}", {"rig": rig, "started": started, "failed": failed}

    return _each(args, start)


def run_stop(args: Namespace) -> int:
    """Stop the rig's polecats, refinery and witness; work on their hooks waits."""
    from gastown_core.town.rig_states import find_rig, stop_agents

    def stop(root: str, rig: str) -> tuple[str, dict[str, object]]:
        find_rig(root, rig)
        ended = stop_agents(root, rig, reason="rig stopped", actor=who.acting(root))
        return f"rig {rig}: {_ended(ended)}", {"rig": rig, "stopped": ended}

    return _each(args, stop)


def run_restart(args: Namespace) -> int:
    """Stop the rig's agents and start them again."""
    run_stop(args)
    return run_start(args)


def run_park(args: Namespace) -> int:
    """Park the rig on this machine: its agents stop, and nothing is dispatched to it."""
    from gastown_core.town.rig_states import park

    return _close(args, park, RigState.PARKED, "gt rig unpark")


def run_unpark(args: Namespace) -> int:
    """Make a parked rig operational."""
    from gastown_core.town.rig_states import unpark

    return _open(args, unpark, RigState.PARKED)


def run_dock(args: Namespace) -> int:
    """Dock the rig for everyone who shares the town: its agents stop, and nothing is dispatched to it."""
    from gastown_core.town.rig_states import dock

    return _close(args, dock, RigState.DOCKED, "gt rig undock")


def run_undock(args: Namespace) -> int:
    """Make a docked rig operational for everyone."""
    from gastown_core.town.rig_states import undock

    return _open(args, undock, RigState.DOCKED)


def _close(args: Namespace, change: Callable[..., list[str]], state: str, hint: str) -> int:
    """Park or dock each rig, and say whose sessions ended."""

    def act(root: str, rig: str) -> tuple[str, dict[str, object]]:
        ended = change(root, rig, actor=who.acting(root))
        return f"rig {rig} is {state}: {_ended(ended)}", {"rig": rig, "state": state, "stopped": ended}

    return _each(args, act, hint=hint)


def _open(args: Namespace, change: Callable[..., bool], state: str) -> int:
    """Make each rig operational that is in this state."""

    def act(root: str, rig: str) -> tuple[str, dict[str, object]]:
        changed = change(root, rig, actor=who.acting(root))
        words = f"rig {rig} is operational" if changed else f"rig {rig} was not {state}"
        return words, {"rig": rig, "state": RigState.OPERATIONAL, "changed": changed}

    return _each(args, act, hint="gt rig start")


def _ended(paths: list[str]) -> str:
    return f"stopped {', '.join(output.clean(path) for path in paths)}" if paths else "no session was running"


def _each(args: Namespace, act: Callable[[str, str], tuple[str, dict[str, object]]], *, hint: str = "") -> int:
    """Do it to every rig named; one that fails does not keep the others from it. Exit code 3 if some failed."""
    root = context.town()
    names = [context.which_rig(root, name) for name in args.rigs] or [context.which_rig(root)]
    rows: list[dict[str, object]] = []
    failed = 0
    for name in dict.fromkeys(names):
        try:
            words, row = act(root, name)
        except GastownError as error:
            if len(names) == 1:
                raise
            output.note(f"gt: {output.clean(str(error))}")
            row, words = {"rig": name, "error": str(error)}, ""
        failed += bool(row.get("error") or row.get("failed"))
        rows.append(row)
        if words and not args.json:
            output.say(f"{output.style('✓', 'green')} {words}" + (f"  ({hint} {name})" if hint else ""))
    if args.json:
        output.say_json(rows)
    return 0 if not failed else PartialError.exit_code if failed < len(rows) or rows[0].get("started") else 1


def remove_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig remove``."""
    parser.add_argument("rig", help="name of the rig")
    parser.add_argument("-f", "--force", action="store_true", help="end its sessions first, also with work in hands")
    context.add_json(parser)


def run_remove(args: Namespace) -> int:
    """Take a rig out of the town; its folder, branches and beads stay."""
    from gastown_core.refinery.rig_removal import remove_rig
    from gastown_core.town.rig_states import find_rig

    root = context.town()
    rig = find_rig(root, args.rig)
    left = remove_rig(root, rig.name, force=args.force, actor=who.acting(root))
    if args.json:
        output.say_json(
            {"name": rig.name, "path": rig.path, "stopped": list(left.running), "open_beads": left.open_beads}
        )
        return 0
    output.say(f"{output.style('✓', 'green')} removed rig {rig.name}; {output.clean(rig.path)} stays as it is")
    if left.open_beads:
        output.note(f"note: its ledger has {left.open_beads} open beads")
    output.note(f"note: gt rig add {rig.name} --adopt makes it part of the town again")
    return 0
