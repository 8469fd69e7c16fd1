"""``gt convoy show``: one bundle with its members, and what those wait for that nobody works on."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.snapshot import MemberView
    from gastown_core.work.convoy.convoys import Convoy


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt convoy show``."""
    parser.add_argument(
        "convoy", nargs="?", default="", help="its id, or its number in gt convoy list (default: the one touched last)"
    )
    parser.add_argument("--landing", action="store_true", help="how far each member came, proved by git")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show it."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.convoys import as_json
    from gastown_core.work.convoy.refresh import holds_of

    root = context.town()
    ledger = TownLedger(root)
    convoy = find_convoy(ledger, args.convoy)
    if args.landing:
        return _landing(root, convoy.bead.id, as_json=args.json)
    # who lives is another command's question (gt agents, gt convoy refresh): it would cost a look at tmux
    is_at_work = convoy.bead.status != "closed"
    holds = dict(holds_of(root, ledger, convoy, live=None)) if is_at_work else {}
    if args.json:
        running = ledger.excerpts(bead_id for bead_id, one in convoy.members if one is not None and "/" in one.assignee)
        now = SYSTEM_CLOCK.now()
        ages = {one.id: now - one.updated_at for one in running.values() if one.status in ("hooked", "in_progress")}
        output.say_json(as_json(convoy, holds, ages))
        return 0
    from gastown_cli.convoy_text import detail_lines

    output.say("\n".join(detail_lines(convoy, holds)))
    return 0


def _landing(root: str, convoy_id: str, *, as_json: bool) -> int:
    """The landing strip of every member: what is proved, and where ledger and git contradict each other."""
    from gastown_core.model.landing import LandingStrip
    from gastown_core.state.collect import collect

    view = collect(root, fast=True, landings=True).convoy(convoy_id)
    if view is None:
        raise NotFoundError(f"{convoy_id} closed long ago", "strips are kept for a day after that", "gt convoy show")
    if as_json:
        rows = []
        for member in view.members:
            strip = member.landing or LandingStrip(())
            steps = {step.name: {"state": step.state, "how": step.how} for step in strip.steps}
            rows.append({"id": member.bead_id, "steps": steps, "fault": strip.fault, "why": strip.why})
        output.say_json({"id": view.id, "title": view.title, "members": rows, "faults": len(view.faults)})
        return 0
    output.say(
        f"{view.id} {output.clean(view.title)}  {view.done} landed, {view.in_review} in review, {view.total} in all"
    )
    lines = [_strip_row(member) for member in view.members]
    if lines:
        output.say(output.table(lines))
    return 0


def _strip_row(member: MemberView) -> list[str]:
    from gastown_core.model.landing import STEPS

    strip = member.landing
    if strip is None:
        return [member.bead_id, *(f"· {name}" for name in STEPS), f"not begun: {member.stage}"]
    marks = [f"{_MARKS[step.state]} {step.name}" for step in strip.steps]
    telling = next((step for step in strip.steps if step.state != "yes" and step.how), strip.steps[-1])
    return [member.bead_id, *marks, output.clean(strip.fault or telling.how)]


_MARKS = {"yes": "✓", "no": "·", "now": "●", "failed": "✗", "skipped": "-", "unknown": "?"}


def find_convoy(ledger: TownLedger, text: str) -> Convoy:
    """The convoy that ``text`` names: an id, a part of one, a number of the list, or nothing at all."""
    from gastown_core.work.convoy.convoys import current_convoy, get_convoy, list_rows

    if text.isdigit() and len(text) < 4:
        from gastown_cli.commands.convoy_list import SHOWN

        rows = list_rows(ledger, statuses=SHOWN)
        if not 1 <= int(text) <= len(rows):
            known = f"gt convoy list has {len(rows)} row{'' if len(rows) == 1 else 's'}"
            raise NotFoundError(f"there is no convoy {text}", known, "gt convoy list shows the numbers")
        return get_convoy(ledger, rows[int(text) - 1].id)
    if text:
        return get_convoy(ledger, text)
    current = current_convoy(ledger)
    if current is None:
        raise NotFoundError("there is no convoy yet", "", "gt convoy create NAME BEAD… makes one")
    return current
