"""``gt mol step``: a step is done and the next is taken; wait for a signal or an event; emit one."""

from __future__ import annotations

from gastown_cli import agent_molecule, context, output, who
from gastown_core.errors import UsageError
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.advance import StepDone

VERBS = ("done", "await-signal", "await-event", "emit-event")


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, and to which step."""
    parser.add_argument("verb", choices=VERBS, help="what to do")
    parser.add_argument(
        "step", nargs="?", default="", help="done: its id, or its name in your molecule (default: current)"
    )
    parser.add_argument("-o", "--output", default="", metavar="JSON", help="done: what the step put out; - reads stdin")
    parser.add_argument("-r", "--reason", default="", help="done: words to close it with")
    parser.add_argument("-f", "--force", action="store_true", help="done: although it still waits for something")
    parser.add_argument("-n", "--dry-run", action="store_true", help="done: say what would come next, change nothing")
    from gastown_cli.commands.mol_await import add_waiting

    add_waiting(parser)
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Do it."""
    if args.verb != "done":
        from gastown_cli.commands import mol_await

        return mol_await.perform(args, args.verb)
    return _done(args)


def _done(args: Namespace) -> int:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.advance import step_done

    root = context.town()
    ledger = TownLedger(root)
    step, molecule = _which(root, ledger, args.step)
    if args.dry_run:
        return _foretell(ledger, step, molecule, who.acting(root), as_json=args.json)
    done = step_done(
        root,
        ledger,
        step,
        actor=who.acting(root),
        molecule=molecule,
        output=_read_output(args.output),
        reason=args.reason,
        force=args.force,
    )
    if args.json:
        output.say_json(done.as_json())
    else:
        _say(root, ledger, done)
    return 0


def _which(root: str, ledger: TownLedger, text: str) -> tuple[str, str]:
    """The step's id or name, and the molecule that a bare name belongs to."""
    from gastown_core.molecules.steps import progress_of

    if text and "." in text and ledger.home_of(text.partition(".")[0]) is not None:
        return text, ""
    molecule = agent_molecule.named_molecule(root, ledger, "")
    if text:
        return text, molecule
    home = ledger.home_of(molecule)
    current = progress_of(home, molecule).current if home is not None else None
    if current is None:
        raise UsageError("no step is in progress", "", "gt mol current shows what the molecule waits for")
    return current.id, molecule


def _read_output(text: str) -> Any:
    import sys

    if not text:
        return None
    try:
        return decode_json(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise UsageError("--output is not JSON", str(error), "for example --output '{\"score\": 3}'") from error


def _foretell(ledger: TownLedger, step: str, molecule: str, actor: str, *, as_json: bool) -> int:
    from gastown_core.molecules.advance import find_step, foretell

    told = foretell(find_step(ledger, step, molecule=molecule), actor)
    if as_json:
        output.say_json({**told.as_json(), "dry_run": True})
    else:
        following = told.next.id if told.next is not None else "nothing"
        output.say(f"would close {output.clean(told.step)}; then: {told.action}, {output.clean(following)}")
    return 0


def _say(root: str, ledger: TownLedger, done: StepDone) -> None:
    from gastown_core.molecules.attachment import checklist_for

    mark = output.style("✓", "green")
    words = "closed" if done.closed else "was closed already"
    output.say(f"{mark} {output.clean(done.step)} {words}  ({done.completed} of {done.total})")
    for note in done.notes:
        output.say(f"  note: {output.clean(note)}")
    if done.round:
        output.say(f"  its condition is not true yet: round {done.round} begins")
    if done.spawned:
        output.say(f"  poured for it: {output.clean(', '.join(done.spawned))}")
    if done.next is None:
        output.say(_last_words(done))
        return
    bead = ledger.get(done.molecule)
    told = checklist_for(root, ledger, bead) if bead is not None else None
    if told is not None:
        for line in told.now_lines():
            output.say(output.clean(line))
    for other in done.others:
        output.say(f"beside it: {output.clean(other.id)}  {output.clean(other.title)}")


def _last_words(done: StepDone) -> str:
    if done.action == "done":
        return "Every step is done." + (" Hand in with gt done." if done.bead else "")
    return f"Nothing is ready: what is left waits. gt mol current {output.clean(done.molecule)} shows for what."
