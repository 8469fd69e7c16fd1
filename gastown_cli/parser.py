"""argparse as the commands use it: errors with a next step, options between positionals, a start without translations."""

from __future__ import annotations

import os
import re
import sys

from gastown_cli.plain_arguments import LARGEST
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from types import ModuleType
    from typing import NoReturn


def _import_argparse() -> ModuleType:
    """Import argparse without gettext and locale, which would take 2 ms and translate nothing."""
    if "argparse" in sys.modules or "gettext" in sys.modules:
        return __import__("argparse")
    words = sys.modules["gettext"] = type(sys)("gettext")
    vars(words).update(gettext=str, ngettext=lambda one, many, count: one if count == 1 else many)
    try:
        return __import__("argparse")
    finally:
        del sys.modules["gettext"]


if not TYPE_CHECKING:
    argparse = _import_argparse()
# where it was imported before: it would look for translations of its few words at the first of them
vars(argparse)["_"] = str


def _formatter(prog: str) -> argparse.HelpFormatter:
    # without a width argparse imports shutil and four compression libraries, 4 ms, to ask the terminal
    try:
        columns = int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        columns = 80
        if sys.stdout is not None and sys.stdout.isatty():
            columns = os.get_terminal_size(sys.stdout.fileno()).columns
    return _Formatter(prog, width=max(40, columns - 2))


class _Formatter(argparse.HelpFormatter):
    """Formatter that shows words whose name says itself what they are (``[rig] request|branch``) once, not as a list."""

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        name = self._metavar_formatter(action, default_metavar)(1)[0]
        return name if "[" in name and not action.option_strings else super()._format_args(action, default_metavar)


class _NoFormatter(argparse.HelpFormatter):
    """Formatter used while arguments are added, where argparse would create a real one for each; it formats nothing."""

    def __init__(self) -> None:
        """Skip the set-up of the real formatter."""

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        return ""


_NO_FORMATTER = _NoFormatter()


class Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are UsageErrors, with exit code 2 and a hint."""

    is_built = False
    """Whether all arguments are added; until then argparse gets a formatter that formats nothing."""

    def _get_formatter(self) -> argparse.HelpFormatter:
        return _formatter(self.prog) if self.is_built else _NO_FORMATTER

    def _get_value(self, action: argparse.Action, text: str) -> object:
        value = super()._get_value(action, text)
        if isinstance(value, int) and abs(value) > LARGEST:
            raise argparse.ArgumentError(action, f"{text[:30]} is more than {LARGEST}")
        return value

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError instead of exiting."""
        raise UsageError(f"{self.prog}: {message}", "", self.usage_hint)

    @property
    def usage_hint(self) -> str:
        """What shows how the command is called."""
        return f"{self.prog} --help shows the usage"


def parse(
    program: str,
    about: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    words: list[str],
    more: str = "",
) -> argparse.Namespace:
    """Return the parsed words of a command. Raises UsageError; prints the help and exits if that is asked for."""
    return _parse_words(built(program, about, add_arguments, more), words)


def built(program: str, about: str, add_arguments: Callable[[argparse.ArgumentParser], None], more: str = "") -> Parser:
    """Return the parser of a command with all its arguments; ``more`` ends its help."""
    parser = Parser(prog=program, description=about, epilog=more or None)
    add_arguments(parser)
    parser.is_built = True
    return parser


def _parse_words(parser: Parser, argv: list[str]) -> argparse.Namespace:
    """Return the parsed arguments, also if options stand between them (``sling FORMULA --on BEAD RIG``)."""
    if any(word[:1] == "-" and word[1:2].isdigit() for word in argv):
        # "-1h" is a span before now, not an option
        parser._negative_number_matcher = re.compile(r"-\d[\d.]*([a-z]+[\d.]*)*$")
    args, rest = parser.parse_known_args(argv)
    # what stands behind a -- is text, whatever it looks like
    before = rest[: rest.index("--")] if "--" in rest else rest
    if rest and not any(word.startswith("-") for word in before):
        return parser.parse_intermixed_args(argv)
    if rest:
        near = _near(parser, rest)
        hint = f"{near} {parser.usage_hint}" if near else parser.usage_hint
        raise UsageError(f"{parser.prog}: unrecognized arguments: {' '.join(rest)}", "", hint)
    return args


def _near(parser: Parser, rest: list[str]) -> str:
    """Return which option was perhaps meant, empty for none."""
    from difflib import get_close_matches

    known = [word for word in parser._option_string_actions if word.startswith("--")]
    wrong = next((word.partition("=")[0] for word in rest if word.startswith("--")), "")
    near = get_close_matches(wrong, known, 2, 0.6)
    return f"did you mean {' or '.join(near)}?" if near else ""
