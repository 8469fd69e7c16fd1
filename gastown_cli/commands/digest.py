"""``gt digest``: what happened since somebody last looked."""

from __future__ import annotations

import time

from gastown_cli import context, output
from gastown_core.attention import digest as state
from gastown_core.clock import SYSTEM_CLOCK, format_span
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.attention.digest import Digest, DigestRow

FIRST_S = 24 * 3600.0
"""How far back the first digest of a town goes."""
MOST_ROWS = 30
WORDS = 100
NAME = 48
TONES = {
    state.WAITS: "yellow",
    state.ESCALATED: "red",
    state.SENT_BACK: "yellow",
    state.DIED: "red",
    state.HELD: "yellow",
    state.LANDED: "green",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt digest``."""
    parser.add_argument(
        "--since",
        default="",
        metavar="WHEN",
        help="a time, a date, or a span such as 2h (default: your last look at the console or digest, else 24h)",
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a report or a message")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Print the digest; without ``--since``, note that it was read."""
    from gastown_core.state.collect import collect

    if args.json and args.markdown:
        raise UsageError("--json and --markdown exclude each other")
    root, now = context.town(), SYSTEM_CLOCK.now()
    since = context.moment_of(args.since) if args.since else state.last_look(root) or now - FIRST_S
    found = state.read_digest(root, since, collect(root), now)
    if args.json:
        output.say_json(found.as_json())
    elif args.markdown:
        output.say(_markdown(found))
    else:
        output.say(_text(found))
    if not args.since:
        lost = state.note_look(root, now)
        if lost:
            output.note(f"note: this look cannot be kept ({output.clean(lost)}); the next digest tells the same again")
    return 0


def _head(found: Digest) -> str:
    span = format_span(max(0.0, found.until - found.since))
    return f"Since {time.strftime('%a %H:%M', time.localtime(found.since))} ({span}): {found.summary}"


def _text(found: Digest) -> str:
    lines = [output.style(_head(found), "bold")]
    for section, title in state.SECTIONS.items():
        rows = found.of(section)
        if not rows:
            continue
        lines += ["", output.style(f"{title} ({len(rows)})", TONES[section])]
        table = [_cells(row) for row in rows[:MOST_ROWS]]
        lines += ["  " + line for line in output.table(table).splitlines()]
        if len(rows) > MOST_ROWS:
            lines.append(output.style(f"  and {len(rows) - MOST_ROWS} more: gt digest --json has all", "dim"))
    lines += ["", output.style(_foot(found), "dim")]
    return "\n".join(lines)


def _foot(found: Digest) -> str:
    cut = "; the log goes back further than was read" if found.is_cut else ""
    return f"{found.dispatched} slung, {found.handed_in} handed in{cut}"


def _cells(row: DigestRow) -> list[str]:
    at = time.strftime("%H:%M", time.localtime(row.at)) if row.at else ""
    times = f" ({row.times} times)" if row.times > 1 else ""
    return [
        at,
        output.shorten(output.clean(row.who), NAME),
        output.shorten(output.clean(row.bead), NAME),
        output.shorten(output.clean(row.words), WORDS) + times,
        output.clean(row.commit[:10]),
    ]


def _markdown(found: Digest) -> str:
    lines = [f"## {_head(found)}"]
    for section, title in state.SECTIONS.items():
        rows = found.of(section)
        if rows:
            lines += ["", f"### {title}", "", *(_item(row) for row in rows)]
    return "\n".join([*lines, "", _foot(found)])


def _item(row: DigestRow) -> str:
    """A list item; what others wrote is escaped, so that it is text and nothing else."""
    at, who, bead, words, commit = (_escaped(cell) for cell in _cells(row))
    parts = [at, f"**{who}**", bead, words, commit]
    return "- " + " ".join(part for part in parts if part)


def _escaped(text: str) -> str:
    return "".join("\\" + char if char in "\\`*_[]<>#|!" else char for char in text)
