"""Announce new mail to an agent through a hook: each message once, even if two hooks run at the same time.

A message counts as announced once its receipt is stored; the hook that stores it, under the store's lock, announces it.
"""

from __future__ import annotations

from gastown_core.messaging.mailbox import inbox, receipt
from gastown_core.messaging.message import HIGH, URGENT, message_of
from gastown_core.model.bead import HOOKED
from gastown_core.model.plain_text import clean
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.store import BeadStore
    from gastown_core.messaging.message import Message

MOST = 20
"""Messages told at once; the next hook tells the next ones."""


class MailCheck(Record):
    """The result of a check: all unread messages, and those not announced yet."""

    unread: int
    fresh: tuple[Message, ...]


def look(store: BeadStore, reader: str) -> MailCheck:
    """Return the reader's unread mail; changes nothing. Messages on its hook are left to its briefing."""
    unread = [message for message in inbox(store, reader) if not message.is_read(reader)]
    return MailCheck(len(unread), tuple(one for one in unread if not one.is_told(reader) and one.status != HOOKED))


def take(store: BeadStore, reader: str) -> MailCheck:
    """Return the unread mail, and store receipts of what is announced now (at most MOST), so that no other hook announces it."""
    found = look(store, reader)
    if not found.fresh:
        return found
    told = []
    with store.write(reader) as batch:
        for listed in found.fresh[:MOST]:
            bead = batch.get(listed.id)
            message = None if bead is None else message_of(bead)
            if message is None or message.is_archived(reader) or message.is_read(reader) or message.is_told(reader):
                continue
            batch.update(message.id, {"labels": [*message.labels, *receipt(batch, message, reader)]})
            told.append(message)
    return MailCheck(found.unread, tuple(told))


def words(found: MailCheck) -> str:
    """Return the announcement of the new messages, the most urgent first; empty if there are none."""
    if not found.fresh:
        return ""
    urgent = [message for message in found.fresh if message.priority == URGENT]
    high = [message for message in found.fresh if message.priority == HIGH]
    rest = [message for message in found.fresh if message.priority > HIGH]
    if urgent:
        lines = ["URGENT mail: stop what you do and read it now (gt mail read ID).", *map(_line, urgent)]
        lines += ["High priority:", *map(_line, high)] if high else []
        lines += [f"And {len(rest)} of lower priority: gt mail inbox"] if rest else []
    elif high:
        lines = ["Mail of high priority: finish your present task, then read it (gt mail read ID) before the next one."]
        lines += map(_line, (*high, *rest))
    else:
        lines = ["Mail for you. It does not interrupt: go on with your work, and read it at a pause (gt mail read ID)."]
        lines += map(_line, rest)
    older = found.unread - len(found.fresh)
    if older > 0:
        lines.append(f"{older} more unread: gt mail inbox")
    return "\n".join(lines)


def _line(message: Message) -> str:
    return f"- {message.id} from {clean(message.sender)}: {clean(message.subject)}"
