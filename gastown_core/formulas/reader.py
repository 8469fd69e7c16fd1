"""Reads one table: each key by its type; wrong types become problems, unread keys become warnings."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from gastown_core.formulas.errors import Problem
    from gastown_core.formulas.source import Path, Source


class Notes:
    """Findings while reading a formula: problems, which stop it, and warnings, which do not."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def problem(self, path: Sequence[str | int], what: str, fix: str = "") -> None:
        """Add a problem at a key."""
        self.problems.append(self.source.problem(path, what, fix))

    def warn(self, path: Sequence[str | int], what: str) -> None:
        """Add a warning at a key."""
        line = self.source.line(path)
        self.warnings.append(f"{self.source.path}:{line}: {what}" if line else f"{self.source.path}: {what}")


class Reader:
    """One table of the file, at ``path``; ``called`` is its name in messages (``step build``)."""

    def __init__(self, table: dict[str, Any], path: Path, called: str, notes: Notes) -> None:
        self.table = table
        self.path = path
        self.called = called
        self.notes = notes
        self._asked: set[str] = set()

    def problem(self, key: str, what: str, fix: str = "") -> None:
        """Add a problem at a key of the table, or at the table itself if ``key`` is empty."""
        self.notes.problem((*self.path, key) if key else self.path, f"{self.called} {what}".strip(), fix)

    def has(self, key: str) -> bool:
        """Return whether the key is present."""
        self._asked.add(key)
        return key in self.table

    def text(self, key: str, default: str = "") -> str:
        """Return a string."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        self.problem(key, f"has {_kind(value)} as {key}", f'write a string: {key} = "…"')
        return default

    def scalar(self, key: str) -> str | None:
        """Return a string, number or boolean, as text; None if absent."""
        value = self._value(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        self.problem(key, f"has {_kind(value)} as {key}", f'write a string: {key} = "…"')
        return None

    def flag(self, key: str) -> bool:
        """Return a boolean; false if absent."""
        value = self._value(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.problem(key, f"has {_kind(value)} as {key}", f"write {key} = true or {key} = false")
        return False

    def number(self, key: str) -> int | None:
        """Return an integer; None if absent."""
        value = self._value(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.problem(key, f"has {_kind(value)} as {key}", f"write an integer: {key} = 2")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; a single string counts as a list of one."""
        value = self._value(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,) if value else ()
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.problem(key, f"has {_kind(value)} as {key}", f'write a list of strings: {key} = ["…"]')
        return ()

    def scalars(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, numbers and booleans, all as text."""
        value = self._value(key)
        if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
            return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in value)
        return self.texts(key)

    def raw(self, key: str) -> dict[str, Any]:
        """Return a table, unread."""
        value = self._value(key)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self.problem(key, f"has {_kind(value)} as {key}", f"write a table: [{self._header(key)}]")
        return {}

    def free(self, key: str) -> dict[str, Any]:
        """Return a table with any JSON values; dates become text."""
        value = plain(self.raw(key))
        return value if isinstance(value, dict) else {}

    def word_table(self, key: str) -> dict[str, str]:
        """Return a table of strings (numbers and booleans become text)."""
        words: dict[str, str] = {}
        inner = Reader(self.raw(key), (*self.path, key), f"{self.called}: {key}", self.notes)
        for name in inner.table:
            words[name] = inner.scalar(name) or ""
        return words

    def table_at(self, key: str, called: str = "") -> Reader | None:
        """Return a Reader for a table; None if absent."""
        if not self.has(key):
            return None
        return Reader(self.raw(key), (*self.path, key), called or f"{self.called}: {key}".lstrip(": "), self.notes)

    def tables_at(self, key: str, called: str) -> list[Reader]:
        """Readers for a list of tables; each is called ``called`` plus its ``id`` or number."""
        value = self._value(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.problem(key, f"has {_kind(value)} as {key}", f"write a list of tables: [[{self._header(key)}]]")
            return []
        readers = []
        for number, item in enumerate(value):
            word = item.get("id")
            name = word if isinstance(word, str) and word else f"number {number + 1}"
            readers.append(Reader(item, (*self.path, key, number), f"{called} {name}", self.notes))
        return readers

    def done(self) -> None:
        """Warn of every key that was not read."""
        for key in self.table:
            if key not in self._asked:
                from difflib import get_close_matches

                near = get_close_matches(key, self._asked, n=1, cutoff=0.6)
                meant = f"; did you mean {near[0]}?" if near else ""
                self.notes.warn((*self.path, key), f"{self.called} has an unknown key {key}{meant}".strip())

    def _value(self, key: str) -> object:
        self._asked.add(key)
        return self.table.get(key)

    def _header(self, key: str) -> str:
        return ".".join([str(part) for part in self.path if isinstance(part, str)] + [key])


def plain(value: Any) -> Any:
    """Return a TOML value as JSON can represent it: dates, NaN and infinities become text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    return value if isinstance(value, float) and abs(value) < float("inf") else str(value)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else f"a {type(value).__name__}"
