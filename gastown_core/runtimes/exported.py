"""What agents' programs exported of themselves last: ``<town>/.runtime/exported/agents.json``, written by the town's receiver.

Of each agent the newest request to a model that was answered, the newest that was refused, and the newest decision about a
tool.  It is the program's own word, and later than its record: programs export every few seconds.
"""

from __future__ import annotations

import os

from gastown_core.files.atomic import read_json, write_atomic
from gastown_core.files.folders import private_folder
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TELEMETRY = "telemetry"
"""The source of this evidence in an agent's reasons."""
FILE = "agents.json"
KEPT_S = 86400.0
MOST_AGENTS = 1000
LONGEST = 200


class Exported(Record):
    """The newest of each kind; moments are Unix seconds, 0 if there was none. ``decision`` is accept or reject."""

    request_at: float = 0.0
    model: str = ""
    error_at: float = 0.0
    error: str = ""
    tool_at: float = 0.0
    tool: str = ""
    decision: str = ""

    @property
    def at(self) -> float:
        """When the program exported anything."""
        return max(self.request_at, self.error_at, self.tool_at)

    @property
    def is_refused(self) -> bool:
        """Whether its last request was refused: none was answered since."""
        return self.error_at > self.request_at

    def newer(self, other: Exported) -> Exported:
        """Return the newest of both, kind by kind."""
        found = self
        if other.request_at >= found.request_at:
            found = found._replace(request_at=other.request_at, model=other.model)
        if other.error_at >= found.error_at:
            found = found._replace(error_at=other.error_at, error=other.error)
        if other.tool_at >= found.tool_at:
            found = found._replace(tool_at=other.tool_at, tool=other.tool, decision=other.decision)
        return found


def exported_folder(root: str) -> str:
    """Return the folder of the file."""
    return os.path.join(root, ".runtime", "exported")


def read_exported(root: str) -> dict[str, Exported]:
    """Return what is known by agent (its address as a path); junk rows are left out. Raises SettingsError."""
    value = read_json(os.path.join(exported_folder(root), FILE)) or {}
    told = value.get("agents")
    rows = told.items() if isinstance(told, dict) else ()
    return {agent: one for agent, row in rows if (one := _parsed(row)) is not None}


def _parsed(row: object) -> Exported | None:
    if not isinstance(row, dict):
        return None
    found: dict[str, Any] = {}
    for name, default in Exported()._asdict().items():
        value = row.get(name, default)
        if isinstance(default, str):
            if not isinstance(value, str):
                return None
            found[name] = value[:LONGEST]
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
            return None
        else:
            found[name] = float(value)
    return Exported(**found)


def write_exported(root: str, known: Mapping[str, Exported], now: float) -> dict[str, Exported]:
    """Replace the file, without agents that were silent for ``KEPT_S``; return what it holds. Raises StoreError, OSError."""
    from gastown_core.model.json_text import encode_json, encode_text

    fresh = sorted(((one.at, agent) for agent, one in known.items() if now - one.at < KEPT_S), reverse=True)
    kept = {agent: known[agent] for _, agent in fresh[:MOST_AGENTS]}
    agents = {agent: one._asdict() for agent, one in kept.items()}
    private_folder(exported_folder(root))
    path = os.path.join(exported_folder(root), FILE)
    write_atomic(path, encode_text(encode_json({"agents": agents})), mode=0o600, sync=False)
    return kept
