"""Command lines in plain form, parsed without argparse, which with ``re`` and ``enum`` costs more than most commands do.

Plain are options written out in full, each with at most one value behind it, and positional words that stand together.
``parse_plain`` gives for them what argparse would give; it returns None for everything else (abbreviations, ``--``, help,
any mistake), and argparse then has the word. tests/cli/test_plain_arguments.py compares the two for every command.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from typing import Any

HIDDEN = "==SUPPRESS=="
"""``argparse.SUPPRESS``: the help text of an argument that the help does not list."""
REST = "..."
"""``argparse.REMAINDER``: the number of values of an argument that takes all words behind it."""

LARGEST = (1 << 31) - 1
"""No argument that counts is larger: neither a ledger's index nor a list takes it."""

_FLAGS: dict[str, tuple[object, object]] = {"store_true": (True, False), "store_false": (False, True)}
_COUNTS = {None: (1, 1), "?": (0, 1), "+": (1, 1 << 30), "*": (0, 1 << 30)}


class _NotPlainError(Exception):
    """The words or the arguments need argparse."""


class Arguments:
    """Values of a command's arguments, as an ``argparse.Namespace`` holds them."""

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__


class _Argument:
    """One option or positional, with what argparse would know of it."""

    def __init__(self, names: tuple[str, ...], told: dict[str, Any], group: object) -> None:
        action = told.get("action", "store")
        self.is_option = names[0][:1] == "-"
        self.names, self.group, self.action = names, group, action
        self.nargs, self.type, self.choices = told.get("nargs"), told.get("type"), told.get("choices")
        self.is_required = bool(told.get("required"))
        self.const, usual = _FLAGS.get(action, (told.get("const"), None))
        self.default: Any = told.get("default", usual)
        self.takes_value = action in ("store", "append")
        is_known = self.takes_value or action in _FLAGS or action == "store_const"
        if not is_known or self.nargs not in _COUNTS or (self.is_option and self.nargs is not None):
            raise _NotPlainError
        self.dest = told.get("dest") or self._named()

    def _named(self) -> str:
        if not self.is_option:
            return self.names[0]
        long = next((name for name in self.names if name.startswith("--")), self.names[0])
        return long.lstrip("-").replace("-", "_")

    def read(self, text: str) -> object:
        """Return the value that one word stands for."""
        try:
            value = text if self.type is None else self.type(text)
        except Exception as error:  # whatever it is, argparse says what is wrong with the word
            raise _NotPlainError from error
        if self.choices is not None and value not in self.choices:
            raise _NotPlainError
        if isinstance(value, int) and abs(value) > LARGEST:
            raise _NotPlainError
        return value

    def initial(self) -> object:
        """Return the default; one given as text is read as a word would be, but for the choices."""
        if self.type is None or not isinstance(self.default, str):
            return self.default
        try:
            return self.type(self.default)
        except Exception as error:  # as above
            raise _NotPlainError from error


class PlainParser:
    """Takes a command's arguments as argparse's parser does, and parses words in plain form."""

    def __init__(self) -> None:
        self._options: dict[str, _Argument] = {}
        self._all: list[_Argument] = []
        self._own: dict[str, object] = {}

    def add_argument(self, *names: str, _group: object = None, **told: object) -> None:
        """Add an option or a positional."""
        argument = _Argument(names, told, _group)
        self._all.append(argument)
        if argument.is_option:
            self._options.update((name, argument) for name in names)

    def add_argument_group(self, *_: object, **__: object) -> PlainParser:
        """Return the parser itself: groups matter only to the help."""
        return self

    def add_mutually_exclusive_group(self) -> _Exclusive:
        """Return a group of which at most one argument may be given."""
        return _Exclusive(self)

    def set_defaults(self, **values: object) -> None:
        """Set values that count unless an argument gives another one."""
        for argument in self._all:
            if argument.dest in values:
                argument.default = values[argument.dest]
        self._own.update(values)

    def parse(self, words: Sequence[str]) -> Arguments:
        """Return the values. Raises _NotPlainError."""
        args = Arguments()
        values = args.__dict__
        for argument in self._all:
            if argument.dest not in values:
                values[argument.dest] = argument.initial()
        for name, value in self._own.items():
            values.setdefault(name, value)
        given, loose = self._take_options(words, values)
        self._place(loose, values)
        groups = [argument.group for argument in given if argument.group is not None]
        if len(set(groups)) < len(groups):
            raise _NotPlainError
        if any(argument.is_required and argument not in given for argument in self._all):
            raise _NotPlainError
        return args

    def _take_options(self, words: Sequence[str], values: dict[str, Any]) -> tuple[set[_Argument], list[str]]:
        """Set the values of the options; return the options given, and the positional words."""
        given: set[_Argument] = set()
        loose: list[str] = []
        last, at = -1, 0
        while at < len(words):
            word = words[at]
            at += 1
            if word[:1] != "-" or word == "-":
                if loose and last != at - 1:
                    raise _NotPlainError
                loose.append(word)
                last = at
                continue
            name, equals, text = word.partition("=") if word[:2] == "--" else (word, "", "")
            option = self._options.get(name)
            if option is None or bool(equals) > (option.takes_value and bool(text)):
                raise _NotPlainError
            if option.takes_value and not equals:
                if at == len(words) or words[at][:1] == "-":
                    raise _NotPlainError
                text = words[at]
                at += 1
            given.add(option)
            value = option.read(text) if option.takes_value else option.const
            values[option.dest] = [*(values[option.dest] or ()), value] if option.action == "append" else value
        return given, loose

    def _place(self, words: list[str], values: dict[str, object]) -> None:
        """Give the positional words to the positionals, each as many as it may take and the others can spare."""
        rest = [argument for argument in self._all if not argument.is_option]
        needed = sum(_COUNTS[argument.nargs][0] for argument in rest)
        for argument in rest:
            least, most = _COUNTS[argument.nargs]
            needed -= least
            count = min(most, len(words) - needed)
            if count < least or (not count and argument.nargs == "*" and argument.choices is not None):
                raise _NotPlainError
            mine, words = words[:count], words[count:]
            if argument.nargs in ("*", "+") and (mine or argument.default is None):
                values[argument.dest] = [argument.read(word) for word in mine]
            elif mine:
                values[argument.dest] = argument.read(mine[0])
            elif argument.nargs == "?":
                values[argument.dest] = argument.initial()
        if words:
            raise _NotPlainError


class _Exclusive:
    """A group of arguments that exclude each other."""

    def __init__(self, parser: PlainParser) -> None:
        self._parser = parser

    def add_argument(self, *names: str, **told: object) -> None:
        """Add an argument to the group."""
        self._parser.add_argument(*names, _group=self, **told)


def parse_plain(add_arguments: Callable[[Any], None], words: Sequence[str]) -> Namespace | None:
    """Return the arguments of a command line in plain form; None if argparse has to parse it."""
    parser = PlainParser()
    try:
        add_arguments(parser)
        return parser.parse(words)  # type: ignore[return-value]  # it has what a command asks of a Namespace
    except _NotPlainError:
        return None
