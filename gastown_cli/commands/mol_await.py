"""``gt mol await-signal`` and its kin: wait until something happens, or tell others that it did."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.molecules.waiting import Patience, Waited


def add_waiting(parser: ArgumentParser) -> None:
    """The options of waiting and of wake-ups."""
    group = parser.add_argument_group("waiting and waking")
    group.add_argument("--timeout", default="60s", metavar="SPAN", help="how long at most (default 60s)")
    group.add_argument(
        "--backoff-base", default="", metavar="SPAN", help="begin with this and grow while nothing comes"
    )
    group.add_argument("--backoff-mult", type=float, default=2.0, metavar="N", help="by this factor (default 2)")
    group.add_argument("--backoff-max", default="", metavar="SPAN", help="up to this")
    group.add_argument("--agent-bead", default="", metavar="ID", help="the agent that waits; its bead keeps the count")
    group.add_argument("--channel", default="", help="whose wake-ups")
    group.add_argument("--cleanup", action="store_true", help="take the wake-ups away")
    group.add_argument("--type", default="", help="emit-event: its type")
    group.add_argument("--payload", action="append", default=[], metavar="K=V", help="emit-event: what it says")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt mol await-signal``."""
    add_waiting(parser)
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Wait for the next event."""
    return perform(args, "await-signal")


def perform(args: Namespace, verb: str) -> int:
    """Wait or emit, as ``verb`` says; a wait ends with success either way."""
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
        raise UsageError(f"{text!r} is no span of time", "", "for example 30s or 5m")
    return span


def _show(args: Namespace, waited: Waited) -> int:
    if args.json:
        output.say_json(waited.as_json())
    elif not args.quiet:
        for one in waited.found:
            output.say(output.clean(f"{one['type']}  {one.get('actor', '')}  {one['payload'] or ''}".rstrip()))
        if not waited.found:
            output.say(f"nothing for {waited.elapsed_s:.0f} s")
    return 0


def _emit(args: Namespace) -> int:
    from gastown_core.events.channels import emit

    if not args.channel or not args.type:
        raise UsageError("emit-event needs --channel and --type")
    payload = {}
    for word in args.payload:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--payload {word} is no pair", "", "--payload KEY=VALUE")
        payload[key] = value
    path = emit(context.town(), args.channel, args.type, payload)
    if args.json:
        output.say_json({"path": path, "channel": args.channel, "type": args.type, "payload": payload})
    elif not args.quiet:
        output.say(output.clean(path))
    return 0
