"""Choosing what events are shown: a rig, a role, a category, a type."""

from __future__ import annotations

from gastown_core.model.address import RIG_ROLES, ROLE_ICONS, TOWN_ROLES
from gastown_core.model.event import CATALOGUE, CATEGORIES
from gastown_core.state.filter import NO_FILTER
from gastown_tui.screens.picker import Entry, Picker
from gastown_tui.text import clean, fit, glyph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.state.filter import EventFilter

ALL = "all"


def filter_entries(snapshot: TownSnapshot, wanted: EventFilter, ascii_only: bool) -> list[Entry]:
    """Everything that can be chosen, what is chosen now marked."""
    column = 1 if ascii_only else 0
    entries = [Entry(ALL, (("everything", "bright"), ("   no filter at all", "dim")), "everything all none clear")]

    def add(field: str, value: str, note: str, section: str) -> None:
        is_on = getattr(wanted, field) == value
        mark = glyph("running", ascii_only) if is_on else " "
        pieces = ((mark + " ", "accent"), (fit(clean(value), 22), "bright" if is_on else "text"), (note, "dim"))
        entries.append(Entry(f"{field}={value}", pieces, f"{value} {field} {note}", section))

    for rig in snapshot.rigs:
        add("rig", rig.name, rig.prefix, "rig")
    for role in (*TOWN_ROLES, *RIG_ROLES):
        add("role", role, ROLE_ICONS[role][column], "role")
    for category in CATEGORIES:
        add("category", category, "", "category")
    for kind in CATALOGUE.values():
        add("type", kind.name, f"{fit(kind.ascii if ascii_only else kind.symbol, 2)} {kind.category}", "type")
    return entries


def chosen_filter(wanted: EventFilter, key: str) -> EventFilter:
    """The filter after a choice: taking what is on already takes it off."""
    if key == ALL:
        return NO_FILTER
    field, _, value = key.partition("=")
    changes: dict[str, Any] = {field: "" if getattr(wanted, field) == value else value}
    return wanted._replace(**changes)


def filter_picker(snapshot: TownSnapshot, wanted: EventFilter, ascii_only: bool) -> Picker:
    """The dialog."""
    return Picker(
        "Filter the events",
        filter_entries(snapshot, wanted, ascii_only),
        hint="rig, role, category or type",
        verb="show only",
    )
