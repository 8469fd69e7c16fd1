"""The lists of the pickers: ready beads, sling targets, event filters, and the command palette."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.binding import Binding

from gastown_core.clock import format_age
from gastown_core.model.address import CREW, POLECAT, RIG_ROLES, ROLE_ICONS, TOWN_ROLES
from gastown_core.model.agent import Health
from gastown_core.model.bead import priority_word
from gastown_core.model.event import CATALOGUE, CATEGORIES
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.state.rows import NO_FILTER
from gastown_tui.dialogs.command import Given, HeldBead, ThemeChoice, given_in, takes_argument
from gastown_tui.dialogs.picker import Entry, Picker
from gastown_tui.keys import Action, key_name
from gastown_tui.rowtext import role_icon, state_glyph
from gastown_tui.selection import AGENT, BEAD, CONVOY, REQUEST, Selection, point_at
from gastown_tui.text import clean, cut, fit, glyph, wrap
from gastown_tui.themes import AUTO, THEMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from textual.binding import BindingType

    from gastown_core.beads.query import Excerpt
    from gastown_core.model.snapshot import AgentView, TownSnapshot
    from gastown_core.state.rows import EventFilter
    from gastown_tui.keymap import Keymap
    from gastown_tui.text import Pieces


class FilterChoice(Record):
    """A filter field and the value to show; without a field it clears the filter."""

    field: str = ""
    value: str = ""


if TYPE_CHECKING:
    Command = Action | Selection | ThemeChoice | HeldBead | Given
    """What the palette returns."""


def bead_entries(ready: Sequence[tuple[str, Excerpt]], now: float) -> list[Entry]:
    """Return the entries of ready beads, in the given order."""
    entries = []
    for store, bead in ready:
        pieces = (
            (fit(bead.id, 12) + " ", "accent"),
            (f"{priority_word(bead.priority)} ", "waiting" if bead.priority == 0 else "dim"),
            (fit(clean(bead.title), 52) + " ", "bright"),
            (fit(store, 10), "dim"),
            (format_age(max(0.0, now - bead.created_at)), "dim"),
        )
        entries.append(Entry(bead.id, pieces, f"{bead.id} {bead.title} {store} {bead.issue_type}"))
    return entries


def target_entries(snapshot: TownSnapshot, store: str, ascii_only: bool) -> list[Entry]:
    """Return rigs (a free or new polecat), then agents that can work; those of the bead's own store come first."""
    entries = [
        Entry(
            rig.name,
            ((fit(rig.name, 24), "bright"), ("a free polecat, or a new one", "dim")),
            f"{rig.name} rig",
            "rigs",
        )
        for rig in sorted(snapshot.rigs, key=lambda rig: (rig.name != store, rig.name))
        if rig.state == RigState.OPERATIONAL
    ]
    agents = [agent for agent in snapshot.agents if agent.address.role in (POLECAT, CREW)]
    agents.sort(
        key=lambda agent: (agent.address.rig != store, agent.work is not None, agent.health.state is not Health.IDLE)
    )
    for agent in agents:
        state = agent.health.state
        busy = f"has {agent.work.bead_id} {cut(clean(agent.work.title), 30)}" if agent.work else "hook is empty"
        pieces = (
            (role_icon(agent.address.role, ascii_only) + " ", "text"),
            (fit(clean(agent.address.short), 21) + " ", "bright"),
            (state_glyph(state, ascii_only) + " ", state.value),
            (busy, "dim"),
        )
        entries.append(Entry(agent.address.short, pieces, agent.address.short, "agents"))
    return entries


def bead_picker(ready: Sequence[tuple[str, Excerpt]], now: float) -> Picker[str]:
    """Return the picker that asks which bead to sling."""
    return Picker(
        "Sling which bead?",
        bead_entries(ready, now),
        verb="choose",
        empty="No bead is ready. Create one with bd create.",
    )


def target_picker(bead: str, snapshot: TownSnapshot, store: str, ascii_only: bool) -> Picker[str]:
    """Return the picker that asks for the target of a sling."""
    return Picker(
        f"Sling {clean(bead)} to which rig or agent?", target_entries(snapshot, store, ascii_only), verb="sling"
    )


LASTING = ("always", "don't ask again", "do not ask again", "exit", "reject", "for this session")
"""Words of a choice that does more than answer this one question."""


QUESTION_ROWS = 12
"""So many rows of a question stand above its choices; of a longer one the last ones, and how many there are more."""


def _question_rows(question: str, width: int) -> list[Pieces]:
    """Return a question's rows, broken at ``width``; nothing of it is cut but its beginning, and that is said."""
    rows = [part for row in question.split("\n") for part in wrap(clean(row), width)]
    hidden = len(rows) - QUESTION_ROWS
    if hidden <= 0:
        return [((row, "text"),) for row in rows]
    told = f"… {hidden + 1} more rows above; attach to read them"
    return [((told, "waiting"),), *(((row, "text"),) for row in rows[hidden + 1 :])]


def answer_picker(agent: AgentView, choices: Sequence[tuple[str, str]], question: str) -> Picker[str]:
    """Return the picker for an agent's question: its text as it was read with its choices, each a value and its words."""
    entries = []
    for number, (value, words) in enumerate(choices, 1):
        lasting = any(word in words.lower() for word in LASTING)
        head, blank, rest = words.partition(" ")
        shown = rest if blank and head.isdigit() else words
        pieces = ((f"{number}  ", "key"), (fit(clean(shown), 62).rstrip(), "waiting" if lasting else "bright"))
        # a typed digit is a choice's number, never a digit in the words of another
        entries.append(Entry(value, pieces, f"{number} {re.sub('[0-9]', ' ', shown)}"))
    return Picker(
        f"Answer {clean(agent.address.short)}",
        entries,
        hint="type a number or a word",
        verb="answer",
        empty="No such choice.",
        lead=lambda width: _question_rows(question, width),
    )


def filter_entries(snapshot: TownSnapshot, wanted: EventFilter, ascii_only: bool) -> list[Entry]:
    """Return every possible filter, with the current ones marked."""
    column = 1 if ascii_only else 0
    entries = [
        Entry(FilterChoice(), (("everything", "bright"), ("   clear the filter", "dim")), "everything all none clear")
    ]

    def add(field: str, value: str, note: str, section: str) -> None:
        is_on = getattr(wanted, field) == value
        mark = glyph("running", ascii_only) if is_on else " "
        pieces = ((mark + " ", "accent"), (fit(clean(value), 22), "bright" if is_on else "text"), (note, "dim"))
        entries.append(Entry(FilterChoice(field, value), pieces, f"{value} {field} {note}", section))

    for rig in snapshot.rigs:
        add("rig", rig.name, rig.prefix, "rig")
    for role in (*TOWN_ROLES, *RIG_ROLES):
        add("role", role, ROLE_ICONS[role][column], "role")
    for category in CATEGORIES:
        add("category", category, "", "category")
    for kind in CATALOGUE.values():
        add("type", kind.name, f"{fit(kind.ascii if ascii_only else kind.symbol, 2)} {kind.category}", "type")
    return entries


def chosen_filter(wanted: EventFilter, choice: FilterChoice) -> EventFilter:
    """Return the filter after a choice; choosing an active value removes it."""
    field, value = choice
    if not field:
        return NO_FILTER
    changes: dict[str, Any] = {field: "" if getattr(wanted, field) == value else value}
    return wanted._replace(**changes)


def filter_picker(snapshot: TownSnapshot, wanted: EventFilter, ascii_only: bool) -> Picker[FilterChoice]:
    """Return the filter picker."""
    return Picker(
        "Filter the events",
        filter_entries(snapshot, wanted, ascii_only),
        hint="rig, role, category or type",
        verb="show only",
    )


WORDS = 24
HIDDEN = ("rows.", "drawer.tab", "palette.", "back")


def action_entries(keymap: Keymap, ascii_only: bool) -> list[Entry]:
    """Return the actions and themes of the palette, without plain moves."""
    entries = []
    for action in keymap.actions:
        if action.id.startswith(HIDDEN):
            continue
        keys = key_name(action.keys[0], ascii_only) if action.keys else ""
        pieces = ((fit(action.label, WORDS), "bright"), (fit(keys, 9) + "  ", "key"), (action.help, "dim"))
        entries.append(Entry(action, pieces, f"{action.label} {action.help}", "commands"))
    themes = {AUTO: "light or dark, as the terminal is"} | {theme.name: theme.label for theme in THEMES.values()}
    for name, label in themes.items():
        words = ((fit(f"theme {name}", WORDS), "bright"), (" " * 11, "text"), (label, "dim"))
        entries.append(Entry(ThemeChoice(name), words, f"theme {name} {label}", "commands"))
    return entries


def place_entries(snapshot: TownSnapshot, ascii_only: bool) -> list[Entry]:
    """Return the agents and convoys to jump to."""
    entries = []
    for agent in snapshot.agents:
        state = agent.health.state
        pieces = (
            (role_icon(agent.address.role, ascii_only) + " ", "text"),
            (fit(clean(agent.address.short), WORDS - 3), "bright"),
            (" " + state_glyph(state, ascii_only) + " ", state.value),
            (clean(agent.work.title) if agent.work else clean(agent.activity), "dim"),
        )
        entries.append(
            Entry(
                Selection(AGENT, "", agent.key),
                pieces,
                f"{agent.address.short} {agent.address.role}",
                "go to",
                f"@{agent.address.rig}",
            )
        )
    for convoy in snapshot.convoys:
        title = ((fit(convoy.id, WORDS), "bright"), (" " * 4, "text"), (clean(convoy.title), "dim"))
        rigs = " ".join(sorted({f"@{member.rig}" for member in convoy.members if member.rig}))
        found_by = f"{convoy.id} {convoy.title} convoy"
        entries.append(Entry(Selection(CONVOY, "", convoy.id), title, found_by, "go to", rigs))
    return entries + work_entries(snapshot)


def work_entries(snapshot: TownSnapshot) -> list[Entry]:
    """Return the merge requests and the beads of open convoys to jump to."""
    entries = []
    for request in snapshot.requests:
        words = ((fit(request.id, WORDS), "bright"), (" " * 4, "text"), (clean(request.title or request.branch), "dim"))
        found_by = f"{request.id} {request.bead_id} {request.branch} {request.title} request"
        entries.append(Entry(point_at(REQUEST, "", request.id), words, found_by, "go to", f"@{request.rig}"))
    known = {member.bead_id for convoy in snapshot.convoys for member in convoy.members if convoy.closed_at is None}
    for agent in snapshot.agents:
        if agent.work is not None and agent.work.bead_id not in known:
            words = ((fit(agent.work.bead_id, WORDS), "bright"), (" " * 4, "text"), (clean(agent.work.title), "dim"))
            found_by = f"{agent.work.bead_id} {agent.work.title} bead"
            # without a convoy a bead is seen in the drawer of whoever works on it
            entries.append(Entry(HeldBead(agent.key), words, found_by, "go to", f"@{agent.address.rig}"))
    for convoy in snapshot.convoys:
        for member in convoy.members if convoy.closed_at is None else ():
            words = ((fit(member.bead_id, WORDS), "bright"), (" " * 4, "text"), (clean(member.title), "dim"))
            found_by = f"{member.bead_id} {member.title} bead"
            key = point_at(BEAD, "", member.bead_id, convoy.id)
            entries.append(Entry(key, words, found_by, "go to", f"@{member.rig}"))
    return entries


class Palette(Picker["Command"]):
    """All commands and places by name; what is typed behind an order's name is its argument, Tab completes a name."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", show=False)]

    def __init__(self, snapshot: TownSnapshot, keymap: Keymap, ascii_only: bool) -> None:
        entries = [*action_entries(keymap, ascii_only), *place_entries(snapshot, ascii_only)]
        hint = "command TEXT, polecat NAME, convoy TITLE @rig, bead ID"
        super().__init__("Commands", entries, hint=hint, verb="go")
        self.page.keys = (("Tab", "key"), (" complete  ", "dim"), *self.page.keys)
        self._actions = keymap.actions

    def entries_for(self, needle: str) -> list[Entry]:
        """Return the orders that are typed with their argument, then what is found by name."""
        given = [
            Entry(one, ((fit(one.action.label, WORDS), "bright"), (one.argument, "accent")), "", "")
            for one in given_in(needle, self._actions)
        ]
        return [*given, *super().entries_for(needle)]

    def action_complete(self) -> None:
        """Put the name of the selected row in place of the last typed word."""
        entry = next((one for one in self.entries if one.key == self.page.key), None)
        if entry is None or self.field is None or not self.field.value.strip():
            return
        typed = self.field.value.split()
        name = entry.key.label if isinstance(entry.key, Action) else entry.text.split()[0]
        kept = [] if isinstance(entry.key, Action) else typed[:-1]
        more = " " if isinstance(entry.key, Action) and takes_argument(entry.key) else ""
        self.field.set(" ".join([*kept, name]) + more)
        self.fill()


def command_palette(snapshot: TownSnapshot, keymap: Keymap, ascii_only: bool) -> Palette:
    """Return the palette; it answers with an action, an order with its argument, a theme, or where to go."""
    return Palette(snapshot, keymap, ascii_only)
