"""Send mail: message beads in the town's ledger, one per recipient, all of them or none.

Sending is one write and one event; a nudge through the recipient's queue tells of it, with sender and subject and never
the body.  Front ends strip control characters from title and text before they show them.
"""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, UsageError
from gastown_core.events.log import append_event
from gastown_core.messaging.message import HIGH as HIGH
from gastown_core.messaging.message import LOW as LOW
from gastown_core.messaging.message import (
    MESSAGE,
    NOTIFICATION,
    PENDING,
    REPLY,
    SHARED,
    mail_identity,
    new_thread,
)
from gastown_core.messaging.message import NORMAL as NORMAL
from gastown_core.messaging.message import URGENT as URGENT
from gastown_core.messaging.purpose import INFORMS, asks_nothing
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.messaging.message import Message
    from gastown_core.messaging.recipients import Directory, Target

LONGEST_SUBJECT = 500
PROTOCOL = tuple(
    "polecat_started polecat_done work_done start_work nudge lifecycle: merged merge_ready merge_failed".split()
)
"""Beginnings of subjects (in lower case) of messages between programs; in a mailbox those are always wisps."""


class Letter(Record):
    """What is sent, without its recipients; ``copies`` are the mail identities that get a copy."""

    sender: str
    subject: str
    body: str = ""
    priority: int = NORMAL
    type: str = NOTIFICATION
    thread: str = ""
    reply_to: str = ""
    copies: tuple[str, ...] = ()
    pinned: bool = False
    permanent: bool = False
    informs: bool = False
    """Whether the sender says that it asks nothing; else its words tell."""


def send_mail(
    root: str,
    ledger: TownLedger,
    to: str,
    subject: str,
    body: str = "",
    *,
    sender: str,
    priority: int = NORMAL,
    labels: Iterable[str] = (),
    informs: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Send one message of the town's own; returns its id. ``to`` is a mail address, taken as it is.

    Raises UsageError without an addressee or a subject, StoreError if it cannot be stored.
    """
    with ledger.store_for("hq-x").write(sender) as batch:
        made = write_mail(batch, to, Letter(sender, subject, body, priority, informs=informs), labels)
    append_event(root, "mail", sender, {"to": to, "subject": subject}, clock=clock)
    return made


def write_mail(batch: RuleBatch, to: str, letter: Letter, labels: Iterable[str] = ()) -> str:
    """Write one message of the town's own within a write of the town's store; returns its id, and its event is the caller's.

    Raises UsageError without an addressee or a subject.
    """
    if not to.strip():
        raise UsageError("a message needs an addressee and a subject")
    return store_letter(batch, letter, to.strip(), labels)


def deliver(
    root: str, store: BeadStore, letter: Letter, targets: Sequence[Target], *, to: str, clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """Store one message per target, in one write, and log it; returns their ids in the order of ``targets``.

    ``to`` is the address as the sender wrote it, for the event.  A channel and an announcement keep as many messages
    as their retention allows, the newest.  Raises UsageError, StoreError; then nothing is sent.
    """
    if not targets:
        raise UsageError(
            "nobody to send it to", f"{to} has no members but you", "gt mail directory lists the addresses"
        )
    whole = letter if letter.thread else letter._replace(thread=new_thread())
    made: list[str] = []
    with store.write(letter.sender) as batch:
        for target in targets:
            labels = [] if target.kind == "agent" else [f"{target.kind}:{target.name}"]
            labels += [f"channel:{target.channel}"] if target.channel else []
            subject = f"[channel:{target.channel}] {letter.subject}" if target.channel else letter.subject
            # only the first message carries the copies: whoever gets one has it once
            one = whole._replace(subject=subject, copies=() if made else whole.copies)
            made.append(store_letter(batch, one, target.assignee, labels))
            _retain(root, store, batch, target)
    append_event(root, "mail", letter.sender, {"to": to, "subject": _subject(letter.subject)}, clock=clock)
    return made


def answer(
    message: Message, body: str, people: Directory, *, sender: str, subject: str = ""
) -> tuple[Letter, list[Target], str]:
    """Return the letter that answers a message in its thread, its targets and the address that it goes to.

    Who answers an own message writes to its addressee again.  Raises UsageError without a text, NotFoundError.
    """
    if not body.strip():
        raise UsageError("the answer has no text", "", f"gt mail reply {message.id} TEXT")
    other = message.to if mail_identity(message.sender) == sender else message.sender
    title = subject or (message.subject if message.subject.lower().startswith("re:") else f"Re: {message.subject}")
    thread = message.thread or new_thread()
    return Letter(sender, title, body, message.priority, REPLY, thread, message.id), people.resolve(other), other


def _subject(text: str) -> str:
    return " ".join(text.split())[:LONGEST_SUBJECT]


def store_letter(batch: RuleBatch, letter: Letter, assignee: str, labels: Iterable[str]) -> str:
    """Create the bead of one message; returns its id."""
    subject = _subject(letter.subject)
    if not subject:
        raise UsageError("a message needs an addressee and a subject")
    own = {MESSAGE, f"from:{letter.sender}", f"msg-type:{letter.type}", PENDING, *labels}
    own |= {f"cc:{copy}" for copy in letter.copies}
    own |= {f"thread:{letter.thread or new_thread()}"}
    own |= {f"reply-to:{letter.reply_to}"} if letter.reply_to else set()
    own |= {INFORMS} if letter.informs or asks_nothing(letter.type, subject, letter.body, letter.priority) else set()
    fields: dict[str, object] = {
        "title": subject,
        "description": letter.body,
        "issue_type": "message",
        "priority": letter.priority,
        "labels": sorted(own),
        "assignee": assignee,
    }
    if letter.pinned:
        fields["pinned"] = True
    # what a queue, channel or announcement holds or hands on is kept
    is_kept = any(label.startswith(SHARED) for label in own)
    is_wisp = not is_kept and (not letter.permanent or subject.lower().startswith(PROTOCOL))
    return batch.create(fields, kind="wisp" if is_wisp else "").id


def _retain(root: str, store: BeadStore, batch: RuleBatch, target: Target) -> None:
    """Close the oldest messages of a channel or an announcement beyond its retention."""
    from gastown_core.messaging import mail_lists

    if target.kind == "channel":
        one = mail_lists.need_list(store, mail_lists.CHANNEL, target.name)
        count, oldest = one.keep_count, batch.now - one.keep_hours * 3600 if one.keep_hours else 0.0
    elif target.kind == "announce":
        count, oldest = mail_lists.old_config(root).announces[target.name][1], 0.0
    else:
        return
    from gastown_core.messaging.mailbox import standing

    found = standing(store, target.assignee)
    # the one that is being written is not listed yet
    excess = len(found) + 1 - count if count else 0
    for place, message in enumerate(found):
        if place < excess or message.at < oldest:
            batch.close(message.id, "beyond the retention", force=True)


def announce_arrival(
    root: str,
    ledger: TownLedger,
    letter: Letter,
    targets: Sequence[Target],
    ids: Sequence[str],
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Queue a nudge for each recipient but the sender, and show the overseer a line; returns what went wrong.

    Muted agents get none.  The nudge is dropped once its message is archived.  The overseer's line stands for a moment in
    every terminal that is attached to the town; the message itself waits in the inbox.
    """
    wrong = []
    for target, bead_id in zip(targets, ids, strict=True):
        if target.kind != "agent" or target.name == letter.sender:
            continue
        if target.name == "overseer":
            from gastown_core.messaging.outward import announce

            announce(root, f"📬 Mail from {letter.sender}: {_subject(letter.subject)} (gt mail inbox)")
            continue
        try:
            _nudge(root, ledger, letter, target.name, bead_id, clock)
        except GastownError as error:
            wrong.append(f"{target.name} gets no nudge about {bead_id}: {error}")
    return wrong


def _nudge(root: str, ledger: TownLedger, letter: Letter, name: str, bead_id: str, clock: Clock) -> None:
    from gastown_core.messaging.queue import NORMAL as PLAIN
    from gastown_core.messaging.queue import URGENT as PRESSING
    from gastown_core.messaging.queue import enqueue
    from gastown_core.model.address import CREW, POLECAT, parse_address
    from gastown_core.model.fields import read_fields
    from gastown_core.model.plain_text import clean
    from gastown_core.town.discover import read_rigs

    rigs = read_rigs(root)
    one = parse_address(name, rigs)
    if one.role == POLECAT and os.path.isdir(os.path.join(root, one.rig, CREW, one.name)):
        one = one._replace(role=CREW)
    prefix = rigs.get(one.rig, "hq")
    bead = ledger.get(one.bead_id(prefix))
    if bead is not None and read_fields(bead.description).get("notification_level") == "muted":
        return
    verb = "A reply" if letter.type == REPLY else "Mail"
    text = f"{verb} from {clean(letter.sender)}: {clean(_subject(letter.subject))} (gt mail read {bead_id})"
    pressing = letter.priority in (URGENT, HIGH)
    enqueue(
        root,
        one.session(prefix),
        letter.sender,
        text,
        priority=PRESSING if pressing else PLAIN,
        kind="mail",
        about=bead_id,
        target=one.path,
        rig=one.rig,
        clock=clock,
    )
