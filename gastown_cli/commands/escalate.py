"""``gt escalate``: raise an escalation, and list, show, acknowledge, forward, close and re-raise escalations."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_age, format_seconds
from gastown_core.messaging import escalation, escalation_upkeep
from gastown_core.messaging.escalation import FORWARD, Escalation
from gastown_core.model.bead import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.messaging.escalation import Raised
    from gastown_core.messaging.outward import Delivery

TONES = {"critical": ("red", "bold"), "high": ("red",), "medium": ("yellow",), "low": ("dim",)}


def raise_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt escalate``."""
    parser.add_argument("text", nargs="*", help="what is wrong, in a line")
    parser.add_argument("-s", "--severity", default="medium", help="critical, high, medium (default), low; or P0 to P3")
    parser.add_argument("-r", "--reason", default="", help="details")
    parser.add_argument("-m", "--message", dest="reason", default="", help="the same as --reason")
    parser.add_argument("--stdin", action="store_true", help="read the details from standard input")
    parser.add_argument("--source", default="", help="who found it, such as plugin:NAME or patrol:witness")
    parser.add_argument("--related", default="", help="bead that it is about")
    parser.add_argument("--to", default="", help=f"also send it to: {', '.join(FORWARD)}")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the routes; raise nothing")
    context.add_json(parser)


def run_raise(args: Namespace) -> int:
    """Raise an escalation, or count up the open one that says the same."""
    root = context.town()
    severity = escalation.severity_of(args.severity)
    reason = sys.stdin.read() if args.stdin else args.reason
    text = " ".join(args.text)
    if args.dry_run:
        return _preview(root, severity, text, as_json=args.json)
    ledger = _ledger(root)
    raised = escalation.escalate(
        root,
        ledger,
        severity,
        text,
        sender=who.acting(root),
        reason=reason,
        about=args.related,
        source=args.source,
        to=args.to,
    )
    sent = escalation_upkeep.send_out(root, ledger, actor=who.acting(root), only=raised.id).get(raised.id, [])
    rows = [*raised.deliveries, *sent]
    if args.json:
        output.say_json(_raised_json(raised, args.source, rows))
        return 0
    if not raised.is_new:
        output.say(f"{output.style('✓', 'green')} {raised.id} is open already, {raised.severity}; counted up")
    else:
        output.say(f"{output.style('✓', 'green')} escalated as {raised.id}  {raised.severity}")
    for row in rows[1:]:
        problem = row.error or row.warning
        words = f"  {row.channel} {row.target}".rstrip()
        output.say(output.clean(words + (f": {problem}" if problem else "")))
    return 0


def _ledger(root: str) -> TownLedger:
    from gastown_core.beads.ledger import TownLedger

    return TownLedger(root)


def _preview(root: str, severity: str, text: str, *, as_json: bool) -> int:
    from gastown_core.messaging.escalation_routes import load_routes

    routes = load_routes(root)
    if as_json:
        actions = list(routes.actions[severity])
        output.say_json({"severity": severity, "title": text, "actions": actions, "targets": routes.mail(severity)})
        return 0
    output.say(f"would escalate as {severity}: {output.clean(text)}")
    output.say(output.clean(f"  routes: {', '.join(routes.actions[severity])}"))
    return 0


def _raised_json(raised: Raised, source: str, rows: list[Delivery]) -> dict[str, object]:
    delivery: list[dict[str, object]] = []
    for row in rows:
        told: dict[str, object] = {"channel": row.channel}
        if row.channel == "bead":
            told["created"] = raised.is_new
        elif row.target:
            told["target"] = row.target
        if row.channel == "mail":
            told["persisted"] = not row.error
        told |= {key: text for key, text in (("error", row.error), ("warning", row.warning)) if text}
        delivery.append(told)
    failed = any(row.error for row in rows)
    return {
        "id": raised.id,
        "severity": raised.severity,
        **({"source": source} if source else {}),
        "new": raised.is_new,
        "targets": [row.target for row in rows if row.channel == "mail"],
        "delivery": delivery,
        "status": "partial_failure" if failed else "ok",
    }


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt escalate list``."""
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--severity", default="", help="only this severity")
    parser.add_argument("--stale", action="store_true", help="only those that nobody has answered in time")
    parser.add_argument("--unacked", action="store_true", help="only those that nobody has taken on")
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List escalations, the most urgent first."""
    root = context.town()
    ledger = _ledger(root)
    found = escalation.open_escalations(ledger, all_of_them=args.all)
    if args.severity:
        wanted = escalation.severity_of(args.severity)
        found = [one for one in found if one.severity == wanted]
    if args.unacked:
        found = [one for one in found if not one.is_acked and one.status != CLOSED]
    if args.stale:
        late = {rise.id for rise in escalation_upkeep.unanswered(root, ledger, SYSTEM_CLOCK.now())}
        found = [one for one in found if one.id in late]
    return _print_list(found, as_json=args.json)


def _print_list(found: list[Escalation], *, as_json: bool) -> int:
    if as_json:
        output.say_json([one.as_json() for one in found])
        return 0
    if not found:
        output.say("no escalations")
        return 0
    now = SYSTEM_CLOCK.now()
    rows = [
        [
            output.style(one.severity, *TONES[one.severity]),
            one.id,
            "closed" if one.status == CLOSED else "acked" if one.is_acked else "open",
            output.shorten(output.clean(one.title), 60) + (f"  ×{one.times}" if one.times > 1 else ""),
            output.clean(one.raised_by),
            format_age(max(0.0, now - one.raised_at)),
        ]
        for one in found
    ]
    output.say(output.table(rows, header=("SEVERITY", "ID", "STATE", "TITLE", "FROM", "AGE")))
    return 0


def _one_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", help="id of the escalation")
    context.add_json(parser)


show_arguments = _one_arguments


def run_show(args: Namespace) -> int:
    """Show one escalation with its comments."""
    bead = escalation.get_escalation(_ledger(context.town()), args.id)
    one = escalation.escalation_of(bead)
    if args.json:
        output.say_json(one.as_json())
        return 0
    output.say(f"{output.style(one.severity, *TONES[one.severity])}  {one.id}  {output.clean(one.title)}")
    rows = {
        "status": one.status,
        "raised": f"{format_seconds(one.raised_at)} by {one.raised_by or 'unknown'}"
        + f", {one.times}×" * (one.times > 1),
        "source": one.source,
        "about": one.related,
        "reason": one.reason,
        "taken on": f"{format_seconds(one.acked_at)} by {one.acked_by}" if one.is_acked else "",
        "raised up": f"{one.reescalations}×" if one.reescalations else "",
        "closed": f"by {one.closed_by}: {one.closed_reason}" if one.closed_by else "",
    }
    for label, value in rows.items():
        if value:
            output.say(f"  {label:<10}{output.clean(value)}")
    for note in bead.comments:
        output.say(f"  {output.clean(str(note.get('author') or ''))}: {output.clean(str(note.get('text') or ''))}")
    return 0


def ack_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt escalate ack``."""
    _one_arguments(parser)
    parser.add_argument("--note", default="", help="comment to add")


def run_ack(args: Namespace) -> int:
    """Take an escalation on; its severity is no longer raised."""
    root = context.town()
    ledger = _ledger(root)
    bead = escalation.get_escalation(ledger, args.id)
    done = escalation_upkeep.acknowledge(root, ledger, bead, actor=who.acting(root), note=args.note)
    return _done(done, f"{done.id} is taken on by {done.acked_by}", as_json=args.json)


def forward_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt escalate forward``."""
    _one_arguments(parser)
    parser.add_argument("--to", required=True, choices=tuple(FORWARD), help="tier that gets it")
    parser.add_argument("--note", default="", help="comment to add")


def run_forward(args: Namespace) -> int:
    """Send an escalation to another tier."""
    root = context.town()
    ledger = _ledger(root)
    bead = escalation.get_escalation(ledger, args.id)
    escalation_upkeep.forward(root, ledger, bead, args.to, actor=who.acting(root), note=args.note)
    return _done(escalation.escalation_of(bead), f"{bead.id} is forwarded to {args.to}", as_json=args.json)


def close_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt escalate close``."""
    _one_arguments(parser)
    parser.add_argument("-r", "--reason", default="", help="why it is over (required)")


def run_close(args: Namespace) -> int:
    """Close an escalation with a reason."""
    root = context.town()
    ledger = _ledger(root)
    bead = escalation.get_escalation(ledger, args.id)
    escalation.close(root, ledger, bead, args.reason, actor=who.acting(root))
    done = escalation.escalation_of(escalation.get_escalation(ledger, bead.id))
    return _done(done, f"{bead.id} is closed", as_json=args.json)


def _done(one: Escalation, words: str, *, as_json: bool) -> int:
    if as_json:
        output.say_json(one.as_json())
    else:
        output.say(f"{output.style('✓', 'green')} {output.clean(words)}")
    return 0


def stale_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt escalate stale``."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would rise; change nothing")
    context.add_json(parser)


def run_stale(args: Namespace) -> int:
    """Raise escalations that were not answered in time by one severity; the daemon does so too."""
    root = context.town()
    ledger = _ledger(root)
    if args.dry_run:
        rises = escalation_upkeep.unanswered(root, ledger, SYSTEM_CLOCK.now())
    else:
        rises = escalation_upkeep.reescalate(root, ledger, actor=who.acting(root))
        escalation_upkeep.send_out(root, ledger, actor=who.acting(root))
    if args.json:
        output.say_json([rise._asdict() for rise in rises])
        return 0
    for rise in rises:
        output.say(f"{rise.id}  {rise.before} → {rise.after}  {output.clean(rise.title)}")
    if not rises:
        output.say("every escalation is answered, or not due yet")
    return 0
