"""The console's preferences, kept between runs in the town's ``.runtime`` folder: theme, layout, filter."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields

from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.folders import cache_folder
from gastown_core.state.rows import NO_FILTER, EventFilter
from gastown_tui.layout import PANELS, VIEWS
from gastown_tui.themes import AUTO, THEMES

FILE = os.path.join(".runtime", "console", "choices.json")
_FILTER_KEYS = ("rig", "role", "category", "type")


@dataclass(slots=True)
class Preferences:
    """The preferences; ``folded`` are rig names (empty: the town's group), ``filter`` the fields that are set."""

    theme: str = ""
    panel: str = "agents"
    is_drawer_open: bool = False
    drawer_tab: int = 0
    folded: list[str] = field(default_factory=list)
    filter: dict[str, str] = field(default_factory=dict)
    shifts: dict[str, int] = field(default_factory=dict)
    """How far each view's border was moved."""
    arrangement: dict[str, object] = field(default_factory=dict)
    """How the agents are grouped and sorted, and what is hidden."""

    @property
    def event_filter(self) -> EventFilter:
        """The saved filter."""
        kept = self.filter
        return NO_FILTER._replace(
            rig=kept.get("rig", ""),
            role=kept.get("role", ""),
            category=kept.get("category", ""),
            type=kept.get("type", ""),
        )

    def keep_filter(self, wanted: EventFilter) -> None:
        """Keep the fields that the dialog can set; a time or text from the command line is for one run only."""
        self.filter = {key: getattr(wanted, key) for key in _FILTER_KEYS if getattr(wanted, key)}


def load_preferences(root: str) -> Preferences:
    """Return the preferences of the town at ``root``; unreadable or unknown values are ignored."""
    try:
        stored = read_json(os.path.join(root, FILE)) or {}
    except GastownError:
        return Preferences()
    kept = Preferences()
    if stored.get("theme") in (AUTO, *THEMES):
        kept.theme = stored["theme"]
    if stored.get("panel") in PANELS:
        kept.panel = stored["panel"]
    kept.is_drawer_open = stored.get("is_drawer_open") is True
    tab = stored.get("drawer_tab")
    kept.drawer_tab = tab if isinstance(tab, int) and 0 <= tab < 6 else 0
    folded = stored.get("folded")
    kept.folded = [_rig_of(text) for text in folded if isinstance(text, str)] if isinstance(folded, list) else []
    shifts = stored.get("shifts")
    if isinstance(shifts, dict):
        kept.shifts = {key: value for key, value in shifts.items() if key in VIEWS and type(value) is int}
    arrangement = stored.get("arrangement")
    kept.arrangement = arrangement if isinstance(arrangement, dict) else {}
    chosen = stored.get("filter")
    if isinstance(chosen, dict):
        kept.filter = {key: value for key, value in chosen.items() if key in _FILTER_KEYS and isinstance(value, str)}
    return kept


def _rig_of(kept: str) -> str:
    """Return the rig of a folded group; files of earlier versions have ``@town`` and ``@<rig>``."""
    return "" if kept == "@town" else kept.removeprefix("@")


def save_preferences(root: str, kept: Preferences) -> None:
    """Save the preferences (mode 0600). Raises StoreError if the town is not writable."""
    path = os.path.join(root, FILE)
    cache_folder(os.path.dirname(path))
    known = {item.name for item in fields(Preferences)}
    try:
        other = {key: value for key, value in (read_json(path) or {}).items() if key not in known}
    except GastownError:
        other = {}
    write_json(path, {**other, **asdict(kept)}, mode=0o600)
