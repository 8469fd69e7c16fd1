"""``gt prime``, ``gt whoami`` and ``gt heartbeat``: commands that agents run about themselves."""

from __future__ import annotations

import os
import sys

from gastown_cli import context, output, streams, who
from gastown_core.errors import UsageError
from gastown_core.files import spool
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry

CONTEXT = "GT_LOG_PRIME_CONTEXT"
"""The opt-in by which telemetry may tell the text of a briefing."""
COMPACTS = "PreCompact"
"""Before this event's briefing is seen again the conversation is cut: it takes no notes."""


class HookInput(Record):
    """What a runtime told the hook: why the session starts, its id, and the event."""

    source: str = ""
    session_id: str = ""
    event: str = ""


def prime_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt prime``."""
    parser.add_argument("--hook", action="store_true", help="called from the runtime's session hook")
    parser.add_argument("--dry-run", action="store_true", help="leave notes on the hook unread")
    parser.add_argument("--state", action="store_true", help="say only how the session begins; take nothing")
    context.add_json(parser)


def _tell_context(root: str, entry: RosterEntry, text: str, *, hook: bool) -> None:
    """Tell telemetry the briefing's text, where that is allowed."""
    if spool.is_on(root) and spool.allows(root, CONTEXT):
        told = {"role": entry.address.gt_role, "hook_mode": hook, "formula": text}
        spool.spool(root, "prime.context", told, actor=entry.address.path)


def run_prime(args: Namespace) -> int:
    """Print the caller's briefing. Outside a town, print nothing and return 0."""
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory
    from gastown_core.work.prime import brief, given

    root = context.find_town()
    if root is None:
        return 0
    entry = own_entry(root, read_inventory(root))
    if entry is None:
        if args.json:
            output.say_json({"role": "overseer", "address": "overseer", "hooked_bead": "", "notes": [], "unread": 0})
            return 0
        output.say("You are the overseer of this town. Next: gt status shows it, gt feed watches it.")
        return 0
    if args.state:
        return _say_state(root, entry, as_json=args.json)
    told = _hook_input() if args.hook else HookInput()
    if args.hook and not args.dry_run and told.event != COMPACTS:
        _note_start(root, entry, told)
    keeps_its_conversation = told.event == COMPACTS or told.source in ("compact", "resume")
    briefing = brief(root, entry, short=keeps_its_conversation)
    _tell_context(root, entry, briefing.text, hook=args.hook)
    if args.json:
        output.say_json(
            {
                "role": entry.address.role,
                "address": entry.address.path,
                "hooked_bead": briefing.work[0].id if briefing.work else "",
                "notes": [note.id for note in briefing.notes],
                "unread": briefing.mail,
            }
        )
    else:
        output.say("\n".join(output.clean(line) for line in briefing.text.split("\n")))
    is_self = os.environ.get("GT_SESSION", "") == entry.session
    # a note that the agent did not get is not read
    if is_self and not args.dry_run and told.event != COMPACTS and streams.arrived():
        given(root, entry, briefing)
    return 0


def _say_state(root: str, entry: RosterEntry, *, as_json: bool) -> int:
    """Print how a session of this agent begins: after a handoff, after a crash, with work, or with nothing."""
    from gastown_core.clock import SYSTEM_CLOCK, format_age
    from gastown_core.work.prime import state_of

    found = state_of(root, entry)
    age = SYSTEM_CLOCK.now() - found.checkpoint_at if found.checkpoint_at else 0.0
    if as_json:
        output.say_json(
            {
                "state": found.state,
                "role": entry.address.role,
                "prev_session": found.previous,
                "checkpoint_age": round(age),
                "hooked_bead": found.bead,
            }
        )
        return 0
    parts = [f"{entry.address.path}: {found.state}"]
    parts += [f"after {found.previous}"] if found.previous else []
    parts += [f"checkpoint {format_age(age)} old"] if age else []
    parts += [f"{found.bead} is hooked"] if found.bead else []
    output.say(output.clean(", ".join(parts)))
    return 0


def _note_start(root: str, entry: RosterEntry, told: HookInput) -> None:
    """Log ``session_start`` for a session that Gas Town did not start, or that was resumed or compacted."""
    from gastown_core.events.log import append_event

    if os.environ.get("GT_SESSION") and told.source in ("", "startup"):
        return
    payload = {
        "session_id": told.session_id or entry.session,
        "role": entry.address.path,
        "actor_pid": os.getppid(),
        "topic": told.source or "startup",
        "cwd": os.getcwd(),
    }
    append_event(root, "session_start", entry.address.path, payload)


def _hook_input() -> HookInput:
    """Read the JSON that the runtime wrote to stdin; wait at most half a second for it."""
    import select

    session = next((os.environ[key] for key in ("GT_SESSION_ID", "CLAUDE_SESSION_ID") if os.environ.get(key)), "")
    value: object = None
    if not sys.stdin.isatty() and select.select([sys.stdin], [], [], 0.5)[0]:
        try:
            value = decode_json(os.read(sys.stdin.fileno(), 65536) or b"null")
        except (ValueError, OSError):
            value = None
    if not isinstance(value, dict):
        return HookInput("", session)
    return HookInput(
        str(value.get("source") or ""), str(value.get("session_id") or session), str(value.get("hook_event_name") or "")
    )


def whoami_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt whoami``."""
    context.add_json(parser)


def run_whoami(args: Namespace) -> int:
    """Print the caller's address and where it comes from."""
    from gastown_core.town.identity import caller, own_entry
    from gastown_core.town.inventory import read_inventory

    root = context.find_town()
    me = caller()
    entry = own_entry(root, read_inventory(root)) if root else None
    told = bool(os.environ.get("GT_ROLE"))
    address = entry.address if entry is not None and not told else me
    source = "GT_ROLE" if told else "this folder" if entry is not None else "default"
    if args.json:
        output.say_json(
            {
                "identity": address.path,
                "role": address.role,
                "rig": address.rig,
                "mail": address.mail,
                "session": entry.session if entry else "",
                "town": root or "",
                "source": source,
            }
        )
    else:
        output.say(f"{output.clean(address.path)}  ({source})")
    return 0


def heartbeat_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt heartbeat``."""
    parser.add_argument("words", nargs="*", metavar="context", help="what you are doing, in a few words")
    parser.add_argument("--state", default="working", help="working, idle, exiting, stuck, waiting or limited")
    parser.add_argument("--bead", default="", help="bead you are working on")
    parser.add_argument("--turn", action="store_true", help="count a new turn: work on a submitted text has started")


def run_heartbeat(args: Namespace) -> int:
    """Write the heartbeat of the session in GT_SESSION, or else of the caller's own session."""
    from gastown_core.runtimes.heartbeat import STATES, read_heartbeat, write_heartbeat

    root = context.town()
    if args.state not in STATES:
        raise UsageError(f"unknown state {args.state}", "", f"use one of: {', '.join(STATES)}")
    session = os.environ.get("GT_SESSION", "") or who.me(root).session
    turn = None
    if args.turn:
        last = read_heartbeat(root, session)
        turn = (last.turn if last else 0) + 1
    write_heartbeat(
        root,
        session,
        args.state,
        context=" ".join(args.words),
        bead=args.bead,
        turn=turn,
        run=os.environ.get("GT_RUN", ""),
    )
    return 0
