"""Options of every ``bd`` command; kept apart from the workspace, which is costly to import and not always needed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_globals(parser: ArgumentParser) -> None:
    """Add the options of every ``bd`` command."""
    group = parser.add_argument_group("common options")
    group.add_argument("--json", action="store_true", help="print JSON")
    group.add_argument("--actor", default="", help="act under this name")
    group.add_argument("-C", "--directory", default="", metavar="DIR", help="run as if started in DIR")
    group.add_argument("--readonly", action="store_true", help="refuse to write")
    group.add_argument("-q", "--quiet", action="store_true", help="print less")
    group.add_argument("-v", "--verbose", action="store_true", help="print more")
