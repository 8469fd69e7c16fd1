"""``gt activity`` and ``gt krc``: emit an event, and manage how long events are kept."""

from __future__ import annotations

import json
import os

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_span, parse_duration
from gastown_core.errors import StoreError, UsageError
from gastown_core.events.log import append_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any
TEXTS = ("rig", "polecat", "target", "reason", "message", "status", "issue", "to")
NEEDED = {
    "patrol_started": ("rig",),
    "patrol_complete": ("rig",),
    "polecat_checked": ("rig", "polecat"),
    "polecat_nudged": ("rig", "polecat"),
    "escalation_sent": ("rig", "target", "to"),
}


def activity_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt activity``."""
    parser.add_argument("action", choices=("emit",))
    parser.add_argument("type", help="event type, such as patrol_complete")
    parser.add_argument("--actor", default="", help="actor of the event (default: you)")
    for name in TEXTS:
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--count", type=int, default=0)
    context.add_json(parser)


def run_activity(args: Namespace) -> int:
    """Append the event and print it."""
    root = context.town()
    if not args.type.replace("_", "").replace("-", "").isalnum():
        raise UsageError(f"invalid event type {args.type!r}", "", "use letters, digits, - and _")
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
        raise StoreError("could not write the event", "the log is locked or the disk is full")
    if args.json:
        output.say_json({"type": args.type, "actor": actor, "payload": payload})
    else:
        shown = output.clean(json.dumps(payload, ensure_ascii=False))
        output.say(f"{output.style('✓', 'green')} {args.type} by {output.clean(actor)} {shown}")
    return 0


def krc_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt krc``."""
    parser.add_argument("what", choices=["stats", "prune", "config", "auto-prune-status"], help="what to show or do")
    parser.add_argument("words", nargs="*", metavar="WORD", help="config: set PATTERN TTL, or reset")
    parser.add_argument("--dry-run", action="store_true", help="prune: show what would be dropped; drop nothing")
    parser.add_argument("--auto", action="store_true", help="prune: only if pruning is due")
    context.add_json(parser)


def run_krc(args: Namespace) -> int:
    """Show statistics, prune, or show and change lifetimes."""
    root = context.town()
    if args.what != "config" and args.words:
        raise UsageError(f"unexpected arguments for gt krc {args.what}", " ".join(args.words))
    if args.what == "stats":
        return _stats(root, as_json=args.json)
    if args.what == "prune":
        return _prune(root, dry_run=args.dry_run, auto=args.auto, as_json=args.json)
    if args.what == "config":
        return _config(root, args.words, as_json=args.json)
    return _state(root, as_json=args.json)


def _stats(root: str, *, as_json: bool) -> int:
    from gastown_core.events.chronicle import stats

    value = stats(root, SYSTEM_CLOCK.now())
    if as_json:
        output.say_json(value)
        return 0
    log = value["events_file"]
    output.say(f"{log['event_count']} events, {log['size']} bytes; {value['feed_file']['event_count']} curated")
    output.say("by age: " + "  ".join(f"{name} {count}" for name, count in value["by_age"].items()))
    rows = [
        [output.shorten(output.clean(name), 48), one["ttl"], str(one["count"]), str(one["expired"])]
        for name, one in value["ttl_breakdown"].items()
    ]
    if rows:
        output.say(output.table(rows, header=("type", "kept", "events", "expired"), right=(1, 2, 3)))
    return 0


def _prune(root: str, *, dry_run: bool, auto: bool, as_json: bool) -> int:
    from gastown_core.events import chronicle
    from gastown_core.events.retention import prune

    now = SYSTEM_CLOCK.now()
    wait = chronicle.due_in(root, now)
    if auto and wait > 0:
        output.say_json([]) if as_json else output.say(f"not due for {format_span(wait)}")
        return 0
    done = prune(root, now, dry_run=True) if dry_run else chronicle.prune_and_note(root, now)
    if as_json:
        output.say_json([dict(zip(("file", "dropped", "kept", "freed"), one, strict=True)) for one in done])
        return 0
    for one in done:
        word = "would drop" if dry_run else "dropped"
        output.say(f"{os.path.basename(one.path)}: {word} {one.dropped}, kept {one.kept}, freed {one.freed} bytes")
    if not done:
        output.say("no event log yet")
    return 0


def _config(root: str, words: list[str], *, as_json: bool) -> int:
    from gastown_core.events import retention
    from gastown_core.events.chronicle import format_ttl

    if words[:1] == ["set"]:
        if len(words) != 3 or not parse_duration(words[2]):
            raise UsageError("set needs a pattern and a lifetime", "", "gt krc config set 'patrol_*' 2d")
        retention.set_ttl(root, words[1], words[2])
        if not as_json:
            output.say(f"✓ {output.clean(words[1])} events are kept for {words[2]}")
            return 0
        words = []
    if words == ["reset"]:
        retention.reset_rules(root)
        if not as_json:
            output.say("✓ all lifetimes reset to their defaults")
            return 0
        words = []
    if words:
        raise UsageError(f"unknown word {words[0]} for gt krc config", "", "use: set PATTERN TTL, or reset")
    rules = retention.read_rules(root)
    value: dict[str, Any] = {
        "default_ttl": format_ttl(rules.default_ttl_s),
        "prune_interval": format_ttl(rules.prune_interval_s),
        "min_retain_count": rules.min_retain_count,
        "ttls": {name: format_ttl(ttl) for name, ttl in rules.ttls.items()},
    }
    if as_json:
        output.say_json(value)
    else:
        ttls = value.pop("ttls")
        output.say(output.table([[output.clean(key), str(one)] for key, one in (value | ttls).items()]))
    return 0


def _state(root: str, *, as_json: bool) -> int:
    from gastown_core.events.chronicle import due_in, state_path
    from gastown_core.files.atomic import read_json

    state = read_json(state_path(root)) or {}
    if as_json:
        output.say_json(state)
    elif not state:
        output.say("not pruned yet")
    else:
        wait = due_in(root, SYSTEM_CLOCK.now())
        when = f"due in {format_span(wait)}" if wait > 0 else "due now"
        output.say(output.clean(f"last {state.get('last_prune_time')}: {state.get('last_result')}; {when}"))
    return 0
