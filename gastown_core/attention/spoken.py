"""What changed in the attention list, in sentences: for screen readers and terminals that draw nothing.

Pure.  A row that has left is only called settled where every source could be read.
"""

from __future__ import annotations

from gastown_core.attention.count import calm_words, count_of
from gastown_core.attention.item import HELP, READ, YOU
from gastown_core.attention.marks import Sorted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.attention.item import Item
    from gastown_core.model.snapshot import TownSnapshot


def opening(found: Sorted, town: TownSnapshot) -> list[str]:
    """Return the list as it stands: its count, then each row."""
    return [_count(found, town), *(_said(one) for one in found.shown)]


def changes(before: Sorted, after: Sorted, town: TownSnapshot) -> list[str]:
    """Return a sentence for each row that came, changed, was hidden or left, and the new count; empty if nothing did."""
    told = [*_came(before, after), *_left(before, after, town)]
    return [*told, _count(after, town)] if told else []


def _came(before: Sorted, after: Sorted) -> Iterator[str]:
    known = {one.key: one for one in before.shown}
    hidden = {one.key for one in before.hidden}
    for one in after.shown:
        old = known.get(one.key)
        if old is None:
            yield f"back: {_said(one)}" if one.key in hidden else _said(one)
        elif (old.kind, old.stamp) != (one.kind, one.stamp):
            yield f"changed: {_said(one)}"
        elif old.is_pinned != one.is_pinned:
            yield f"{'pinned' if one.is_pinned else 'unpinned'}: {one.subject.name}: {one.question}"


def _left(before: Sorted, after: Sorted, town: TownSnapshot) -> Iterator[str]:
    shown, hidden = {one.key for one in after.shown}, {one.key for one in after.hidden}
    blind = [source.name for source in town.sources if source.error]
    for one in before.shown:
        if one.key in shown:
            continue
        if one.key in hidden:
            yield f"hidden: {one.subject.name}: {one.question}"
        elif blind:
            yield f"no longer seen, as {' and '.join(blind)} cannot be read: {one.subject.name}: {one.question}"
        else:
            yield f"over: {one.subject.name}: {one.question}"


def _said(one: Item) -> str:
    """Return a row as a sentence, with its choices by number and the command that settles it."""
    needs = {YOU: "needs you", HELP: "may need help", READ: "is to be read"}[one.needs]
    said = f"{one.subject.name} {needs}, {one.kind}: {one.question}"
    if one.choices:
        said += f"; choices {', '.join(one.choices)}"
    if one.holds:
        said += f"; blocks {len(one.holds)} bead{'' if len(one.holds) == 1 else 's'}"
    return said + (f"; {one.hint}" if one.hint else "")


def _count(found: Sorted, town: TownSnapshot) -> str:
    count = count_of(found.shown)
    more = f"{count.to_read} to read" if count.to_read else ""
    if count.is_calm:
        return f"{calm_words(town)} {more}." if more else calm_words(town)
    words = [f"{count.you} need{'s' if count.you == 1 else ''} you"] if count.you else []
    words += [f"{count.trouble} may need help"] if count.trouble else []
    return ", ".join([*words, more] if more else words)
