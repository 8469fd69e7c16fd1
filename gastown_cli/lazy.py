"""A command tree as a table; help and dispatch read only names, and one module is imported for the command that runs.

A module holds the commands of one noun. The row of ``gt polecat nuke`` names ``polecat:nuke``: its module defines
``nuke_arguments(parser)`` and ``run_nuke(args) -> exit code``. A module with one command is named alone and defines
``add_arguments`` and ``run``.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter

from gastown_cli import output
from gastown_cli.plain_arguments import parse_plain
from gastown_core.errors import GastownError, UsageError, words_of
from gastown_core.files.spool import spool_all, town_with_spool
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Sequence


class Command(Record):
    """A row: name, module that runs it (``module`` or ``module:verb``), help group, one line of help, aliases."""

    name: str
    module: str
    group: str
    help: str
    aliases: tuple[str, ...] = ()


class Root(Record):
    """A command tree: program name, one line about it, and its rows; ``gt rig`` and ``gt rig add`` are both rows.

    ``synonyms`` are other first words of groups: ``gt formulas list`` is ``gt formula list``.
    """

    program: str
    about: str
    commands: tuple[Command, ...]
    synonyms: tuple[tuple[str, str], ...] = ()
    elsewhere: str = ""
    """Module whose ``instead_of(word)`` knows commands of other tools: (why not here, what to do), or None."""


def run_root(root: Root, argv: Sequence[str], *, before_error: Callable[[], None] | None = None) -> int:
    """Run the command that ``argv`` names; return its exit code, or report its error and return that error's code.

    ``before_error`` is called before an error is written, so that a drawn screen can be left first.
    """
    ran = Ran(root.program)
    try:
        code = _dispatch(root, list(argv), ran)
        ran.tell(code)
        return code
    except GastownError as error:
        told = error
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # a command that does nothing but show has lost its reader (``| head``)
        return 0
    except OSError as error:
        told = _of_system(root.program, error)
    if before_error is not None:
        before_error()
    code = output.report_error(told, as_json="--json" in argv)
    ran.tell(code, type(told).__name__)
    return code


class Ran:
    """The command that runs, for telemetry: told when it has ended, if telemetry is on in the town around."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.name = ""
        self.words: list[str] = []
        self._began = perf_counter()

    def tell(self, code: int, error: str = "") -> None:
        """Tell of the command; costs a few looks while telemetry is off."""
        if not self.name:
            return
        try:
            folder = os.getcwd()
        except OSError:
            folder = ""
        root = town_with_spool(folder) or town_with_spool(os.environ.get("GT_TOWN_ROOT", ""))
        if root:
            from gastown_cli.command_notes import notes_of

            took_ms = round(1000 * (perf_counter() - self._began), 3)
            spool_all(root, notes_of(self.program, self.name, self.words, took_ms, code, error))


def _of_system(program: str, error: OSError) -> GastownError:
    """Return an error of the operating system as a GastownError with a next step."""
    try:
        os.getcwd()
    except OSError:
        return GastownError(
            "the current folder no longer exists", words_of(error), "cd to an existing folder and try again"
        )
    place = f"check {error.filename}" if isinstance(error.filename, str) else "check df -h and ulimit -a"
    return GastownError(f"{program} failed", words_of(error), f"{place}, then run the command again")


def _dispatch(root: Root, argv: list[str], ran: Ran) -> int:
    globals_first: list[str] = []
    while argv and argv[0] in ("--json", "-q", "--quiet", "-v", "--verbose", "--readonly"):
        globals_first.append(argv.pop(0))
    while argv and argv[0] in ("-C", "--directory", "--actor", "--db") and len(argv) > 1:
        globals_first += [argv.pop(0), argv.pop(0)]
    if not argv or argv[0] in ("-h", "--help"):
        argv = ["help", *(word for word in argv[1:] if not word.startswith("-"))]
    if argv[0] == "--version" or argv == ["version"]:
        from gastown_core import __version__

        output.say(f"{root.program} {__version__}")
        return 0
    if len(argv) > 1 and argv[1] in ("-h", "--help", "help") and _is_only_a_group(root, argv[0]):
        output.say(help_text(root, expand(root, argv[0])))
        return 0
    command, used = find(root, argv)
    add_arguments, run = handlers(command)
    # before the command's own words: behind a -- they would be words of its text
    words = [*globals_first, *argv[used:]]
    ran.name, ran.words = command.name, words
    args = parse_plain(add_arguments, words)
    if args is None:
        from gastown_cli.parser import parse

        args = parse(f"{root.program} {command.name}", command.help, add_arguments, words, below(root, command))
    code = int(run(args) or 0)
    _follow_new_ids(root.program)
    _tell_missing_event()
    return code


def _follow_new_ids(program: str) -> None:
    """After a merge gave beads new ids, update references to them in the town's other stores."""
    partings = sys.modules.get("gastown_core.beads.partings")
    if partings is None or not partings.untold:
        return
    from gastown_core.town.new_ids import follow_after_a_write

    try:
        for line in follow_after_a_write(program):
            output.note(output.clean(f"a merge gave a bead a new id: {line}; updating the town's other stores"))
    except GastownError as error:
        # the next write, or the daemon, tries again
        output.note(output.clean(f"warning: the town's other stores still use a bead's old id: {error}"))


def handlers(command: Command) -> tuple[Callable[[ArgumentParser], None], Callable[[Namespace], int | None]]:
    """Import the module of a row; return the functions that add its arguments and run it."""
    where, _, verb = command.module.partition(":")
    __import__(where)
    module = sys.modules[where]
    if verb:
        return getattr(module, f"{verb}_arguments"), getattr(module, f"run_{verb}")
    return module.add_arguments, module.run


def _tell_missing_event() -> None:
    """Report on stderr an event that could not be written to the log."""
    log = sys.modules.get("gastown_core.events.log")
    if log is not None and log.last_failure:
        output.note(log.last_failure)


def find(root: Root, argv: Sequence[str]) -> tuple[Command, int]:
    """Return the row that ``argv`` names (longest match; unique prefixes count) and the number of words used."""
    words = [word for word in argv[:2] if not word.startswith("-")]
    if len(words) == 2:
        pair = _match(root, " ".join((expand(root, words[0]), words[1])))
        if pair is not None:
            return pair, 2
    single = _match(root, expand(root, words[0])) if words else None
    if single is not None:
        return single, 1
    name = expand(root, words[0]) if words else argv[0]
    group = [row for row in root.commands if row.name.startswith(name + " ")]
    if group:
        known = ", ".join(row.name.split()[1] for row in group)
        given = (
            f"no {root.program} {name} {words[1]}" if len(words) > 1 else f"{root.program} {name} needs a subcommand"
        )
        raise UsageError(given, "", f"use one of: {known}")
    instead = _instead_of(root, argv[0])
    if instead is not None:
        raise UsageError(f"{root.program} {argv[0]} is not here", *instead)
    import difflib

    near = difflib.get_close_matches(name, [row.name for row in root.commands], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"{root.program} --help lists the commands"
    raise UsageError(f"unknown command: {root.program} {argv[0]}", "", hint)


def _instead_of(root: Root, word: str) -> tuple[str, str] | None:
    if not root.elsewhere:
        return None
    __import__(root.elsewhere)
    found: tuple[str, str] | None = sys.modules[root.elsewhere].instead_of(word)
    return found


def _is_only_a_group(root: Root, word: str) -> bool:
    """Return whether ``word`` is only a group of commands (``gt gate``) and not a command itself."""
    head = expand(root, word)
    return _match(root, head) is None and any(row.name.startswith(head + " ") for row in root.commands)


def below(root: Root, command: Command) -> str:
    """Return which commands a group that is itself a command has, as its help tells them; empty if there are none."""
    names = [row.name.split()[1] for row in root.commands if row.name.startswith(command.name + " ")]
    if not names:
        return ""
    return f"more: {', '.join(names)} ({root.program} {command.name} {names[0]} --help, and so on)"


def expand(root: Root, word: str) -> str:
    """Return the full first word for an alias or a unique prefix, else the word itself."""
    firsts: dict[str, None] = {}
    for other, meant in root.synonyms:
        if word == other:
            return meant
    for row in root.commands:
        head = row.name.split()[0]
        if word == head:
            return head
        if " " not in row.name and word in row.aliases:
            return row.name
        firsts[head] = None
    fits = [head for head in firsts if head.startswith(word)]
    return fits[0] if len(fits) == 1 else word


def _match(root: Root, name: str) -> Command | None:
    for row in root.commands:
        if row.name == name or (" " in name and " " in row.name and _alias_match(row, name)):
            return row
    return None


def _alias_match(row: Command, name: str) -> bool:
    head, tail = name.split(" ", 1)
    own_head, _ = row.name.split(" ", 1)
    return head == own_head and tail in row.aliases


def help_text(root: Root, topic: str = "") -> str:
    """Return the help of all commands by group, or of those with one first word."""
    groups: dict[str, list[Command]] = {}
    for row in root.commands:
        if not topic or row.name.split()[0] == topic:
            groups.setdefault(row.group, []).append(row)
    lines = [f"{root.program}: {root.about}", ""]
    width = max((len(row.name) for row in root.commands), default=0)
    for group, rows in groups.items():
        lines.append(output.style(group, "bold"))
        lines += [f"  {row.name.ljust(width)}  {row.help}" for row in rows]
        lines.append("")
    lines.append(f"{root.program} COMMAND --help shows the options of a command.")
    return "\n".join(lines)
