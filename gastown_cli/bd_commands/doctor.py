"""``bd doctor``: look for what is wrong with the store, and mend it with --fix."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.beads.doctor import CHECKS, examine, mend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def add_arguments(parser: ArgumentParser) -> None:
    """Which checks, and whether to mend."""
    parser.add_argument("--fix", action="store_true", help="mend what can be mended without losing anything")
    parser.add_argument("--yes", "-y", action="store_true", help="taken for compatibility")
    parser.add_argument("--deep", action="store_true", help="taken for compatibility: all checks always run")
    parser.add_argument("--check", action="append", default=[], metavar="NAME", help=f"only these: {', '.join(CHECKS)}")
    parser.add_argument("--agent", action="store_true", help="taken for compatibility")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Show the findings; exit 1 if an error is left."""
    space = Workspace(args, whatever_it_holds=True)
    mended = mend(space.store, space.actor) if args.fix else []
    findings = examine(space.store, only=tuple(args.check))
    worst = any(finding.level == "error" for finding in findings)
    if space.as_json:
        rows = [finding._asdict() for finding in findings]
        say_object({"ok": not worst, "checks": rows, "fixed": mended})
        return 1 if worst else 0
    for what in mended:
        say(f"{style('mended', 'green')} {clean(what)}")
    for finding in findings:
        sign, colour = _SIGNS[finding.level]
        say(f"{style(sign, colour)} {finding.name.ljust(17)} {clean(finding.message)}")
        for line in finding.details[: 100 if args.verbose else 5]:
            say(style(f"    {clean(line)}", "dim"))
        if finding.hint:
            say(style(f"    next: {clean(finding.hint)}", "dim"))
    return 1 if worst else 0
