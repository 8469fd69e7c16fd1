"""Verdicts of our own gate runs, by tree and gate set: a tree that was green is never tested again.

A red verdict takes the place of a green one; it is never trusted again, but tells that what is around the gates changed.
"""

from __future__ import annotations

import os

from gastown_core.clock import format_seconds, parse_moment
from gastown_core.errors import SettingsError
from gastown_core.files.atomic import edit_json, read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "gate-cache.json"
MOST = 1000


class VerdictCache:
    """The cache of one rig for one gate set; a file that cannot be read counts as empty."""

    def __init__(self, runtime: str, gate_set: str) -> None:
        self.path = os.path.join(runtime, FILE)
        self.gate_set = gate_set

    def get(self, tree: str) -> tuple[str, float]:
        """Result and moment of the last verdict on a tree, ("", 0) if there is none."""
        found = self._read().get(f"{tree}:{self.gate_set}")
        if not isinstance(found, dict):
            return "", 0.0
        return str(found.get("result") or ""), parse_moment(found.get("at")) or 0.0

    def put(self, tree: str, result: str, now: float) -> None:
        """Remember a verdict; beyond a thousand the oldest are forgotten."""

        def change(value: dict[str, Any]) -> None:
            verdicts = value.get("verdicts")
            kept = verdicts if isinstance(verdicts, dict) else {}
            key = f"{tree}:{self.gate_set}"
            kept.pop(key, None)
            kept[key] = {"result": result, "at": format_seconds(now)}
            value["version"] = 1
            value["verdicts"] = dict(list(kept.items())[-MOST:])

        try:
            edit_json(self.path, change, mode=0o600)
        except SettingsError:
            os.unlink(self.path)
            edit_json(self.path, change, mode=0o600)

    def _read(self) -> dict[str, Any]:
        try:
            found = (read_json(self.path) or {}).get("verdicts")
        except SettingsError:
            return {}
        return found if isinstance(found, dict) else {}
