"""``gt activity emit``: put an event into the town's log."""

from __future__ import annotations

import json

from gastown_cli import context, output, who
from gastown_core.errors import StoreError, UsageError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

TEXTS = ("rig", "polecat", "target", "reason", "message", "status", "issue", "to")
NEEDED = {
    "patrol_started": ("rig",),
    "patrol_complete": ("rig",),
    "polecat_checked": ("rig", "polecat"),
    "polecat_nudged": ("rig", "polecat"),
    "escalation_sent": ("rig", "target", "to"),
}


def add_arguments(parser: ArgumentParser) -> None:
    """Words and options of ``gt activity``."""
    parser.add_argument("action", choices=("emit",))
    parser.add_argument("type", help="its type, for example patrol_complete")
    parser.add_argument("--actor", default="", help="who did it (default: you)")
    for name in TEXTS:
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--count", type=int, default=0)
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Append it and show what was written."""
    root = context.town()
    if not args.type.replace("_", "").replace("-", "").isalnum():
        raise UsageError(f"{args.type!r} is no event type", "", "letters, digits and _ are allowed")
    payload = {name: getattr(args, name) for name in TEXTS if getattr(args, name)}
    if args.count > 0:
        payload["polecat_count" if args.type.startswith("patrol_") else "count"] = args.count
    missing = [f"--{name}" for name in NEEDED.get(args.type, ()) if not payload.get(name)]
    if missing:
        raise UsageError(f"{args.type} needs {' and '.join(missing)}")
    if args.type == "polecat_checked":
        payload.setdefault("status", "checked")
    actor = args.actor or who.acting(root)
    if not append_event(root, args.type, actor, payload):
        raise StoreError("the event could not be written", "the log is locked or the disk is full")
    if args.json:
        output.say_json({"type": args.type, "actor": actor, "payload": payload})
    else:
        shown = output.clean(json.dumps(payload, ensure_ascii=False))
        output.say(f"{output.style('✓', 'green')} {args.type} by {output.clean(actor)} {shown}")
    return 0
