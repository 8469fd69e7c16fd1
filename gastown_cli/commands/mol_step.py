"""``gt mol step``: close a step, wait for events, and emit them."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_cli.commands import mol
from gastown_core.errors import UsageError
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.advance import StepDone
    from gastown_core.molecules.waiting import Patience, Waited
VERBS = ("done", "await-signal", "await-event", "emit-event")


def step_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol step``."""
    parser.add_argument("verb", choices=VERBS, help="what to do")
    parser.add_argument(
        "step", nargs="?", default="", help="done: step id, or step name in your molecule (default: the current step)"
    )
    parser.add_argument("-o", "--output", default="", metavar="JSON", help="done: output of the step; - reads stdin")
    parser.add_argument("-r", "--reason", default="", help="done: close reason")
    parser.add_argument("-f", "--force", action="store_true", help="done: even if the step is blocked")
    parser.add_argument("-n", "--dry-run", action="store_true", help="done: show what would come next; change nothing")

    add_waiting(parser)
    context.add_json(parser)


def run_step(args: Namespace) -> int:
    """Close a step, wait for an event, or emit one."""
    if args.verb != "done":
        return perform(args, args.verb)
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
    """Return the step's id or name, and the molecule that a bare name belongs to."""
    from gastown_core.molecules.steps import progress_of

    if text and "." in text and ledger.home_of(text.partition(".")[0]) is not None:
        return text, ""
    home, molecule = mol.named_molecule(root, ledger, "")
    if text:
        return text, molecule
    current = progress_of(home, molecule).current
    if current is None:
        raise UsageError("no step is in progress", "", "gt mol current shows what blocks the molecule")
    return current.id, molecule


def _read_output(text: str) -> object:
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
    words = "closed" if done.closed else "is already closed"
    output.say(f"{mark} {output.clean(done.step)} {words}  ({done.completed} of {done.total})")
    for note in done.notes:
        output.say(f"  note: {output.clean(note)}")
    if done.round:
        output.say(f"  its condition is not met yet: round {done.round} starts")
    if done.spawned:
        output.say(f"  added steps: {output.clean(', '.join(done.spawned))}")
    if done.next is None:
        output.say(_last_words(done))
        return
    bead = ledger.get(done.molecule)
    told = checklist_for(root, ledger, bead) if bead is not None else None
    if told is not None:
        for line in told.now_lines():
            output.say(output.clean(line))
    for other in done.others:
        output.say(f"also ready: {output.clean(other.id)}  {output.clean(other.title)}")


def _last_words(done: StepDone) -> str:
    if done.action == "done":
        return "All steps are done." + (" Next: gt done" if done.bead else "")
    return f"No step is ready; gt mol current {output.clean(done.molecule)} shows what blocks the rest."


def add_waiting(parser: ArgumentParser) -> None:
    """Add the options for waiting and for events."""
    group = parser.add_argument_group("waiting and events")
    group.add_argument("--timeout", default="60s", metavar="SPAN", help="longest time to wait (default 60s)")
    group.add_argument(
        "--backoff-base", default="", metavar="SPAN", help="start with this timeout and grow it while nothing happens"
    )
    group.add_argument("--backoff-mult", type=float, default=2.0, metavar="N", help="factor to grow by (default 2)")
    group.add_argument("--backoff-max", default="", metavar="SPAN", help="longest timeout to grow to")
    group.add_argument(
        "--agent-bead", default="", metavar="ID", help="agent that waits; its bead stores the number of idle rounds"
    )
    group.add_argument("--channel", default="", help="channel to wait on or emit to")
    group.add_argument("--cleanup", action="store_true", help="remove events once they are read")
    group.add_argument("--type", default="", help="emit-event: event type")
    group.add_argument(
        "--payload", action="append", default=[], metavar="K=V", help="emit-event: payload field (repeatable)"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def await_signal_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt mol await-signal``."""
    add_waiting(parser)
    context.add_json(parser)


def run_await_signal(args: Namespace) -> int:
    """Wait for the next event in the town."""
    return perform(args, "await-signal")


def perform(args: Namespace, verb: str) -> int:
    """Wait or emit, as ``verb`` says; a wait that times out also returns 0."""
    if verb == "emit-event":
        return _emit(args)
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.molecules.waiting import await_event, await_signal

    root, patience = context.town(), _patience(args)
    ledger, actor = TownLedger(root), who.acting(root)
    if verb == "await-signal":
        waited = await_signal(root, patience, ledger=ledger, agent_bead=args.agent_bead, actor=actor)
    elif args.channel:
        waited = await_event(
            root,
            args.channel,
            patience,
            cleanup=args.cleanup,
            ledger=ledger,
            agent_bead=args.agent_bead,
            actor=actor,
        )
    else:
        raise UsageError("await-event needs --channel", "", "for example --channel refinery")
    return _show(args, waited)


def _patience(args: Namespace) -> Patience:
    from gastown_core.molecules.waiting import Patience

    return Patience(_seconds(args.timeout), _seconds(args.backoff_base), args.backoff_mult, _seconds(args.backoff_max))


def _seconds(text: str) -> float:
    from gastown_core.clock import parse_duration

    span = parse_duration(text) if text else 0.0
    if span is None:
        raise UsageError(f"invalid time span {text!r}", "", "for example 30s or 5m")
    return span


def _show(args: Namespace, waited: Waited) -> int:
    if args.json:
        output.say_json(waited.as_json())
    elif not args.quiet:
        for one in waited.found:
            output.say(output.clean(f"{one['type']}  {one.get('actor', '')}  {one['payload'] or ''}".rstrip()))
        if not waited.found:
            output.say(f"no event within {waited.elapsed_s:.0f} s")
    return 0


def _emit(args: Namespace) -> int:
    from gastown_core.events.channels import emit

    if not args.channel or not args.type:
        raise UsageError("emit-event needs --channel and --type")
    payload = {}
    for word in args.payload:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"invalid --payload {word}", "", "use --payload KEY=VALUE")
        payload[key] = value
    path = emit(context.town(), args.channel, args.type, payload)
    if args.json:
        output.say_json({"path": path, "channel": args.channel, "type": args.type, "payload": payload})
    elif not args.quiet:
        output.say(output.clean(path))
    return 0
