"""``gt hooks``: the files by which agents' programs run our commands: listed, compared, written and mended."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_core.errors import PartialError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.doctor.checked_town import Seat
    from gastown_core.town.hook_states import HookState


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hooks list``."""
    _narrowing(parser)
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the hook files of the town's agents."""
    root = context.town()
    found = [state for seat in _seats(root, args) for state in _states(root, seat)]
    if args.json:
        output.say_json([state.as_json() for state in found])
        return 0
    if not found:
        output.note("no agent here has a runtime with hooks of ours")
        return 0
    rows = [[one.agent, one.runtime, one.state, output.clean(one.path), output.clean(one.why)] for one in found]
    output.say(output.table(rows, header=("AGENT", "RUNTIME", "STATE", "FILE", "WHY")))
    return 0


def diff_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hooks diff``."""
    _narrowing(parser)
    context.add_json(parser)


def run_diff(args: Namespace) -> int:
    """Show what a sync would change; exit 1 if it would change something, or a repair."""
    root = context.town()
    found = {state.path: state for seat in _seats(root, args) for state in _states(root, seat)}
    changes = {path: lines for path, state in found.items() if (lines := state.diff())}
    if args.json:
        output.say_json([{**found[path].as_json(), "diff": lines} for path, lines in changes.items()])
    else:
        for line in (line for lines in changes.values() for line in lines):
            colour = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
            output.say(output.style(output.clean(line), *([colour] if colour else [])))
        for state in found.values():
            if state.is_stuck:
                output.note(f"note: {output.clean(state.path)}: {output.clean(state.why)}{state.remedy}")
    return 1 if changes or any(state.remedy for state in found.values()) else 0


def sync_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hooks sync``."""
    _narrowing(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be written; change nothing")
    context.add_json(parser)


def run_sync(args: Namespace) -> int:
    """Write the hook files that are out of date."""
    from gastown_core.town.hook_files import install

    root, told = context.town(), _Told(args)
    for seat in _seats(root, args):
        written = [state.path for state in _states(root, seat) if state.diff()]
        blocked = [] if args.dry_run else install(root, seat.entry, seat.preset) if _has_folder(seat) else []
        told.add(seat, written, blocked)
    return told.conclude("would be written" if args.dry_run else "written")


def install_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hooks install``."""
    parser.add_argument("target", metavar="agent", help="agent whose hook files to write")
    parser.add_argument("--runtime", default="", metavar="NAME", help="runtime (default: the one it would get)")
    context.add_json(parser)


def run_install(args: Namespace) -> int:
    """Write the hook files of one agent."""
    from gastown_core.doctor.checked_town import Seat
    from gastown_core.town import runtime_choice
    from gastown_core.town.hook_files import install

    root, told = context.town(), _Told(args)
    entry = who.find(root, args.target)[1]
    seat = Seat(entry, runtime_choice.choose_runtime(root, entry.address, args.runtime).preset)
    states = _states(root, seat)
    if not states:
        told.nothing = f"the runtime {seat.preset.name} has no hooks of ours"
    written = [state.path for state in states if state.diff()]
    told.add(seat, written, install(root, entry, seat.preset) if _has_folder(seat) else [])
    return told.conclude("written")


def repair_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt hooks repair``."""
    _narrowing(parser)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be mended; change nothing")
    context.add_json(parser)


def run_repair(args: Namespace) -> int:
    """Restore the hooks in damaged files, and write the files that are out of date."""
    from gastown_core.town.hook_states import DAMAGED, repair

    root, told = context.town(), _Told(args)
    for seat in _seats(root, args):
        states = _states(root, seat)
        mended = [state.path for state in states if state.state == DAMAGED or state.diff()]
        copies, left = ([], []) if args.dry_run or not _has_folder(seat) else repair(root, seat.entry, seat.preset)
        told.add(seat, mended, left)
        told.copies += copies
    return told.conclude("would be mended" if args.dry_run else "mended")


class _Told:
    """What was done, for text and JSON."""

    def __init__(self, args: Namespace) -> None:
        self.as_json = args.json
        self.done: list[str] = []
        self.blocked: list[str] = []
        self.copies: list[str] = []
        self.nothing = "everything is in step"

    def add(self, seat: Seat, paths: list[str], blocked: list[str]) -> None:
        """Note what was to be written for a seat, and what could not be."""
        stopped = [word for word in blocked if word]
        self.blocked += [f"{seat.entry.address.path}: {word}" for word in stopped]
        # a warning begins with the file's path below the agent's folder
        self.done += [
            path for path in paths if not any(path.endswith(word.split(" ", 1)[0].rstrip(":")) for word in stopped)
        ]

    def conclude(self, word: str) -> int:
        """Say it and return the exit code: 3 where some could not be done, 1 where none could."""
        self.done = list(dict.fromkeys(self.done))
        if self.as_json:
            output.say_json({"paths": self.done, "copies": self.copies, "left": self.blocked})
        else:
            for path in self.done:
                output.say(f"{output.style('✓', 'green')} {output.clean(path)} {word}")
            for copy in self.copies:
                output.say(f"  what stood there is kept as {output.clean(copy)}")
            for line in self.blocked:
                output.note(f"note: {output.clean(line)}")
            if not self.done and not self.blocked:
                output.say(self.nothing)
        return (PartialError.exit_code if self.done else 1) if self.blocked else 0


def _narrowing(parser: ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", default="", metavar="agent", help="only this agent")
    parser.add_argument("--runtime", default="", metavar="NAME", help="only this runtime")


def _seats(root: str, args: Namespace) -> list[Seat]:
    from gastown_core.doctor.checked_town import Place

    wanted = who.find(root, args.target)[1].address if args.target else None
    if args.runtime:
        from gastown_core.town.runtime_settings import require_agent

        require_agent(root, args.runtime)
    place = Place(root, runtime=args.runtime)
    found = [seat for seat in place.seats() if wanted in (None, seat.entry.address)]
    for fault in place.faults:
        output.note(f"note: {output.clean(fault)}")
    return found


def _states(root: str, seat: Seat) -> list[HookState]:
    from gastown_core.town.hook_states import states

    return states(root, seat.entry, seat.preset)


def _has_folder(seat: Seat) -> bool:
    return os.path.isdir(seat.entry.work_dir)
