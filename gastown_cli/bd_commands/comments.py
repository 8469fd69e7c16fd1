"""``bd comments``: list and add comments."""

from __future__ import annotations

import sys

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import age, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.clock import parse_moment
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd comments``."""
    parser.add_argument("id", help="bead")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List the comments of a bead."""
    space = Workspace(args)
    bead = space.get(args.id)
    if space.as_json:
        say_array([{**comment, "issue_id": bead.id} for comment in bead.comments])
        return 0
    if not bead.comments:
        say(f"{bead.id} has no comments")
    for comment in bead.comments:
        when = age(parse_moment(comment.get("created_at")) or 0.0, space.now())
        say(f"{style(clean(str(comment.get('author', ''))), 'cyan')} {style(when, 'dim')}")
        for line in str(comment.get("text", "")).splitlines():
            say(f"  {clean(line)}")
    return 0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd comments add``."""
    parser.add_argument("id", help="bead")
    parser.add_argument("text", nargs="*", help="text of the comment")
    parser.add_argument("-f", "--file", default="", metavar="FILE", help="read the text from a file")
    parser.add_argument("--stdin", action="store_true", help="read the text from stdin")
    parser.add_argument("-a", "--author", default="", help="author (default: you)")
    add_globals(parser)


def run_add(args: Namespace) -> int:
    """Add a comment to a bead."""
    args.actor = args.author or args.actor
    space = Workspace(args)
    text = _text(args)
    bead = space.change(args.id, lambda batch, bead_id: batch.comment(bead_id, text))
    if space.as_json:
        say_object(bead.comments[-1])
    elif not space.quiet:
        say(f"commented on {clean(bead.id)}")
    return 0


def _text(args: Namespace) -> str:
    if args.stdin:
        return sys.stdin.read().strip()
    if not args.file:
        return " ".join(args.text)
    try:
        with open(args.file, encoding="utf-8") as handle:
            return handle.read().strip()
    except OSError as error:
        raise NotFoundError(f"cannot read {args.file}", error.strerror or str(error)) from error
