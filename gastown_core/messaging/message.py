"""A message as its bead stores it: sender, thread, delivery and claim are labels (tmux-and-messaging.md section 9).

Every bead with the label ``gt:message`` is a message, and so is one of type ``message``, as older tools wrote them.
What a bead lacks gets a plain value: no sender is ``unknown``, no type is a notification.
"""

from __future__ import annotations

import os

from gastown_core.clock import format_seconds, parse_moment
from gastown_core.model.address import parse_address
from gastown_core.model.bead import CLOSED, Bead
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.query import Excerpt

MESSAGE, READ = "gt:message", "read"
URGENT, HIGH, NORMAL, LOW = 0, 1, 2, 3
"""Priorities of a message."""
PRIORITIES = {"urgent": URGENT, "high": HIGH, "normal": NORMAL, "low": LOW}
TYPES = ("task", "scavenge", "notification", "reply", "escalation")
NOTIFICATION, REPLY = "notification", "reply"
QUEUE, CHANNEL, ANNOUNCE = "queue", "channel", "announce"
SHARED = (f"{QUEUE}:", f"{CHANNEL}:", f"{ANNOUNCE}:")
"""Beginnings of addresses, and of labels, of messages that are in no mailbox."""
PENDING, ACKED, ACKED_BY, ACKED_AT = "delivery:pending", "delivery:acked", "delivery-acked-by:", "delivery-acked-at:"
CLAIMED_BY, CLAIMED_AT = "claimed-by:", "claimed-at:"
READ_BY, ARCHIVED_BY = "read-by:", "archived-by:"
"""What a recipient of a copy (``cc:``) did with the message; the labels without a name are the addressee's."""
LATEST = 253402300799.0
"""The last second of the year 9999: times beyond it are kept as if they were this."""


class Message(Record):
    """One message; ``to`` is the assignee of its bead: a mail identity, or ``queue:``, ``channel:``, ``announce:`` NAME.

    ``at`` is in Unix seconds, 0 if the bead names no readable time; ``body`` is empty in lists.
    """

    id: str
    sender: str
    to: str
    subject: str
    body: str
    at: float
    priority: int
    status: str
    labels: tuple[str, ...]
    is_pinned: bool
    is_wisp: bool

    def value(self, key: str) -> str:
        """Return what follows the first label that begins with ``key`` (with its colon), empty without one."""
        return next((label[len(key) :] for label in self.labels if label.startswith(key)), "")

    @property
    def type(self) -> str:
        """Return its type; a notification if it names none."""
        return self.value("msg-type:") or NOTIFICATION

    @property
    def thread(self) -> str:
        """Return the id of its thread, empty without one."""
        return self.value("thread:")

    @property
    def copies(self) -> tuple[str, ...]:
        """Return the mail identities that get a copy."""
        return tuple(label[3:] for label in self.labels if label.startswith("cc:"))

    @property
    def claimed_by(self) -> str:
        """Return who holds the claim of a queue message."""
        return self.value(CLAIMED_BY)

    @property
    def claimed_at(self) -> float:
        """Return when it was claimed; 0 if that cannot be read."""
        return parse_moment(self.value(CLAIMED_AT)) or 0.0

    @property
    def is_shared(self) -> bool:
        """Return whether it is in a queue, a channel or an announcement, and not in a mailbox."""
        return self.to.startswith(SHARED)

    def is_copy_for(self, reader: str) -> bool:
        """Return whether ``reader`` (a mail identity) has it as a copy only."""
        return mail_identity(self.to) != reader and reader in map(mail_identity, self.copies)

    def is_read(self, reader: str) -> bool:
        """Return whether the reader has read it."""
        return (READ_BY + reader if self.is_copy_for(reader) else READ) in self.labels

    def is_told(self, reader: str) -> bool:
        """Return whether a hook has announced it to the reader."""
        if self.is_copy_for(reader):
            return ACKED_BY + reader in self.labels
        return ACKED in self.labels

    def is_archived(self, reader: str) -> bool:
        """Return whether it has left the reader's inbox."""
        return self.status == CLOSED or (self.is_copy_for(reader) and ARCHIVED_BY + reader in self.labels)

    def as_json(self, reader: str) -> dict[str, object]:
        """Return it as ``--json`` prints it, from the reader's point of view; optional keys only where set."""
        out: dict[str, object] = {
            "id": self.id,
            "from": self.sender,
            "to": self.to,
            "subject": self.subject,
            "body": self.body,
            "timestamp": format_seconds(min(self.at, LATEST)) if self.at else "",
            "read": self.is_read(reader),
            "priority": next(name for name, number in PRIORITIES.items() if number == self.priority),
            "type": self.type,
        }
        claimed = self.claimed_at
        extras: dict[str, object] = {
            "thread_id": self.thread,
            "reply_to": self.value("reply-to:"),
            "pinned": self.is_pinned,
            "wisp": self.is_wisp,
            "cc": list(self.copies),
            "queue": self.value("queue:"),
            "channel": self.value("channel:"),
            "claimed_by": self.claimed_by,
            "claimed_at": format_seconds(min(claimed, LATEST)) if claimed else "",
            "delivery_state": "acked" if ACKED in self.labels else "pending" if PENDING in self.labels else "",
            "delivery_acked_by": self.value(ACKED_BY),
            "delivery_acked_at": self.value(ACKED_AT),
        }
        return out | {key: value for key, value in extras.items() if value}


def message_of(bead: Bead | Excerpt) -> Message:
    """Return the message that the bead stores; an excerpt has no body."""
    if isinstance(bead, Bead):
        body, wisp, at = bead.description, bead.is_ephemeral, parse_moment(bead.raw.get("created_at")) or 0.0
    else:
        body, wisp, at = "", bead.is_ephemeral, bead.created_at
    labels = tuple(bead.labels)
    sender = next((label[5:] for label in labels if label.startswith("from:") and label[5:]), "unknown")
    priority = min(max(bead.priority, URGENT), LOW)
    return Message(
        *(bead.id, sender, bead.assignee, bead.title, body, at, priority, bead.status, labels, bead.is_pinned, wisp)
    )


def new_thread() -> str:
    """Return a fresh thread id."""
    return f"thread-{os.urandom(6).hex()}"


def mail_identity(text: str) -> str:
    """Return an address as mail identity: ``mayor/``, ``overseer``, ``shop/opal``; other text is kept."""
    if text.startswith(SHARED):
        return text
    return parse_address(text).mail


def assignees_of(reader: str) -> tuple[str, ...]:
    """Return the spellings under which the beads of a mail identity are assigned."""
    rig, slash, name = reader.rstrip("/").partition("/")
    if not slash:
        return (rig, rig + "/") if rig != "overseer" else ("overseer", "human")
    if rig == "deacon" or "/" in name:
        return (reader,)
    if name in ("witness", "refinery"):
        return (reader,)
    return (reader, f"{rig}/crew/{name}", f"{rig}/polecats/{name}")


def is_for(reader: str, message: Message) -> bool:
    """Return whether it is addressed to the mail identity, or copied to it."""
    return mail_identity(message.to) == reader or message.is_copy_for(reader)


def in_inbox_order(found: Iterable[Message]) -> list[Message]:
    """Return the messages by priority, then newest first."""
    return sorted(found, key=lambda one: (one.priority, -one.at, one.id))
