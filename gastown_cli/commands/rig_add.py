"""``gt rig add``: take a repository into the town."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt rig add``."""
    parser.add_argument("name", help="name of the rig: letters, digits, _")
    parser.add_argument("url", help="https, ssh or file URL, user@host:path, or a folder")
    parser.add_argument("--prefix", default="", help="prefix of its bead ids (default: from the name)")
    parser.add_argument("--branch", default="", help="default branch (default: the remote's)")
    parser.add_argument("--push-url", default="", help="the repository that merges go to and work goes on from")
    parser.add_argument(
        "--mirror", action="store_true", help="push to a bare mirror of the folder, which shows it the merges"
    )
    parser.add_argument("--upstream-url", default="", help="the repository it was forked from")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Clone it with progress on a terminal."""
    from gastown_core.town.rigs import add_rig

    root = context.town()
    progress = progress_line if sys.stderr.isatty() else lambda line: None
    rig = add_rig(
        root,
        args.name,
        args.url,
        prefix=args.prefix,
        branch=args.branch,
        push_url=args.push_url,
        upstream_url=args.upstream_url,
        mirror=args.mirror,
        actor=who.acting(root),
        progress=progress,
    )
    if sys.stderr.isatty():
        progress_line("")
    if args.json:
        output.say_json(rig._asdict())
        return 0
    output.say(f"{output.style('✓', 'green')} rig {rig.name} on {output.clean(rig.branch)}, beads {rig.prefix}-…")
    for warning in rig.warnings:
        output.note(f"note: {output.clean(warning)}")
    output.say(f"  next: gt crew add YOU --rig {rig.name}, or bd create in {rig.path}")
    return 0


def progress_line(line: str) -> None:
    """Show git's progress in one line that the next one overwrites."""
    sys.stderr.write("\r\x1b[K" + output.shorten(output.clean(line), 78))
    sys.stderr.flush()
