"""A mailbox: the messages of one mail identity in the town's ledger, and what its owner does with them.

Lists come from the index and hold no bodies.  Each change is one write that looks at the stored bead under the store's
lock, so that two processes never undo each other's.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import format_seconds
from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.messaging.message import (
    ACKED,
    ACKED_AT,
    ACKED_BY,
    ARCHIVED_BY,
    CLAIMED_AT,
    CLAIMED_BY,
    MESSAGE,
    READ,
    READ_BY,
    assignees_of,
    in_inbox_order,
    is_for,
    message_of,
)
from gastown_core.model.bead import CLOSED, HOOKED, is_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.messaging.message import Message
    from gastown_core.model.bead import Bead

STALE_SUBJECTS = (
    "CRASHED_POLECAT",
    "POLECAT_DONE",
    "POLECAT_STARTED",
    "LIFECYCLE:",
    "MERGED",
    "MERGE_READY",
    "MERGE_FAILED",
    "SWARM_START",
)
"""Subjects of protocol messages that ``drain`` archives when they are old; HELP and HANDOFF stay."""


def inbox(store: BeadStore, reader: str, *, archived: bool = False) -> list[Message]:
    """Return the reader's messages without bodies, by priority and then newest first; the archived ones if asked."""
    own = BeadQuery(assignees=assignees_of(reader), include_wisps=True, sort="id")
    own = own._replace(statuses=(CLOSED,)) if archived else own._replace(exclude_statuses=(CLOSED,))
    # a copy that its recipient archived is open still for its addressee
    spellings = tuple(f"cc:{one}" for one in assignees_of(reader))
    copies = BeadQuery(labels_any=spellings, include_wisps=True, sort="id")
    found = {bead.id: bead for bead in (*store.excerpts(own), *store.excerpts(copies))}
    return in_inbox_order(
        message
        for message in (message_of(bead) for bead in found.values() if is_kind(bead, MESSAGE))
        if message.is_archived(reader) == archived and is_for(reader, message)
    )


def with_bodies(store: BeadStore, messages: Iterable[Message]) -> list[Message]:
    """Return the messages in the same order with their bodies; a message deleted in the meantime is left out."""
    wanted = list(messages)
    beads = store.get_many([message.id for message in wanted])
    return [message_of(beads[message.id]) for message in wanted if message.id in beads]


def get_message(store: BeadStore, text: str, reader: str) -> Message:
    """Return the message with an id, a part of it, or a number of the reader's inbox from 1.

    Raises NotFoundError if there is none, UsageError if the bead is no message or the id is ambiguous.
    """
    if text.isdecimal() and len(text) < 6:
        listed = inbox(store, reader)
        if not 1 <= int(text) <= len(listed):
            raise NotFoundError(
                f"no message {text} in the inbox of {reader}", f"it has {len(listed)}", "gt mail inbox lists them"
            )
        text = listed[int(text) - 1].id
    bead = store.get(text) or store.get(store.resolve(text))
    return _message(bead, text)


def _message(bead: Bead | None, text: str) -> Message:
    if bead is None:
        raise NotFoundError(f"no message {text}", "", "gt mail inbox lists them")
    if not is_kind(bead, MESSAGE):
        raise UsageError(f"{bead.id} is not a message", f"it is a bead of type {bead.issue_type}", f"bd show {bead.id}")
    return message_of(bead)


def thread_of(store: BeadStore, message: Message) -> list[Message]:
    """Return all messages of its thread with bodies, archived ones too, oldest first; the message alone without one."""
    return in_thread(store, message.thread) if message.thread else [message]


def in_thread(store: BeadStore, thread: str) -> list[Message]:
    """Return all messages of a thread with bodies, archived ones too, oldest first."""
    query = BeadQuery(labels_all=(f"thread:{thread}",), include_wisps=True, sort="oldest")
    return [message_of(bead) for bead in store.find(query) if is_kind(bead, MESSAGE)]


def standing(store: BeadStore, assignee: str) -> list[Message]:
    """Return the open messages of a queue, channel or announcement (``queue:NAME`` and so on), oldest first."""
    query = BeadQuery(assignees=(assignee,), exclude_statuses=(CLOSED,), include_wisps=True, sort="oldest")
    return [message_of(bead) for bead in store.excerpts(query) if is_kind(bead, MESSAGE)]


def mark_read(store: BeadStore, ids: Iterable[str], reader: str) -> list[Message]:
    """Mark messages as read and as received, in one write; returns those that change. Raises NotFoundError.

    What is addressed to another person stays as it is: the one it is for has not read it.
    """
    with store.write(reader) as batch:
        found = [_message(batch.get(one), one) for one in dict.fromkeys(ids)]
        return [message for message in found if _mark(batch, message, reader)]


def _mark(batch: RuleBatch, message: Message, reader: str) -> bool:
    """Add the read mark, and the receipt if it lacks one; returns whether either was missing."""
    mine = is_for(reader, message)
    if not mine and not message.is_shared:
        return False
    mark = READ_BY + reader if mine and message.is_copy_for(reader) else READ
    fresh = {mark} - set(message.labels)
    if mine and not message.is_told(reader):
        fresh |= receipt(batch, message, reader)
    if fresh:
        batch.update(message.id, {"labels": [*message.labels, *fresh]})
    return bool(fresh)


def receipt(batch: RuleBatch, message: Message, reader: str) -> set[str]:
    """Return the labels that say the reader received the message."""
    if message.is_copy_for(reader):
        return {ACKED_BY + reader}
    return {ACKED_BY + reader, ACKED_AT + format_seconds(batch.now), ACKED}


def mark_unread(store: BeadStore, ids: Iterable[str], reader: str) -> list[Message]:
    """Take the read mark away, in one write; returns those that had it. Raises NotFoundError."""
    with store.write(reader) as batch:
        found = [_message(batch.get(one), one) for one in dict.fromkeys(ids)]
        changed = []
        for message in found:
            mark = READ_BY + reader if message.is_copy_for(reader) else READ
            if mark in message.labels:
                batch.update(message.id, {"labels": [label for label in message.labels if label != mark]})
                changed.append(message)
        return changed


def archive(store: BeadStore, ids: Iterable[str], reader: str) -> list[Message]:
    """Archive messages, in one write: closes the bead, or notes it for a copy. Returns those that change.

    Raises NotFoundError for an unknown id; then nothing is archived.
    """
    with store.write(reader) as batch:
        found = [_message(batch.get(one), one) for one in dict.fromkeys(ids)]
        changed = [message for message in found if not message.is_archived(reader)]
        for message in changed:
            if message.is_copy_for(reader):
                batch.update(message.id, {"labels": [*message.labels, ARCHIVED_BY + reader]})
            else:
                batch.close(message.id, "archived", force=True)
        return changed


def hook(store: BeadStore, message_id: str, reader: str) -> Message:
    """Put a message on its addressee's hook: it then counts as work, and each briefing shows it until it is archived.

    Raises NotFoundError; ConflictError for one that is archived, or that is addressed to somebody else.
    """
    with store.write(reader) as batch:
        message = _message(batch.get(message_id), message_id)
        if message.is_archived(reader):
            raise ConflictError(f"{message.id} is archived", "", "gt mail search --archive finds it; answer it instead")
        if message.is_shared or message.is_copy_for(reader) or not is_for(reader, message):
            raise ConflictError(
                f"{message.id} is not addressed to {reader} alone",
                "a hook holds what one agent is to do",
                "make a bead of it: bd create TITLE, then gt hook BEAD",
            )
        return message_of(batch.update(message.id, {"status": HOOKED}))


def delete(store: BeadStore, ids: Iterable[str], reader: str) -> list[Message]:
    """Delete messages for good, in one write; what the reader has as a copy only leaves the reader's inbox.

    Raises NotFoundError for an unknown id; then nothing is deleted.
    """
    with store.write(reader) as batch:
        found = [_message(batch.get(one), one) for one in dict.fromkeys(ids)]
        for message in found:
            if not message.is_copy_for(reader):
                batch.delete(message.id, "mail deleted")
            elif not message.is_archived(reader):
                batch.update(message.id, {"labels": [*message.labels, ARCHIVED_BY + reader]})
        return found


def search(
    store: BeadStore, reader: str, pattern: str, fields: Iterable[str] = (), *, archived: bool = False
) -> list[Message]:
    """Return the reader's messages in which the regular expression matches, of any case; newest first.

    ``fields`` are ``from``, ``subject`` and ``body``, all if empty.  Raises UsageError for a bad expression.
    """
    import re

    try:
        wanted = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise UsageError(
            f"{pattern!r} is not a regular expression", str(error), "quote signs such as ( with \\"
        ) from None
    listed = inbox(store, reader) + (inbox(store, reader, archived=True) if archived else [])
    names = {"from": "sender", "subject": "subject", "body": "body"}
    chosen = [names[field] for field in fields] or list(names.values())
    found = with_bodies(store, listed) if "body" in chosen else listed
    hits = {one.id for one in found if any(wanted.search(getattr(one, name)) for name in chosen)}
    return sorted(with_bodies(store, [one for one in listed if one.id in hits]), key=lambda one: -one.at)


def drainable(messages: Iterable[Message], reader: str, before: float, *, everything: bool = False) -> list[Message]:
    """Return protocol messages and read wisps from before a moment; with ``everything`` of any age."""
    return [
        message
        for message in messages
        if (everything or 0 < message.at < before)
        and (message.subject.startswith(STALE_SUBJECTS) or (message.is_wisp and message.is_read(reader)))
        and not message.is_pinned
        and "HANDOFF" not in message.subject
    ]


# -- queues --------------------------------------------------------------------------------------------------------


def in_queue(store: BeadStore, name: str) -> list[Message]:
    """Return all open messages of a queue, oldest first."""
    return standing(store, f"queue:{name}")


def is_claimed(message: Message, now: float, lease_s: float) -> bool:
    """Return whether somebody holds it now."""
    if not message.claimed_by:
        return False
    return lease_s <= 0 or not message.claimed_at or message.claimed_at + lease_s > now


def claim(store: BeadStore, name: str, claimer: str, lease_s: float, *, most: int = 0) -> Message | None:
    """Claim the oldest free message of a queue for ``claimer``; None if there is none.

    The choice and the claim are one write under the store's lock.  ``most`` limits the claims in force (0: no limit);
    raises ConflictError if they are used up.
    """
    with store.write(claimer) as batch:
        listed = in_queue(store, name)
        held = sum(is_claimed(one, batch.now, lease_s) for one in listed)
        for one in listed:
            current = batch.get(one.id)
            if current is None or current.status == CLOSED:
                continue
            message = message_of(current)
            if is_claimed(message, batch.now, lease_s):
                continue
            if most and held >= most:
                raise ConflictError(f"queue {name} has {held} claims in force", f"at most {most} are allowed")
            labels = [label for label in message.labels if not label.startswith((CLAIMED_BY, CLAIMED_AT))]
            labels += [CLAIMED_BY + claimer, CLAIMED_AT + format_seconds(batch.now)]
            return message_of(batch.update(message.id, {"labels": labels}))
    return None


def release(store: BeadStore, message_id: str, claimer: str) -> Message:
    """Give a claimed message back to its queue. Raises ConflictError if it is held by another, or by nobody."""
    with store.write(claimer) as batch:
        message = _message(batch.get(message_id), message_id)
        if not message.value("queue:"):
            raise UsageError(f"{message.id} is no message of a queue", "", "gt mail queue list shows the queues")
        if message.claimed_by != claimer:
            whose = f"{message.claimed_by} holds it" if message.claimed_by else "nobody has claimed it"
            raise ConflictError(f"{message.id} is not yours to release", whose)
        labels = [label for label in message.labels if not label.startswith((CLAIMED_BY, CLAIMED_AT))]
        return message_of(batch.update(message.id, {"labels": labels}))
