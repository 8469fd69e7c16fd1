"""``gt convoy refresh``: a stuck convoy read anew, mended and fed."""

from __future__ import annotations

from gastown_cli import context, output, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.work.convoy.refresh import Refreshed


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt convoy refresh``."""
    parser.add_argument("convoy", nargs="?", default="", help="its id (default: the one touched last)")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Refresh it; 3 if something ready could not be started."""
    from gastown_cli.commands.convoy_show import find_convoy
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.refresh import refresh

    root = context.town()
    ledger = TownLedger(root)
    convoy = find_convoy(ledger, args.convoy)
    done = refresh(root, ledger, convoy.bead.id, actor=who.acting(root))
    if args.json:
        output.say_json(done.as_json())
    else:
        output.say("\n".join(_lines(done)))
    return 3 if any(not one.ok for one in done.fed) else 0


def _lines(done: Refreshed) -> list[str]:
    from gastown_cli.convoy_text import bar, dispatch_lines, progress_words

    before, after = done.before.progress, done.after.progress
    bead = done.after.bead
    lines = [f"{output.style(bead.id, 'bold')} {output.clean(bead.title)} [{bead.status}]"]
    lines.append(f"  before  {bar(before)} {progress_words(before)}")
    lines.append(f"  after   {bar(after)} {progress_words(after)}")
    lines += [f"  {output.style('✓', 'green')} mended the link to {one}" for one in done.repaired]
    lines += [f"  {output.style('✓', 'green')} {one} is ready again: its worker was gone" for one in done.released]
    lines += dispatch_lines(done.fed)
    if done.landed:
        lines.append(f"  {output.style('🚚', 'bold')} complete: it has landed")
    if done.waiting:
        why = done.full or "gt scheduler explain tells in which order they go"
        lines.append(f"  ○ {done.waiting} ready, not started: {why}")
    lines += [f"  · {bead_id} {output.clean(hold.text)}" for bead_id, hold in done.held]
    if len(lines) == 3 and not done.after.members:
        lines.append(f"  it is empty: gt convoy add {bead.id} BEAD…")
    elif len(lines) == 3:
        lines.append("  nothing had to be mended")
    return lines
