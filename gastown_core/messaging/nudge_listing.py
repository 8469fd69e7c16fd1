"""An agent's nudges: queued ones and why they wait, those on the way, dead letters, and recent deliveries."""

from __future__ import annotations

import os

from gastown_core.clock import format_seconds
from gastown_core.messaging.handover import deliveries, on_the_way
from gastown_core.messaging.queue import URGENT, dead_letters, held, queue_dir, read_nudge, waiting
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.messaging.handover import Delivery, Handover
    from gastown_core.messaging.queue import DeadLetter, QueuedNudge


class QueueView(Record):
    """The queue of one session; ``held`` is why it waits, by the last delivery attempt."""

    waiting: tuple[QueuedNudge, ...] = ()
    on_the_way: tuple[Handover, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    delivered: tuple[Delivery, ...] = ()
    held: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is queued, on the way or dead."""
        return not (self.waiting or self.on_the_way or self.dead)

    def words(self) -> str:
        """The counts in words: ``2 waiting, 1 not delivered``."""
        on_the_way = sum(len(one.members) for one in self.on_the_way)
        counts = ((len(self.waiting), "waiting"), (on_the_way, "on the way"), (len(self.dead), "not delivered"))
        return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing waiting"

    def as_json(self) -> dict[str, object]:
        """The view as ``gt nudge --list --json`` prints it."""
        return {
            "waiting": [
                {
                    "id": one.name,
                    "sender": one.sender,
                    "message": one.message,
                    "priority": one.priority,
                    "mode": one.mode,
                    "about": one.about,
                    "queued_at": format_seconds(one.at),
                    "expires_at": format_seconds(one.until) if one.until else "",
                }
                for one in self.waiting
            ],
            "held": self.held if self.waiting else "",
            "on_the_way": [
                {"ids": list(one.members), "text": one.text, "way": one.way, "given_at": format_seconds(one.at)}
                for one in self.on_the_way
            ],
            "dead": [
                {
                    "id": one.name,
                    "sender": one.sender,
                    "message": one.message,
                    "reason": one.reason,
                    "dead_at": format_seconds(one.at),
                }
                for one in self.dead
            ],
            "delivered": [
                {"id": one.name, "delivered_at": format_seconds(one.at), "proof": one.proof} for one in self.delivered
            ],
        }


def view_of(town_root: str, session: str) -> QueueView:
    """The session's queue now; unreadable files are left to the next attempt, which makes them dead letters."""
    if not os.path.isdir(queue_dir(town_root, session)):
        return QueueView()
    nudges = [nudge for nudge in map(read_nudge, waiting(town_root, session)) if nudge is not None]
    return QueueView(
        tuple(sorted(nudges, key=lambda one: one.priority != URGENT)),
        tuple(on_the_way(town_root, session)),
        tuple(dead_letters(town_root, session)),
        tuple(deliveries(town_root, session)),
        held(town_root, session),
    )
