"""The order of the attention list, and how many of its rows wait on a person; pure.

Here is decided which rows count: whoever shows a number of the list (header, badge, title, bell, status, metrics) takes it
from ``count_of``.
"""

from __future__ import annotations

from gastown_core.attention.item import HELP, KINDS, NEEDS, READ, TROUBLE_KINDS, YOU
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.attention.item import Item
    from gastown_core.model.snapshot import TownSnapshot

_RANK = {kind: rank for rank, kind in enumerate((*KINDS, *TROUBLE_KINDS))}
_NEEDS = {name: rank for rank, name in enumerate(NEEDS)}


class Count(Record):
    """How many rows wait on a person, are trouble that may mend itself, are only to be read; since when the oldest waits."""

    you: int
    trouble: int
    oldest: float = 0.0
    to_read: int = 0

    @property
    def is_calm(self) -> bool:
        """Whether nothing waits on anybody; what is to be read can wait."""
        return not self.you and not self.trouble

    @property
    def words(self) -> list[str]:
        """What waits, in words: ``3 need you``, ``1 needs help``; what is only to be read is not among them."""
        counted = ((self.you, "you"), (self.trouble, "help"))
        return [f"{many} need{'s' if many == 1 else ''} {what}" for many, what in counted if many]


def calm_words(town: TownSnapshot) -> str:
    """Return what an empty list means: an all-clear only where every source could be read."""
    blind = [source.name for source in town.sources if source.error]
    if blind:
        return f"Nothing that can be seen needs you, but {' and '.join(blind)} cannot be read."
    return "Nobody needs you."


def ordered(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return the rows by need: pinned ones, then what they need, urgency and kind, then since when."""
    return tuple(
        sorted(
            items,
            key=lambda one: (
                not one.is_pinned,
                _NEEDS[one.needs],
                one.urgency,
                _RANK[one.kind],
                one.since or float("inf"),
                one.key,
            ),
        )
    )


def count_of(items: Iterable[Item]) -> Count:
    """Count the rows."""
    items = tuple(items)
    needs = {name: [one for one in items if one.needs == name] for name in NEEDS}
    moments = [one.since for one in needs[YOU] if one.since]
    return Count(len(needs[YOU]), len(needs[HELP]), min(moments, default=0.0), len(needs[READ]))


def oldest_first(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return what waits on a person, the oldest first: the order in which a person jumps from one to the next."""
    rows = [one for one in items if one.needs != READ]
    waits = [one for one in rows if one.needs == YOU] or rows
    return tuple(sorted(waits, key=lambda one: (one.since or float("inf"), one.key)))
