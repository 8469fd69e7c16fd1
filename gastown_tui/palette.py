"""The palette: everything that exists, by name: every action of the table, every agent, rig and convoy to go to."""

from __future__ import annotations

from gastown_tui.keys import ACTIONS, key_name
from gastown_tui.rowtext import role_icon, state_glyph
from gastown_tui.screens.picker import Entry, Picker
from gastown_tui.text import clean, fit
from gastown_tui.themes import THEMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import TownSnapshot

WORDS = 24
HIDDEN = ("rows.", "drawer.tab", "palette.", "back")


def action_entries(ascii_only: bool) -> list[Entry]:
    """The actions that have a meaning by name (not the plain moves)."""
    entries = []
    for action in ACTIONS:
        if action.id.startswith(HIDDEN):
            continue
        keys = key_name(action.keys[0], ascii_only) if action.keys else ""
        pieces = ((fit(action.label, WORDS), "bright"), (fit(keys, 9) + "  ", "key"), (action.help, "dim"))
        entries.append(Entry("do:" + action.id, pieces, f"{action.label} {action.help}", "do"))
    for theme in THEMES.values():
        words = ((fit(f"theme {theme.name}", WORDS), "bright"), (" " * 11, "text"), (theme.label, "dim"))
        entries.append(Entry("theme:" + theme.name, words, f"theme {theme.name} {theme.label}", "do"))
    return entries


def place_entries(snapshot: TownSnapshot, ascii_only: bool) -> list[Entry]:
    """Agents, rigs and convoys to jump to."""
    entries = []
    for agent in snapshot.agents:
        state = agent.health.state
        pieces = (
            (role_icon(agent.address.role, ascii_only) + " ", "text"),
            (fit(clean(agent.address.short), WORDS - 3), "bright"),
            (" " + state_glyph(state, ascii_only) + " ", state.value),
            (clean(agent.work.title) if agent.work else clean(agent.activity), "dim"),
        )
        entries.append(Entry("agent:" + agent.key, pieces, f"{agent.address.short} {agent.address.role}", "go to"))
    for convoy in snapshot.convoys:
        title = ((fit(convoy.id, WORDS), "bright"), (" " * 4, "text"), (clean(convoy.title), "dim"))
        entries.append(Entry("convoy:" + convoy.id, title, f"{convoy.id} {convoy.title} convoy", "go to"))
    return entries


def command_palette(snapshot: TownSnapshot, ascii_only: bool) -> Picker:
    """The dialog; its answer is ``do:<action>``, ``theme:<name>``, ``agent:<path>`` or ``convoy:<id>``."""
    return Picker(
        "Commands", [*action_entries(ascii_only), *place_entries(snapshot, ascii_only)], hint="what, or whom", verb="go"
    )
