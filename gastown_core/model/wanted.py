"""Wanted items of a commons, what was handed in for them, and what of it waits for this town's judgement; text of other towns, not cleaned."""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

OPEN, CLAIMED, IN_REVIEW, COMPLETED, WITHDRAWN = "open", "claimed", "in_review", "completed", "withdrawn"
STATUSES = (OPEN, CLAIMED, IN_REVIEW, COMPLETED, WITHDRAWN)
ALL = "all"


class Wanted(Record):
    """A wanted item as the commons has it. Times as Dolt writes them (UTC)."""

    id: str
    title: str
    description: str
    project: str
    type: str
    priority: int
    tags: tuple[str, ...]
    posted_by: str
    claimed_by: str
    status: str
    effort: str
    evidence_url: str
    created_at: str
    updated_at: str

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {**self._asdict(), "tags": list(self.tags)}


class WantedFilter(Record):
    """Which items are shown: empty words and None are every one, so is the status "all"."""

    status: str = OPEN
    project: str = ""
    type: str = ""
    priority: int | None = None

    def of(self, items: Iterable[Wanted]) -> list[Wanted]:
        """Return the items that fit, in their order."""
        status = "" if self.status == ALL else self.status
        return [
            one
            for one in items
            if (not status or one.status == status)
            and (not self.project or one.project == self.project)
            and (not self.type or one.type == self.type)
            and (self.priority is None or one.priority == self.priority)
        ]

    @property
    def words(self) -> str:
        """What is not every one, in words: ``open, project roof, P1``."""
        told = [self.status.replace("_", " ") if self.status not in ("", ALL) else ""]
        told += [f"project {self.project}" if self.project else "", f"type {self.type}" if self.type else ""]
        told += [f"P{self.priority}" if self.priority is not None else ""]
        return ", ".join(filter(None, told)) or "of any kind"


class Completion(Record):
    """Evidence handed in for a wanted item; ``validated_by`` is empty until somebody judged it."""

    id: str
    wanted_id: str
    completed_by: str
    evidence: str
    validated_by: str
    stamp_id: str
    completed_at: str


class Judgement(Record):
    """A completion that waits for this town: its item without the text, what was handed in, since when (Unix seconds, 0: unknown)."""

    item: Wanted
    handed: Completion
    since: float


class Commons(Record):
    """The commons that the town has joined, as whom, what waits there for its judgement, and how many changes are only here."""

    upstream: str
    handle: str
    to_judge: tuple[Judgement, ...] = ()
    to_send: int = 0
