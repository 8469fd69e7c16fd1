"""The text of a formula and where in it a key stands; lines are looked for only when a message needs one."""

from __future__ import annotations

import os
import re

from gastown_core.files.plain import open_plain
from gastown_core.formulas.errors import FormulaError, Problem
from gastown_core.model.json_text import decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Path = tuple[str | int, ...]

TOML, JSON = ".formula.toml", ".formula.json"
MAX_BYTES = 2_000_000


class Source:
    """A formula's text: ``path`` is its file (or ``shipped:<name>``), ``tier`` rig, town, user, shipped or file."""

    def __init__(self, text: str, path: str, *, tier: str = "file", is_json: bool = False) -> None:
        self.text = text
        self.path = path
        self.tier = tier
        self.is_json = is_json
        self._lines: dict[Path, int] | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder and its ending."""
        base = os.path.basename(self.path).removeprefix("shipped:")
        return base.removesuffix(TOML).removesuffix(JSON).removesuffix(".toml").removesuffix(".json")

    def data(self) -> dict[str, Any]:
        """The text as tables. Raises FormulaError naming the line where it is no TOML (or JSON)."""
        return _json_data(self) if self.is_json else _toml_data(self)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a key, given as ``("steps", 2, "needs")``; that of the nearest table around it, 0 if unknown."""
        if self._lines is None:
            from gastown_core.formulas.lines import json_lines, toml_lines

            self._lines = json_lines(self.text) if self.is_json else toml_lines(self.text)
        key = tuple(path)
        while key:
            if key in self._lines:
                return self._lines[key]
            key = key[:-1]
        return 0

    def problem(self, path: Sequence[str | int], what: str, fix: str = "") -> Problem:
        """A problem at a key."""
        return Problem(self.path, self.line(path), what, fix)


def read_source(path: str, *, tier: str = "file", shown: str = "") -> Source:
    """Read a formula's file. Raises FormulaError if it cannot be read, is too large, or is no UTF-8."""
    name = shown or path
    try:
        with open(open_plain(path), "rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise FormulaError(f"{name} cannot be read", error.strerror or str(error), "check the path") from None
    if len(raw) > MAX_BYTES:
        raise FormulaError(f"{name} is too large for a formula", f"more than {MAX_BYTES:,} bytes", "use loops")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FormulaError(f"{name} is not UTF-8", f"line {line}", "save it as UTF-8") from None
    return Source(text, name, tier=tier, is_json=path.endswith(".json"))


def _toml_data(source: Source) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = re.search(r"\(at line (\d+), column (\d+)\)", said)
        line = int(place[1]) if place else source.text.count("\n") + 1
        what = said[: place.start()].strip() if place else said.replace(" (at end of document)", "")
        raise _broken(source, "TOML", line, what) from None
    except RecursionError:
        raise _broken(source, "TOML", 0, "nested too deep") from None


def _json_data(source: Source) -> dict[str, Any]:
    import json

    try:
        value = decode_json(source.text)
    except json.JSONDecodeError as error:
        raise _broken(source, "JSON", error.lineno, error.msg) from None
    except ValueError as error:
        raise _broken(source, "JSON", 0, str(error)) from None
    if not isinstance(value, dict):
        raise _broken(source, "JSON", 1, "a formula is an object")
    return value


def _broken(source: Source, kind: str, line: int, what: str) -> FormulaError:
    found = Problem(source.path, line, f"no valid {kind}: {what}", f"correct line {line}" if line else "simplify it")
    return FormulaError(f"formula {source.name} is {found.what}", found.where, found.fix, problems=(found,))
