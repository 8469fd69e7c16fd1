"""Answer a question on an agent's screen: only as a separate act, never as a side effect of a nudge.

A person answers the question that was shown: its fingerprint goes with the answer, and another question refuses it.
It goes through the program's own hook if that holds the request open (``open_request``), else by keys (``dialog_keys``).
Words of one's own are the answer where the program takes them there, else they follow it as a nudge.
"""

from __future__ import annotations

import os
import time

from gastown_core.beads.ledger import TOWN, TownLedger
from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, DeliveryError, GastownError, UsageError, words_of
from gastown_core.events.log import append_event
from gastown_core.events.town_log import log_line
from gastown_core.messaging.dialog_keys import (
    MOST_WORDS,
    STABLE_S,
    SilentError,
    await_change,
    check_question,
    choose,
    place_of,
    why_unanswerable,
)
from gastown_core.messaging.nudge import nudge
from gastown_core.messaging.open_request import Decision, request_of
from gastown_core.messaging.prompt_line import look
from gastown_core.messaging.queue import session_lock
from gastown_core.messaging.target import target_of
from gastown_core.model.bead import HOOKED, IN_PROGRESS
from gastown_core.model.choice import bare_option, is_refusal, place_for_words, takes_words
from gastown_core.model.order import Receipt
from gastown_core.model.record import Record
from gastown_core.runtimes.adapter import WAITING
from gastown_core.runtimes.heartbeat import read_heartbeat
from gastown_core.runtimes.question import DIALOG, LOGIN, PERMISSION
from gastown_core.runtimes.screen import DRAFT, READY
from gastown_core.tmux.delivery import sanitize
from gastown_core.town import sessions
from gastown_core.town.identity import HUMAN, caller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.clock import Clock
    from gastown_core.messaging.open_request import OpenRequest
    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.tmux.panes import Pane
    from gastown_core.tmux.server import TmuxServer
    from gastown_core.town.inventory import RosterEntry

SETTLED_S = 0.5
"""How long a question stays unchanged before a key is pressed: programs drop keys that come while they draw it."""
HEARD_S = 3.0
"""How long a program that waits for input may take to report that it took a decision; it reports before it waits."""
BUSY_S = 0.5
"""How long a program that was told looks busy before that counts: one whose question was left does for a moment, too."""
_LEFT = (
    "nothing tells that it took the answer",
    "its hook was told, but it waits for input and reports nothing since: the question was left before, as by Escape",
    "look at it: gt attach",
)
ANSWERED = "answered"
AUDIT = "audit"
LOCK_S = 10.0
MOST_TEXT = 4000
"""Characters of a question that go into the log; one that is longer goes there without its text."""


class Asked(Record):
    """What an agent asks now: its screen's reading, the pane and the runtime; ``id`` is the question's fingerprint."""

    reading: ScreenReading
    pane: Pane
    preset: Preset
    server: TmuxServer

    @property
    def id(self) -> str:
        """The fingerprint of question and choices, wherever the cursor stands."""
        return self.reading.fingerprint

    @property
    def is_question(self) -> bool:
        """Whether it asks something that can be answered by a choice."""
        return self.reading.kind in (DIALOG, PERMISSION)

    @property
    def obstacle(self) -> str:
        """Why it cannot be answered from outside; empty if it can."""
        if self.reading.kind == LOGIN:
            return "it asks to log in, which a person does in its session"
        if not self.is_question:
            return f"it asks nothing: its screen reads as {self.reading.kind}"
        return why_unanswerable(self.reading)


def parted(choice: str) -> tuple[str, str]:
    """Return the fingerprint and the number of a choice written ``ID:NUMBER``; without an ID an empty one, and ``choice``."""
    head, colon, number = choice.partition(":")
    if colon and len(head) == 12 and number.isdigit() and set(head) <= set("0123456789abcdef"):
        return head, number
    return "", choice


def check_person(*, in_console: bool = False) -> None:
    """Refuse an agent: what a program asks, a person or a standing answer decides. Raises ConflictError.

    A console in a window of an agent's session (``in_console``) is still its person's.
    """
    me = HUMAN if in_console and os.environ.get("GT_SESSION") else caller()
    if me != HUMAN:
        raise ConflictError(
            f"{me.path} is an agent, and agents do not answer such questions",
            "a person or a standing answer of the settings does",
            "gt escalate tells a person",
        )


def asked_of(root: str, entry: RosterEntry) -> Asked:
    """Return what the agent's screen asks now. Raises DeliveryError without a running session, NoTmuxError, TmuxError."""
    pane = sessions.find_session(root, entry)
    if pane is None or pane.dead:
        raise DeliveryError(
            f"{entry.address.short} has no running session", "", f"gt session start {entry.address.short}"
        )
    preset = target_of(root, entry, pane).preset
    server = sessions.server_of(root)
    return Asked(look(server, pane.pane_id, preset.screens), pane, preset, server)


def answer(
    root: str,
    entry: RosterEntry,
    choice: str,
    *,
    sender: str,
    expect: str = "",
    rule: str = "",
    words: str = "",
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Receipt]:
    """Answer the agent's question with ``choice``, and log an event; the last receipt is final.

    ``words`` are a person's own: with a No its reason, else an answer of their own; without a choice they choose where
    they belong.  ``expect`` is the fingerprint of the question that was shown, ``rule`` the standing answer that applies.
    What was pressed is in the event log also if nothing was seen to come of it.  Raises as ``dialog_keys.choose``, and
    ConflictError if somebody else types to the agent.
    """
    words = " ".join(sanitize(words).split())
    if len(words) > MOST_WORDS:
        raise UsageError(f"an answer has at most {MOST_WORDS} characters", "", "gt nudge takes a longer text")
    with session_lock(root, entry.session, LOCK_S):
        asked = asked_of(root, entry)
        if expect and asked.is_question and asked.id != expect:
            raise DeliveryError("the question has changed", f"it asks: {asked.reading.detail}", "read it again")
        check_question(asked.reading)
        options = asked.reading.options
        place = place_of(choice, options) if choice or not words else place_for_words(options)
        # before the answer: an agent that goes on may hand its work in at once
        bead = _held(root, entry)
        taken = _recorded(root, entry, asked, place, words, sender=sender, rule=rule, bead=bead, clock=clock)
    now = sessions.find_session(root, entry)
    ended = now is None or now.dead
    # a screen that stands still belongs to nobody any more
    silent = None if ended else taken.silent
    path, option = entry.address.path, options[place]
    told = _told(path, asked, option, rule, silent is None) | {"words": words, "by_hook": taken.by_hook}
    told["bead"] = _noted(root, entry, bead, sender, rule, asked, option, words, is_sure=silent is None)
    append_event(root, "answered", sender, {key: value for key, value in told.items() if value}, clock=clock)
    if silent is not None:
        raise silent
    shown = f"{option}; its screen now reads as {taken.after.kind}"
    shown += f": {taken.after.detail}" if taken.after.detail else ""
    if ended:
        shown = f"{option}; its program has ended"
    is_last = ended or not taken.left
    yield Receipt("agent.answer", path, ANSWERED, shown, ok=True, final=is_last, at=clock.now())
    if not is_last:
        target = target_of(root, entry, asked.pane)
        yield from nudge(root, target, taken.left, sender, server=asked.server, clock=clock)


def _recorded(
    root: str,
    entry: RosterEntry,
    asked: Asked,
    place: int,
    words: str,
    *,
    sender: str,
    rule: str,
    bead: str,
    clock: Clock,
) -> _Taken:
    """Give the answer between two records: who is killed while it answers leaves ``answering`` alone in the log."""
    told = {"target": entry.address.path, "question": asked.reading.detail[:300]}
    told |= {"answer": asked.reading.options[place][:200], "words": words, "rule": rule, "bead": bead}
    append_event(
        root, "answering", sender, {key: one for key, one in told.items() if one}, visibility=AUDIT, clock=clock
    )
    try:
        return _take(root, entry, asked, place, words, clock)
    except GastownError as problem:
        failed = {"target": entry.address.path, "reason": words_of(problem)[:300]}
        append_event(root, "answer_failed", sender, failed, visibility=AUDIT, clock=clock)
        raise


class _Taken(Record):
    """What came of an answer: the screen afterwards, how it was given, the words that are still to be sent."""

    after: ScreenReading
    by_hook: bool = False
    left: str = ""
    silent: SilentError | None = None


def _take(root: str, entry: RosterEntry, asked: Asked, place: int, words: str, clock: Clock) -> _Taken:
    """Give the answer through the hook that holds the request open, else by keys."""
    reading, pane, screens = asked.reading, asked.pane, asked.preset.screens
    option = reading.options[place]
    request = request_of(root, entry.session, reading.text) if reading.text else None
    decision = _decision(request, option, words)
    # the words are then part of the answer itself
    left = "" if takes_words(option) or (decision is not None and not decision.is_yes) else words
    try:
        if request is not None and decision is not None:
            since = clock.now()
            request.decide(decision)
            after = await_change(asked.server, pane.pane_id, screens, reading, "its hook was told")
            silent = SilentError(*_LEFT) if _was_left(root, entry, asked, after, since) else None
            return _Taken(after, True, left, silent)
        if not _has_settled(asked, clock.now()):
            time.sleep(SETTLED_S)
        own = words if takes_words(option) else ""
        return _Taken(choose(asked.server, pane, asked.preset, place, asked=reading, words=own), False, left)
    except SilentError as problem:
        return _Taken(reading, silent=problem)


def _was_left(root: str, entry: RosterEntry, asked: Asked, after: ScreenReading, since: float) -> bool:
    """Whether nothing tells that the program took the hook's decision: it waits for input, and reports nothing since.

    Another hand's Escape takes the question away a moment before its hook ends; the program may look busy until it has
    given up its turn.
    """
    busy_until = time.monotonic() + BUSY_S
    deadline = time.monotonic() + HEARD_S
    while True:
        beat = read_heartbeat(root, entry.session)
        said = beat.said if beat is not None else None
        if said is not None and said.state != WAITING and said.at >= since:
            return False
        waits_for_input = after.kind in (READY, DRAFT)
        if time.monotonic() >= (deadline if waits_for_input else busy_until):
            return waits_for_input
        time.sleep(STABLE_S)
        after = look(asked.server, asked.pane.pane_id, asked.preset.screens)


def _decision(request: OpenRequest | None, option: str, words: str) -> Decision | None:
    """Return the decision that a choice is; None for a choice that only the program itself knows."""
    if request is None:
        return None
    if request.is_question:
        return Decision(True, words) if words and takes_words(option) else None
    if bare_option(option).lower() == "yes":
        return Decision(True)
    # without words a No on the screen also ends the turn, which the hook's does not
    return Decision(False, words) if words and is_refusal(option) else None


def _held(root: str, entry: RosterEntry) -> str:
    """Return the bead that the agent works on, empty without one or if its ledger cannot be read."""
    own = entry.address
    query = BeadQuery(statuses=(HOOKED, IN_PROGRESS), assignees=(own.path, own.mail, own.short))
    try:
        store = TownLedger(root).store(own.rig or TOWN)
        held = store.find(query) if store is not None else []
    except (GastownError, OSError) as error:
        log_line(root, "answer", own.path, f"its bead is not known: {error}")
        return ""
    return max(held, key=lambda bead: bead.updated_at).id if held else ""


def _noted(
    root: str,
    entry: RosterEntry,
    bead: str,
    sender: str,
    rule: str,
    asked: Asked,
    option: str,
    words: str,
    *,
    is_sure: bool,
) -> str:
    """Write a comment on the bead; return its id, empty without one or if that fails."""
    own = entry.address
    said = f"{own.short} asked: {asked.reading.detail}\nanswered: {bare_option(option)}" + (
        f" ({words})" if words else ""
    )
    said += f"\nby the standing answer {rule}" if rule else ""
    said += "" if is_sure else "\nnot seen to be taken"
    if not bead:
        return ""
    try:
        with TownLedger(root).store_for(bead).write(sender) as batch:
            batch.comment(bead, said)
        return bead
    except (GastownError, OSError) as error:
        # the answer was given all the same
        log_line(root, "answer", own.path, f"its bead was not told: {error}")
        return ""


def _told(path: str, asked: Asked, option: str, rule: str, is_confirmed: bool) -> dict[str, object]:
    """Payload of the event of an answer."""
    reading = asked.reading
    payload: dict[str, object] = {
        "target": path,
        "question": reading.detail[:300],
        "answer": option[:200],
        "rule": rule,
        "unconfirmed": not is_confirmed,
    }
    if len(reading.text) <= MOST_TEXT:
        # what a standing answer is tried on later
        payload |= {"runtime": asked.preset.screens, "kind": reading.kind, "text": reading.text}
        payload["options"] = list(reading.options)
    return {key: value for key, value in payload.items() if value}


def _has_settled(asked: Asked, now: float) -> bool:
    """Return whether the pane has been silent for longer than a program takes to draw a question; tmux reports whole seconds."""
    return 0 < asked.pane.activity <= now - SETTLED_S - 1.0
