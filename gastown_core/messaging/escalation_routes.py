"""Where escalations go: ``settings/escalation.json`` of the town (format: daemon-and-health.md section 9)."""

from __future__ import annotations

import os

from gastown_core.clock import parse_duration
from gastown_core.errors import GastownError, SettingsError
from gastown_core.files.atomic import read_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = os.path.join("settings", "escalation.json")
VERSION = 1
LEVELS = ("low", "medium", "high", "critical")
"""Severities in rising order."""
ACTIONS: dict[str, tuple[str, ...]] = {
    "low": ("bead",),
    "medium": ("bead", "mail:deacon"),
    "high": ("bead", "mail:deacon", "mail:mayor", "email:human"),
    "critical": ("bead", "mail:deacon", "mail:mayor", "mail:overseer", "email:human", "sms:human"),
}
"""Routes of a town without the file: deacon, then mayor, then overseer, by severity."""
OUTWARD = ("email", "sms", "slack", "notify")
STALE_AFTER, MOST_REESCALATIONS = "4h", 2
_ADDRESSES = {"deacon": "deacon/", "mayor": "mayor/"}


class Routes(Record):
    """Actions by severity, contacts, age in seconds after which silence counts as no answer, and how often it goes up."""

    actions: Mapping[str, tuple[str, ...]]
    contacts: Mapping[str, str]
    stale_after_s: float
    most_reescalations: int

    def mail(self, severity: str) -> list[str]:
        """Return the mail addresses for a severity."""
        names = [action[5:] for action in self.actions[severity] if action.startswith("mail:")]
        return [_ADDRESSES.get(name, name) for name in names]

    def outward(self, severity: str) -> list[str]:
        """Return the actions for a severity that leave the town."""
        return [action for action in self.actions[severity] if action.partition(":")[0] in OUTWARD]


def load_routes(root: str) -> Routes:
    """Return the routes; defaults without the file. Raises SettingsError naming what is wrong in it."""
    path = os.path.join(root, FILE)
    value = read_json(path) or {}
    version = value.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise _wrong(path, f"version is {version!r}; this program knows {VERSION}")
    most = value.get("max_reescalations", MOST_REESCALATIONS)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise _wrong(path, f"max_reescalations is {most!r}, not a whole number of at least 0")
    stale = parse_duration(value.get("stale_threshold", STALE_AFTER))
    if stale is None or stale <= 0:
        raise _wrong(path, f"stale_threshold is {value.get('stale_threshold')!r}, not a duration such as 4h")
    contacts = value.get("contacts", {})
    if not isinstance(contacts, dict):
        raise _wrong(path, "contacts is not an object")
    known = {str(key): str(text) for key, text in contacts.items() if isinstance(text, str | int) and str(text)}
    return Routes(_actions(path, value.get("routes", {})), known, stale, most)


def routes_or_defaults(root: str) -> tuple[Routes, str]:
    """Return the routes, or the defaults with the reason why the file does not count."""
    try:
        return load_routes(root), ""
    except GastownError as error:
        return Routes(ACTIONS, {}, parse_duration(STALE_AFTER) or 0.0, MOST_REESCALATIONS), str(error)


def _actions(path: str, routes: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(routes, dict):
        raise _wrong(path, "routes is not an object")
    strange = [key for key in routes if key not in LEVELS]
    if strange:
        raise _wrong(path, f"routes has {strange[0]!r}; severities are {', '.join(LEVELS)}")
    found = dict(ACTIONS)
    for level, actions in routes.items():
        if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
            raise _wrong(path, f"routes.{level} is not a list of actions")
        found[level] = tuple(actions)
    return found


def _wrong(path: str, why: str) -> SettingsError:
    return SettingsError(f"{path} is wrong", why, "mend the file; without it the defaults apply")
