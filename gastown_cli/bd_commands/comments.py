"""``bd comments ID``: comments of a bead, oldest first."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import age, say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.clock import parse_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The id."""
    parser.add_argument("id", help="the bead")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show them."""
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
