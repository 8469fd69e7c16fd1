"""What a person decided about rows of the list: snoozed, pinned, done; one private file per town, with undo.

A mark applies to the row as it was: when its ``stamp`` changes, the row returns.  A snooze without a time, and ``done``,
end after a day at the latest where the row is still there.  Questions of a program can be snoozed, not done: the agent
goes on waiting.
"""

from __future__ import annotations

import os

from gastown_core.attention.count import ordered
from gastown_core.attention.item import QUESTIONS, READ
from gastown_core.errors import ConflictError, GastownError, UsageError, words_of
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.files.mark import Mark as FileMark
from gastown_core.files.mark import mark_at
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from gastown_core.attention.item import Item

LONGEST_S = 86400.0
"""How long an unchanged row stays hidden without a time of its own."""
KEPT_S = 30 * 86400.0
MOST_UNDOS = 20
NEVER = 253_402_300_800.0
"""The year 10000: no calendar goes so far."""
SNOOZED, DONE, PINNED = "snoozed", "done", "pinned"
"""What a row is marked as."""


class Mark(Record):
    """The mark of one row; ``until`` is when a hidden row returns, ``stamp`` the state of the row that it applies to."""

    state: str = ""
    until: float = 0.0
    stamp: str = ""
    is_pinned: bool = False
    at: float = 0.0

    def hides(self, item: Item, now: float) -> bool:
        """Whether the row is hidden now."""
        return self.state in (SNOOZED, DONE) and self.stamp == item.stamp and self.at <= now < self.until


class Sorted(Record):
    """The list as a person wants it: the rows to show, and those hidden for now."""

    shown: tuple[Item, ...]
    hidden: tuple[Item, ...]


def path_of(root: str) -> str:
    """Return the file of a town's marks."""
    return os.path.join(root, ".runtime", "attention.json")


def apply(items: Iterable[Item], marks: Mapping[str, Mark], now: float) -> Sorted:
    """Return the rows with pins, and without those that are snoozed or done; pure."""
    if not marks:
        return Sorted(tuple(items), ())
    shown, hidden = [], []
    for item in items:
        mark = marks.get(item.key)
        if mark is None:
            shown.append(item)
        elif mark.hides(item, now):
            hidden.append(item._replace(is_pinned=mark.is_pinned, snoozed_until=mark.until))
        else:
            shown.append(item._replace(is_pinned=mark.is_pinned))
    return Sorted(ordered(shown), tuple(hidden))


def sort_rows(root: str, items: Iterable[Item], now: float) -> tuple[Sorted, str]:
    """Return the rows as a person wants them, and why their marks cannot be read; then every row is shown."""
    try:
        return apply(items, read_marks(root), now), ""
    except GastownError as error:
        # a row too many is better than a question that nobody sees
        return apply(items, {}, now), words_of(error)


def read_marks(root: str) -> dict[str, Mark]:
    """Return the marks of the file; empty without one. Raises SettingsError if it cannot be read."""
    value = read_json(path_of(root)) or {}
    told = value.get("marks")
    rows = told.items() if isinstance(told, dict) else ()
    return {key: mark for key, row in rows if (mark := _mark(row)) is not None}


def _mark(row: object) -> Mark | None:
    if not isinstance(row, dict):
        return None
    return Mark(
        str(row.get("state") or ""),
        _moment(row.get("until")),
        str(row.get("stamp") or ""),
        row.get("pinned") is True,
        _moment(row.get("at")),
    )


def _moment(value: object) -> float:
    """Return a moment of the file; 0 for what is none."""
    return float(value) if isinstance(value, int | float) and 0 <= value < NEVER else 0.0


def snooze(root: str, item: Item, until: float, now: float) -> None:
    """Hide the row until ``until`` (0: until it changes, a day at most). Raises UsageError for a time that is over."""
    if until and until <= now:
        raise UsageError("that time is over", "", "snooze for a span such as 30m or 2h, or until a later time")
    _set(root, item, Mark(SNOOZED, until or now + LONGEST_S, item.stamp, at=now), f"snooze {item.key}")


def done(root: str, item: Item, now: float) -> None:
    """Hide the row until it changes; what was only to be read does not come back.

    Raises ConflictError for a question: only an answer ends it.
    """
    if item.kind in QUESTIONS:
        raise ConflictError(
            f"{item.subject.name} still asks", "only an answer ends its question", "answer it, or snooze the row"
        )
    until = now + (KEPT_S if item.needs == READ else LONGEST_S)
    _set(root, item, Mark(DONE, until, item.stamp, at=now), f"done {item.key}")


NOTHING_TO_READ = "nothing is to be read; a pinned row stays until it is unpinned or done"
"""What a front end says when ``read_all`` hid nothing."""


def read_all(root: str, items: Iterable[Item], now: float) -> int:
    """Hide all rows that are only to be read, but for pinned ones, as one act; return how many, and 0 is no act."""
    rows = [one for one in items if one.needs == READ and not one.is_pinned]
    if not rows:
        return 0
    marks = [(one.key, _put(Mark(DONE, now + KEPT_S, one.stamp, at=now))) for one in rows]
    _edit(root, marks, f"read {len(rows)} row{'s' if len(rows) > 1 else ''}", now)
    return len(rows)


def pin(root: str, item: Item, now: float) -> bool:
    """Pin the row to the top, or unpin it; return whether it is pinned now."""
    is_pinned = not item.is_pinned

    def change(row: dict[str, object]) -> None:
        row.update(pinned=is_pinned, at=_moment(row.get("at")) or now)

    _edit(root, [(item.key, change)], f"{'pin' if is_pinned else 'unpin'} {item.key}", now)
    return is_pinned


def undo(root: str) -> str:
    """Undo the last act and return what it was. Raises ConflictError if there is none."""
    taken: list[str] = []

    def change(value: dict[str, Any]) -> None:
        acts = value.get("undo")
        last = acts.pop() if isinstance(acts, list) and acts else None
        if not isinstance(last, dict):
            raise ConflictError("there is nothing to undo", "no row was snoozed, pinned or marked done")
        marks = value.setdefault("marks", {})
        more = last.get("more")
        for one in (last, *(more if isinstance(more, list) else ())):
            key = str(one.get("key")) if isinstance(one, dict) else ""
            marks.pop(key, None)
            if key and isinstance(one.get("before"), dict):
                marks[key] = one["before"]
        taken.append(str(last.get("act") or last.get("key")))

    edit_json(path_of(root), change, mode=0o600)
    return taken[0]


def last_act(root: str) -> tuple[float, str] | None:
    """Return when the newest act that ``undo`` takes back was done, and what it was; None if there is none."""
    try:
        acts = (read_json(path_of(root)) or {}).get("undo")
    except GastownError:
        return None
    last = acts[-1] if isinstance(acts, list) and acts else None
    at = last.get("at") if isinstance(last, dict) else None
    return (float(at), str(last.get("act") or last.get("key"))) if isinstance(at, int | float) and last else None


def _set(root: str, item: Item, mark: Mark, act: str) -> None:
    _edit(root, [(item.key, _put(mark))], act, mark.at)


def _put(mark: Mark) -> Callable[[dict[str, object]], None]:
    # functools is slow to import, and gt status reads marks
    return lambda row: row.update(state=mark.state, until=mark.until, stamp=mark.stamp, at=mark.at)


def _edit(root: str, rows: Sequence[tuple[str, Callable[[dict[str, object]], None]]], act: str, now: float) -> None:
    """Change rows, by their keys, as one act."""

    def change(value: dict[str, object]) -> None:
        marks = value.get("marks")
        kept = {
            name: row
            for name, row in (marks.items() if isinstance(marks, dict) else ())
            if isinstance(row, dict) and now - _moment(row.get("at")) < KEPT_S
        }
        first, *more = [{"key": key, "before": kept.get(key)} for key, _ in rows]
        for key, change_row in rows:
            row = dict(kept.get(key) or {})
            change_row(row)
            kept[key] = row
        acts = value.get("undo")
        done_now = {**first, "act": act, "at": now, **({"more": more} if more else {})}
        undos = [*(acts if isinstance(acts, list) else []), done_now]
        value.update(version=1, marks=kept, undo=undos[-MOST_UNDOS:])

    edit_json(path_of(root), change, mode=0o600)


class Marks:
    """The marks of a town for a process that stays: read again when the file has changed."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.error = ""
        self._file: FileMark | None = None
        self._marks: dict[str, Mark] = {}

    def now(self) -> dict[str, Mark]:
        """Return the marks; while the file cannot be read, none, and ``error`` says why."""
        mark = mark_at(path_of(self.root))
        if mark != self._file:
            self._file = mark
            try:
                self._marks, self.error = read_marks(self.root), ""
            except GastownError as error:
                # a row too many is better than a question that nobody sees
                self._marks, self.error = {}, str(error)
        return self._marks
