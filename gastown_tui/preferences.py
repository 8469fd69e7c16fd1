"""What the console remembers of a person between two runs: theme, layout, filter; in the town's run-time folder."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields

from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import cache_folder
from gastown_core.state.rows import NO_FILTER, EventFilter
from gastown_tui.layout import PANELS
from gastown_tui.themes import THEMES

FILE = os.path.join(".runtime", "console", "choices.json")
_FILTER_KEYS = ("rig", "role", "category", "type")


@dataclass(slots=True)
class Preferences:
    """The remembered choices; ``folded`` are rigs by name (the town's own: empty), ``filter`` the fields that are chosen."""

    theme: str = ""
    panel: str = "agents"
    is_drawer_open: bool = False
    drawer_tab: int = 0
    folded: list[str] = field(default_factory=list)
    filter: dict[str, str] = field(default_factory=dict)

    @property
    def event_filter(self) -> EventFilter:
        """The remembered filter."""
        kept = self.filter
        return NO_FILTER._replace(
            rig=kept.get("rig", ""),
            role=kept.get("role", ""),
            category=kept.get("category", ""),
            type=kept.get("type", ""),
        )

    def keep_filter(self, wanted: EventFilter) -> None:
        """Remember what can be chosen of a filter; a time or a text of the command line is for one run."""
        self.filter = {key: getattr(wanted, key) for key in _FILTER_KEYS if getattr(wanted, key)}


def load_preferences(root: str) -> Preferences:
    """What was remembered for the town at ``root``; what cannot be read or is no choice of ours is left out."""
    try:
        stored = read_json(os.path.join(root, FILE)) or {}
    except GastownError:
        return Preferences()
    kept = Preferences()
    if stored.get("theme") in THEMES:
        kept.theme = stored["theme"]
    if stored.get("panel") in PANELS:
        kept.panel = stored["panel"]
    kept.is_drawer_open = stored.get("is_drawer_open") is True
    tab = stored.get("drawer_tab")
    kept.drawer_tab = tab if isinstance(tab, int) and 0 <= tab < 4 else 0
    folded = stored.get("folded")
    kept.folded = [_rig_of(text) for text in folded if isinstance(text, str)] if isinstance(folded, list) else []
    chosen = stored.get("filter")
    if isinstance(chosen, dict):
        kept.filter = {key: value for key, value in chosen.items() if key in _FILTER_KEYS and isinstance(value, str)}
    return kept


def _rig_of(kept: str) -> str:
    """The rig of a folded group; files of earlier versions have ``@town`` and ``@<rig>``."""
    return "" if kept == "@town" else kept.removeprefix("@")


def save_preferences(root: str, kept: Preferences) -> None:
    """Remember, privately. Raises StoreError if the town cannot be written."""
    path = os.path.join(root, FILE)
    cache_folder(os.path.dirname(path))
    known = {item.name for item in fields(Preferences)}
    try:
        other = {key: value for key, value in (read_json(path) or {}).items() if key not in known}
    except GastownError:
        other = {}
    write_json(path, {**other, **asdict(kept)}, mode=0o600)
