"""The keys in force: the action table as ``settings/console.toml`` changes it, with the person's own commands."""

from __future__ import annotations

from gastown_core.model.record import Record
from gastown_tui.keys import ACTIONS, FIXED, MATCHES, Action, applies, key_name
from gastown_tui.layout import VIEWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gastown_tui.text import Pieces

PLACES = (*(name for names in VIEWS.values() for name in names), "drawer", MATCHES)
"""Every place where keys mean something: the panels, the drawer, and the matches of a search."""
LEAVE = "ctrl+q"
"""Always quits, so that no settings can lock a person in."""
_VIEWS = {
    "agents": "panel.agents",
    "convoys": "panel.convoys",
    "events": "panel.events",
    "problems": "view.problems",
    "inbox": "view.inbox",
    "queue": "view.queue",
    "drawer": "drawer.toggle",
}


class Collision(Record):
    """A key that would mean two things at one place."""

    key: str
    place: str
    first: Action
    second: Action


def collisions(actions: Sequence[Action]) -> list[Collision]:
    """Return each pair of actions that share a key at a place, once."""
    found: dict[tuple[str, str, str], Collision] = {}
    for place in PLACES:
        taken: dict[str, Action] = {}
        for action in actions:
            for key in action.keys if applies(action, place) else ():
                other = taken.setdefault(key, action)
                if other is not action:
                    found.setdefault((key, other.id, action.id), Collision(key, place, other, action))
    return list(found.values())


def with_keys(keys: Mapping[str, tuple[str, ...]], own: Iterable[Action] = ()) -> tuple[Action, ...]:
    """Return the action table with other keys for some actions, by id, and with a person's own commands at its end."""
    changed = [action._replace(keys=keys[action.id]) if action.id in keys else action for action in ACTIONS]
    return (*changed, *own)


def _is_shown(action: Action, place: str) -> bool:
    """Whether an action belongs into the status bar there: what is anywhere goes on while a search is on."""
    return applies(action, place) or (place == MATCHES and action.where == ("anywhere",))


class Keymap:
    """What each key means now; ``take`` puts another table in force."""

    def __init__(self, actions: Sequence[Action] = ACTIONS) -> None:
        self.take(actions)

    def take(self, actions: Sequence[Action]) -> None:
        """Put a table in force."""
        self.actions = tuple(actions)
        self.by_id = {action.id: action for action in self.actions}
        self.all_keys = tuple(dict.fromkeys(key for action in self.actions for key in action.keys))

    def actions_of(self, key: str) -> tuple[Action, ...]:
        """Return the actions of a key; several only if they apply in different places."""
        return tuple(action for action in self.actions if key in action.keys)

    def meant(self, key: str, place: str) -> Action | None:
        """Return the action that a key means at a place; if none applies there, the key's first one, to say why."""
        found = self.actions_of(key)
        for action in found:
            if applies(action, place):
                return action
        return found[0] if found else None

    def hints(self, place: str) -> list[Action]:
        """Return the status bar's hints at a place, most useful first."""
        shown = [action for action in self.actions if action.hint and action.keys and _is_shown(action, place)]
        return sorted(shown, key=lambda action: -action.hint)

    def key_of(self, action_id: str, ascii_only: bool = False) -> str:
        """Return an action's first key as it is written; without one, its way through the palette."""
        action = self.by_id[action_id]
        if action.keys:
            return key_name(action.keys[0], ascii_only)
        palette = self.by_id["palette.open"].keys
        return f"{palette[0] if palette else 'the palette'} {action.label}"

    def way_to(self, where: tuple[str, ...]) -> str:
        """Return the panels among these places and the keys that lead there: ``agents or problems: press 1 or p``."""
        known = [name for name in where if name in _VIEWS]
        if not known:
            views = {
                "patch": "diff",
                "changes": "past",
                "then_agents": "past",
                "spending": "costs",
                "graph": "graph",
                "wanted": "wasteland",
            }
            view = next((view for place, view in views.items() if place in where), "")
            words = {
                "diff": "the diff",
                "past": "the time machine",
                "costs": "the costs",
                "graph": "the graphs",
                "wasteland": "the wasteland",
            }
            return f"{words[view]}: press {self.key_of(f'view.{view}')}" if view else " or ".join(where)
        return f"{' or '.join(known)}: press {' or '.join(self.key_of(_VIEWS[name]) for name in known)}"

    def in_force(self, pieces: Pieces, place: str, ascii_only: bool = False) -> Pieces:
        """Return a row of a place, which names keys of the table as it comes, with the keys in force instead."""
        if self.actions == ACTIONS or all(tone != "key" for _, tone in pieces):
            return pieces
        known = {key_name(key, ascii_only): one.id for one in ACTIONS if applies(one, place) for key in one.keys}
        ids = [known.get(text, "") if tone == "key" else "" for text, tone in pieces]
        return tuple(
            (self.key_of(action, ascii_only), tone) if action and action not in FIXED else (text, tone)
            for action, (text, tone) in zip(ids, pieces, strict=True)
        )
