"""``gt convoy list``: the bundles and how far they are."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_age

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.convoys import Convoy, Progress


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy list``."""
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--status", default="", help="only this status")
    parser.add_argument("--tree", action="store_true", help="with their members")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List convoys, the newest first."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoys import as_json, list_convoys, list_rows

    statuses = () if args.all else (args.status or "open",)
    ledger = TownLedger(context.town())
    if args.json:
        output.say_json_rows([as_json(convoy) for convoy in list_convoys(ledger, statuses=statuses)])
        return 0
    if args.tree:
        output.say("\n\n".join("\n".join(detail_lines(one)) for one in list_convoys(ledger, statuses=statuses)))
        return 0
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            one.id,
            output.shorten(output.clean(one.title), 48),
            f"{one.progress.done}/{one.progress.total}",
            one.status,
            format_age(now - one.created_at),
        ]
        for one in list_rows(ledger, statuses=statuses)
    ]
    if rows:
        output.say(output.table(rows, header=("ID", "TITLE", "DONE", "STATUS", "AGE"), right=(2, 4)))
    else:
        output.say("no convoys" if args.all else "no open convoys; gt convoy create NAME BEAD… makes one")
    return 0


def bar(count: Progress, width: int = 20) -> str:
    """``████▒▒······`` done, in review, the rest."""
    total = max(count.total, 1)
    done = count.done * width // total
    review = (count.done + count.in_review) * width // total - done
    return "█" * done + "▒" * review + "·" * (width - done - review)


def detail_lines(convoy: Convoy) -> list[str]:
    """A convoy with its members, for people."""
    count, bead = convoy.progress, convoy.bead
    words = [f"{count.done} done", f"{count.in_review} in review", f"{count.running} running", f"{count.total} in all"]
    if count.missing:
        words.append(f"{count.missing} not found")
    lines = [f"{output.style(bead.id, 'bold')} {output.clean(bead.title)} [{bead.status}]"]
    fields = bead.fields
    owner, notify = fields.get("owner", ""), fields.get("notify", "")
    if owner or notify:
        told = f"tells {notify}" if notify else ""
        lines.append("  " + output.clean(", ".join(part for part in (f"owner {owner}" if owner else "", told) if part)))
    lines.append(f"  {bar(count)} {', '.join(words)}")
    for bead_id, member in convoy.members:
        if member is None:
            lines.append(f"  ? {bead_id} (not found in any ledger)")
            continue
        mark = {"closed": "✓", "in_review": "◐", "hooked": "●", "in_progress": "●"}.get(member.status, "○")
        worker = f"  {output.clean(member.assignee)}" if member.assignee else ""
        lines.append(f"  {mark} {bead_id} [{member.status}] {output.clean(member.title)}{worker}")
    return lines
