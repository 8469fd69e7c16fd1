"""``bd merge-driver BASE OURS THEIRS``: git calls this to merge ``issues.jsonl``; the result goes into OURS."""

from __future__ import annotations

from gastown_cli.output import note
from gastown_core.beads.merge_driver import merge_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The three files, as git gives them with %O %A %B."""
    parser.add_argument("base", help="the common ancestor")
    parser.add_argument("ours", help="our side; the result is written here")
    parser.add_argument("theirs", help="their side")
    parser.add_argument("--json", action="store_true", help="taken as everywhere")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing")


def run(args: Namespace) -> int:
    """Merge them; never leaves a conflict."""
    report = merge_files(args.base, args.ours, args.theirs)
    for sentence in () if args.quiet else report.sentences():
        note(f"beads: {sentence}")
    return 0
