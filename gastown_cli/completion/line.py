"""A command line that is being typed, and the words that fit at its end."""

from __future__ import annotations

from gastown_core.model.record import Record

FILES = ":files"
"""The line that asks the shell for its own file names."""


class Candidate(Record):
    """A word that fits, and what it means."""

    value: str
    about: str = ""


class Argument(Record):
    """An option (``names`` begin with a hyphen) or a positional of a command, as its module declares it.

    ``named`` are the words that its metavar lists (``start|stop``): some commands check them by themselves.
    """

    names: tuple[str, ...]
    dest: str
    takes_value: bool
    repeats: bool
    choices: tuple[str, ...]
    named: tuple[str, ...]
    about: str


class Typed(Record):
    """The line before the word being typed: program, command, and the values given so far by dest."""

    program: str
    command: str
    given: dict[str, list[str]]
    current: str
