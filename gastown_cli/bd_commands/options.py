"""The options that every ``bd`` command has; apart from the workspace, which is dear to import and not always needed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_globals(parser: ArgumentParser) -> None:
    """The options that every ``bd`` command has."""
    group = parser.add_argument_group("everywhere")
    group.add_argument("--json", action="store_true", help="print JSON")
    group.add_argument("--actor", default="", help="act in this name")
    group.add_argument("-C", "--directory", default="", metavar="DIR", help="run as if started there")
    group.add_argument("--readonly", action="store_true", help="refuse to write")
    group.add_argument("-q", "--quiet", action="store_true", help="say less")
    group.add_argument("-v", "--verbose", action="store_true", help="say more")
