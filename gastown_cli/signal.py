"""``gt signal EVENT --runtime NAME``: run by the hooks of an agent's program; hidden from the help.

It notes what the program told in the session's heartbeat.  It runs at every edge of every turn, so it imports little, and
it never fails the agent: its exit code is 0, and what goes wrong is in the town's log.
"""

from __future__ import annotations

import os
import sys

from gastown_core.clock import SYSTEM_CLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.runtimes.adapter import Adapter

STDIN_S = 2.0
"""How long the program may take to write its JSON."""
MOST_BYTES = 8 << 20


def run(argv: Sequence[str]) -> int:
    """Note the event and print what the program expects, if anything; always 0."""
    at = SYSTEM_CLOCK.now()
    session, root = os.environ.get("GT_SESSION", ""), os.environ.get("GT_TOWN_ROOT") or os.environ.get("GT_ROOT", "")
    if not session or not root or not argv:
        # a person's own program in an agent's folder
        return 0
    try:
        _take(root, session, argv, at)
    except Exception as error:  # noqa: BLE001  whatever is wrong here is no reason to disturb the agent's turn
        _tell(root, session, argv[0], error)
    return 0


def _take(root: str, session: str, argv: Sequence[str], at: float) -> None:
    from gastown_core.runtimes.adapter import CONTEXT, CONTINUE
    from gastown_core.runtimes.adapters import adapter_for
    from gastown_core.runtimes.heartbeat import note_event, read_heartbeat

    event, runtime, given = _words(argv)
    adapter = adapter_for(runtime)
    if adapter is None:
        raise ValueError(f"no adapter for the runtime {runtime!r}")
    stopped = _stopped(root)
    if event == adapter.tool_event:
        if stopped:
            _print(adapter.reply(event, stopped))
        return
    told = _decode(given or _stdin())
    heard = adapter.hear(event, told)
    before = read_heartbeat(root, session) if heard.carries else None
    note_event(root, session, event, heard, at, runtime, run=os.environ.get("GT_RUN", ""))
    if event == adapter.permission_event:
        _hold(root, session, adapter, told, at)
    if heard.carries == CONTEXT:
        adapter.begin_turn(os.environ)
    if heard.carries and stopped:
        # nothing is handed over that would make it go on
        if heard.carries == CONTEXT:
            _print(adapter.reply(event, stopped))
    elif heard.carries:
        is_in_turn = heard.carries == CONTEXT and before is not None and before.state == "working"
        # at the end of a turn the agent is free to read; each message makes it go on once
        takes_mail = heard.carries == CONTINUE or (heard.carries == CONTEXT and not is_in_turn)
        _give_waiting(root, session, event, adapter, heard.transcript, is_in_turn, takes_mail)


def _hold(root: str, session: str, adapter: Adapter, told: Mapping[str, object], at: float) -> None:
    """Wait for a person's decision about a request, and print it; the program shows the question meanwhile."""
    words, is_question = adapter.request(told)
    if not words:
        return
    from gastown_core.messaging.open_request import hold_open

    decision = hold_open(root, session, words, at, is_question=is_question)
    if decision is not None:
        _print(adapter.decision(told, decision.is_yes, decision.words))


def _give_waiting(
    root: str, session: str, event: str, adapter: Adapter, transcript: str, is_in_turn: bool, takes_mail: bool
) -> None:
    """Print the mail and the nudges that wait for the agent in the form in which this event carries text."""
    parts = [_new_mail(root, session)] if takes_mail else []
    if os.path.isdir(os.path.join(root, ".runtime", "nudge_queue", session)):
        from gastown_core.messaging.hook_drain import drain_for_hook

        parts.append(drain_for_hook(root, session, event, transcript=transcript, in_turn=is_in_turn))
    text = "\n\n".join(part for part in parts if part)
    if text:
        _print(adapter.reply(event, text))


def _print(text: str) -> None:
    # past the guarded stream: a reader that is gone is an error here, and no reason for another exit code
    with open(1, "wb", closefd=False) as out:
        out.write(text.encode() + b"\n")


def _stopped(root: str) -> str:
    """Return the notice for an agent under an emergency stop; empty if there is none."""
    rig = os.environ.get("GT_RIG", "")
    if not os.path.lexists(os.path.join(root, "ESTOP")) and not os.path.lexists(os.path.join(root, f"ESTOP.{rig}")):
        return ""
    from gastown_core.town import estop
    from gastown_core.town.identity import caller

    stop = estop.stop_of(root, caller())
    return estop.notice(stop) if stop is not None else ""


def _new_mail(root: str, session: str) -> str:
    """Return the announcement of new mail; empty if the ledger has not changed since the last look."""
    from gastown_core.messaging.mail_mark import MailMark

    mark = MailMark(root, session)
    if mark.is_absent or mark.is_current():
        return ""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.errors import GastownError
    from gastown_core.messaging import mail_check
    from gastown_core.messaging.reminder import reminder
    from gastown_core.town.identity import caller

    store = TownLedger(root).store("town")
    if store is None:
        return ""
    try:
        told = reminder(mail_check.words(mail_check.take(store, caller().mail)))
    except GastownError as error:
        # the nudges are given all the same
        _tell(root, session, "mail", error)
        return ""
    mark.keep()
    return told


def _words(argv: Sequence[str]) -> tuple[str, str, str]:
    """(event, runtime, the program's JSON if it stands in the command line)."""
    event, runtime, given, words = argv[0], "", "", iter(argv[1:])
    for word in words:
        if word == "--runtime":
            runtime = next(words, "")
        else:
            given = word
    return event, runtime, given


def _stdin() -> str:
    """What the program wrote; empty where it writes nothing, or leaves its own terminal in that place."""
    import select

    if sys.stdin is None or sys.stdin.isatty() or not select.select([sys.stdin], [], [], STDIN_S)[0]:
        return ""
    return sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")


def _decode(text: str) -> dict[str, object]:
    from gastown_core.model.json_text import decode_json

    if not text.strip():
        return {}
    value = decode_json(text.encode())
    return value if isinstance(value, dict) else {}


def _tell(root: str, session: str, event: str, error: Exception) -> None:
    from gastown_core.events.town_log import log_line

    log_line(root, "signal", session, f"{event} failed: {error}")
