"""Which words fit at the end of a command line: commands, options, allowed values, and the town's own names.

The scripts of ``gt completion`` call the hidden command ``__complete`` with the words behind the program's name; the last
of them is the word being typed, with a dot before it, since some shells drop an empty argument.  Each line of the answer
is a value, a tab and what it means; the line ``:files`` asks the shell for its own file names.  A mistake in the words
before gives no candidates, and never an error.
"""

from __future__ import annotations

from gastown_cli.completion.line import FILES, Argument, Candidate, Typed
from gastown_cli.lazy import Command, find, handlers
from gastown_cli.output import clean
from gastown_cli.plain_arguments import HIDDEN
from gastown_core.errors import GastownError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from gastown_cli.lazy import Root

MOST_ABOUT = 80
"""Characters of an explanation; a menu has one line for each value."""
_USELESS = "accepted for compatibility"
"""How the help of an option begins that other tools have and that changes nothing here."""
_FLAGS = ("store_true", "store_false", "store_const", "help", "version")
_PLAIN_SIGNS = dict.fromkeys(map(ord, "_-./:@=+,%^"))
_GLOBAL_FLAGS = ("--json", "-q", "--quiet", "-v", "--verbose", "--readonly")
_GLOBAL_VALUES = ("-C", "--directory", "--actor", "--db")


class _Collector:
    """Takes a command's arguments as argparse's parser does, and keeps what completion needs."""

    def __init__(self) -> None:
        self.options: list[Argument] = []
        self.positionals: list[Argument] = []

    def add_argument(self, *names: str, **told: Any) -> None:
        """Add an option or a positional."""
        about = str(told.get("help") or "")
        if about == HIDDEN or about.startswith(_USELESS):
            return
        is_option = names[0][:1] == "-"
        long = next((name for name in names if name.startswith("--")), names[0])
        action = told.get("action", "store")
        argument = Argument(
            names,
            told.get("dest") or long.lstrip("-").replace("-", "_"),
            action not in _FLAGS,
            action == "append" or told.get("nargs") in ("*", "+", "..."),
            tuple(str(choice) for choice in told.get("choices") or () if str(choice)),
            _named_by(told.get("metavar")),
            about,
        )
        (self.options if is_option else self.positionals).append(argument)

    def add_argument_group(self, *_: object, **__: object) -> _Collector:
        """Return the collector itself: groups matter only to the help."""
        return self

    def add_mutually_exclusive_group(self, **_: object) -> _Collector:
        """Return the collector itself."""
        return self

    def set_defaults(self, **_: object) -> None:
        """Ignore defaults."""


def _named_by(metavar: object) -> tuple[str, ...]:
    """Return the words of a metavar such as ``start|stop``."""
    words = metavar.split("|") if isinstance(metavar, str) and "|" in metavar else []
    return () if any(set(word) & set(" []…") for word in words) else tuple(words)


def answer(root: Root, words: Sequence[str]) -> list[str]:
    """Return the lines for a script: ``words`` end with the word being typed, behind its dot."""
    *before, current = words or (".",)
    lines = []
    for value, about in candidates(root, before, current[1:]):
        about = clean(about).strip()
        about = about if len(about) <= MOST_ABOUT else about[: MOST_ABOUT - 1].rstrip() + "…"
        lines.append(f"{value}\t{about}" if about else value)
    return lines


def candidates(root: Root, before: Sequence[str], current: str) -> list[Candidate]:
    """Return what fits behind the words ``before`` and begins with ``current``, each value once."""
    rest = _without_globals(before)
    if rest is None:
        return []
    if rest[:1] == ["help"]:
        from gastown_cli.manual.topics import TOPICS

        topics = [Candidate(topic.name, topic.about) for topic in TOPICS] if len(rest) == 1 else []
        return _fitting([*_commands(root, rest[1:], current), *topics], current)
    found = _commands(root, rest, current)
    try:
        command, used = find(root, rest) if rest else (None, 0)
    except UsageError:
        command = None
    if command is not None:
        found += _arguments(root.program, command, rest[used:], current)
    return _fitting(found, current)


def _fitting(found: Iterable[Candidate], current: str) -> list[Candidate]:
    """Return those that begin with ``current`` and that a shell takes as they stand, each value once."""
    # setdefault keeps the first of two equal values; at thousands of beads each look by name counts
    unique: dict[str, Candidate] = {}
    for one in found:
        value = one[0]
        if value.startswith(current) or value == FILES:
            unique.setdefault(value, one)
    # all at once: nearly always every one is plain
    if _is_plain("".join(unique)):
        return list(unique.values())
    return [one for value, one in unique.items() if _is_plain(value)]


def _is_plain(word: str) -> bool:
    """Whether a shell takes the word as it stands: scripts insert it unquoted, and agents may name things as they like."""
    letters = word.translate(_PLAIN_SIGNS)
    return not letters or letters.isalnum()


def _without_globals(words: Sequence[str]) -> list[str] | None:
    """Return the words behind the options of the program itself; None if one of these still wants its value."""
    rest = list(words)
    while rest and rest[0] in (*_GLOBAL_FLAGS, *_GLOBAL_VALUES):
        takes_value = rest.pop(0) in _GLOBAL_VALUES
        if takes_value and not rest:
            return None
        if takes_value:
            rest.pop(0)
    return rest


def _commands(root: Root, words: list[str], current: str) -> list[Candidate]:
    """Return the commands, or the subcommands of the group that is the only word so far."""
    if len(words) > 1 or current.startswith("-"):
        return []
    if not words:
        singles = {row.name: row.help for row in root.commands if " " not in row.name}
        heads = dict.fromkeys(row.name.split()[0] for row in root.commands)
        found = [Candidate(head, singles.get(head) or f"{_verbs(root, head)}") for head in heads]
        return [*found, Candidate("version", "Show the version")]
    head = next((meant for other, meant in root.synonyms if other == words[0]), words[0])
    rows = [row for row in root.commands if row.name.startswith(head + " ")]
    return [Candidate(row.name.split()[1], row.help) for row in rows]


def _verbs(root: Root, head: str) -> str:
    """Return the subcommands of a group, in one line."""
    return ", ".join(row.name.split()[1] for row in root.commands if row.name.startswith(head + " "))


def arguments_of(command: Command) -> tuple[list[Argument], list[Argument]]:
    """Return the options and positionals of a command that its help lists."""
    collector = _Collector()
    handlers(command)[0](collector)  # type: ignore[arg-type]  # it has what a command asks of a parser
    return collector.options, collector.positionals


def _arguments(program: str, command: Command, words: list[str], current: str) -> list[Candidate]:
    """Return the options and values that fit behind the command's own ``words``."""
    options, positionals = arguments_of(command)
    by_name = {name: option for option in options for name in option.names}
    given: dict[str, list[str]] = {}
    place, pending, is_text = 0, None, False
    for word in words:
        name, equals, value = word.partition("=")
        if pending is not None:
            given.setdefault(pending.dest, []).append(word)
            pending = None
        elif not is_text and word == "--":
            is_text = True
        elif not is_text and word.startswith("-") and word != "-":
            option = by_name.get(name)
            if option is not None:
                given.setdefault(option.dest, []).extend([value] if equals else [])
                pending = option if option.takes_value and not equals else None
        elif place < len(positionals):
            given.setdefault(positionals[place].dest, []).append(word)
            place += 0 if positionals[place].repeats else 1
    typed = Typed(program, command.name, given, current)
    if pending is not None:
        return _values(pending, typed)
    name, equals, value = current.partition("=")
    if not is_text and equals and name in by_name:
        return [
            one._replace(value=f"{name}={one.value}") for one in _values(by_name[name], typed._replace(current=value))
        ]
    if not is_text and current.startswith("-"):
        return _options(options, given)
    return _values(positionals[place], typed) if place < len(positionals) else []


def _options(options: Iterable[Argument], given: dict[str, list[str]]) -> list[Candidate]:
    """Return the options that may still be given, by their longest names."""
    open_ones = [one for one in options if one.repeats or one.dest not in given]
    return [Candidate(max(one.names, key=len), one.about) for one in open_ones] + [
        Candidate("--help", "Show the options")
    ]


def _values(argument: Argument, typed: Typed) -> list[Candidate]:
    """Return the values that an option or positional may have here."""
    from gastown_cli.completion.values import live_values

    taken = typed.given.get(argument.dest, [])
    try:
        found = live_values(argument, typed)
    except (GastownError, OSError):
        # a town that cannot be read has no names to offer; the command itself says what is wrong
        found = []
    return [one for one in found if one.value not in taken] if taken else found
