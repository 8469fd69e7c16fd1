"""What the console does with mail: the same mailbox as ``gt mail``.  All of it blocks; call it in a thread."""

from __future__ import annotations

from gastown_core.beads.ledger import TownLedger
from gastown_core.errors import StoreError
from gastown_core.messaging import mailbox
from gastown_core.messaging.mail import Letter, announce_arrival, answer, deliver
from gastown_core.messaging.message import Message as Message
from gastown_core.messaging.recipients import Directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.store import BeadStore

OVERSEER = "overseer"


def _store(ledger: TownLedger) -> BeadStore:
    store = ledger.store("town")
    if store is None:
        raise StoreError("the town's ledger cannot be read", ledger.missing.get("town", "it is missing"))
    return store


def mail_of(root: str, reader: str) -> list[Message]:
    """Return the inbox of a mail identity, without bodies. Raises GastownError."""
    return mailbox.inbox(_store(TownLedger(root)), reader)


def read_mail(root: str, message_id: str, reader: str, *, whole_thread: bool = False) -> list[Message]:
    """Return a message with its body, or its whole thread; the overseer's own is then read. Raises GastownError.

    An agent's mail stays unread: a person who looks at it is not the agent.
    """
    store = _store(TownLedger(root))
    message = mailbox.get_message(store, message_id, reader)
    if reader == OVERSEER:
        mailbox.mark_read(store, [message.id], reader)
    return mailbox.thread_of(store, message) if whole_thread else [message]


def read_thread(root: str, message_id: str) -> list[Message]:
    """Return a message's whole thread with bodies, oldest first; nothing is marked as read. Raises GastownError."""
    store = _store(TownLedger(root))
    return mailbox.thread_of(store, mailbox.get_message(store, message_id, OVERSEER))


def archive_mail(root: str, message_id: str, reader: str) -> None:
    """Archive a message of the reader. Raises GastownError."""
    mailbox.archive(_store(TownLedger(root)), [message_id], reader)


def answer_mail(root: str, message_id: str, body: str) -> list[str]:
    """Answer a message in the overseer's name; returns what went wrong with the nudges. Raises GastownError."""
    ledger = TownLedger(root)
    store = _store(ledger)
    message = mailbox.get_message(store, message_id, OVERSEER)
    letter, targets, to = answer(message, body, Directory(root, store, OVERSEER), sender=OVERSEER)
    ids = deliver(root, store, letter, targets, to=to)
    return announce_arrival(root, ledger, letter, targets, ids)


def mark_mail_read(root: str, message_id: str) -> None:
    """Mark a message to the overseer as read. Raises GastownError."""
    mailbox.mark_read(_store(TownLedger(root)), [message_id], OVERSEER)


def write_mail(root: str, to: str, subject: str, body: str) -> list[str]:
    """Send a message in the overseer's name; returns what went wrong with the nudges. Raises GastownError."""
    ledger = TownLedger(root)
    store = _store(ledger)
    letter = Letter(OVERSEER, subject, body)
    targets = Directory(root, store, OVERSEER).resolve(to)
    ids = deliver(root, store, letter, targets, to=to)
    return announce_arrival(root, ledger, letter, targets, ids)
