"""The settings files of a town and its rigs: found, read, checked, changed by dotted key.

Unknown keys are kept.  A wrong value is reported with file, key and what is allowed; readers that must go on (the
console, ``gt status``) use the default meanwhile.
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_duration
from gastown_core.errors import GastownError, SettingsError
from gastown_core.files.atomic import edit_json, read_json
from gastown_core.files.mark import Mark, mark_at
from gastown_core.model.record import Record
from gastown_core.town.settings_table import TABLES, Setting, find_setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TOWN_SETTINGS = os.path.join("settings", "config.json")
AGENTS_FILE = os.path.join("settings", "agents.json")
DAEMON_SETTINGS = os.path.join("mayor", "daemon.json")

_HEADS: dict[str, dict[str, object]] = {
    "town": {"type": "town-settings", "version": 1},
    "rig": {"type": "rig-settings", "version": 1},
    "daemon": {"type": "daemon-patrol-config", "version": 1},
}


class SettingRow(Record):
    """A setting as a list shows it: its key, its value or default, whether it is set, and what it is for."""

    key: str
    value: Any
    is_set: bool
    about: str


class Settings:
    """One settings object and its table; ``value`` is the JSON as read."""

    __slots__ = ("path", "scope", "value")

    def __init__(self, scope: str, path: str, value: dict[str, Any]) -> None:
        self.scope = scope
        self.path = path
        self.value = value

    def get(self, key: str) -> Any:
        """Return the value of ``key``, else its default. Raises SettingsError for an unknown key or a wrong value."""
        row = self._row(key)
        found = _dig(self.value, key)
        if found is None:
            return row.default
        self._check(row, key, found)
        return found

    def lenient(self, key: str) -> Any:
        """Do as ``get``, but treat a wrong value as unset."""
        try:
            return self.get(key)
        except SettingsError:
            return self._row(key).default

    def seconds(self, key: str) -> float:
        """Return a duration in seconds; a wrong value counts as unset."""
        return parse_duration(self.lenient(key)) or 0.0

    def problems(self) -> list[str]:
        """Return every wrong value as ``key: what is wrong``; unknown keys are ignored."""
        found: list[str] = []
        for row in TABLES[self.scope]:
            for key, value in _expand(self.value, row.key):
                try:
                    self._check(row, key, value)
                except SettingsError as error:
                    found.append(f"{key}: {error.why}")
        return found

    def rows(self) -> list[SettingRow]:
        """Return every setting that is set, and the others with their default; those with ``*`` only where set."""
        found = []
        for row in TABLES[self.scope]:
            given = _expand(self.value, row.key)
            found += [SettingRow(key, value, True, row.about) for key, value in given]
            if not given and "*" not in row.key:
                found.append(SettingRow(row.key, row.default, False, row.about))
        return found

    def _row(self, key: str) -> Setting:
        row = find_setting(self.scope, key)
        if row is None:
            raise _unknown(self.scope, key)
        return row

    def _check(self, row: Setting, key: str, value: object) -> None:
        wrong = complaint(row, value)
        if wrong:
            raise SettingsError(f"{key} in {self.path} is wrong", wrong, f"gt config set {key} VALUE")


def settings_path(root: str, scope: str = "town", rig: str = "") -> str:
    """Return the file of a scope: ``town``, ``rig`` (needs ``rig``) or ``daemon``."""
    if scope == "rig":
        return os.path.join(root, rig, TOWN_SETTINGS)
    return os.path.join(root, DAEMON_SETTINGS if scope == "daemon" else TOWN_SETTINGS)


def load_settings(root: str, scope: str = "town", rig: str = "") -> Settings:
    """Return the settings of a scope; without a file, all defaults. Raises SettingsError if it is not a JSON object."""
    path = settings_path(root, scope, rig)
    return Settings(scope, path, (read_json(path) or {}) if _kept is None else _kept.read(scope, path))


class KeptSettings:
    """Settings of a process that must go on: a file that becomes wrong counts as it was before, and is told of once.

    A file is read again only when it has changed.  One that was wrong from the start counts as everywhere else.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        # only a daemon keeps settings; commands start without this
        import threading

        self._tell = tell
        self._lock = threading.Lock()
        self._good: dict[str, tuple[Mark | None, dict[str, object]]] = {}
        self._wrong: dict[str, str] = {}

    def read(self, scope: str, path: str) -> dict[str, Any]:
        """Return the content, or the last good one. Raises SettingsError if there never was one."""
        with self._lock:
            mark = mark_at(path)
            known = self._good.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            try:
                value = read_json(path) or {}
                why = "; ".join(Settings(scope, path, value).problems())
            except GastownError as error:
                if known is None:
                    raise
                value, why = known[1], str(error)
            if why and known is not None:
                self._say(path, why)
                return known[1]
            if self._wrong.pop(path, ""):
                self._tell(f"{path} is right again and counts")
            self._good[path] = (mark, value)
            return value

    def wrong(self) -> dict[str, str]:
        """Return file → why its last good version counts in its place."""
        with self._lock:
            return dict(self._wrong)

    def _say(self, path: str, why: str) -> None:
        if self._wrong.get(path) != why:
            self._wrong[path] = why
            self._tell(f"{path} is wrong, so its last good version goes on counting: {why}")


_kept: KeptSettings | None = None


def kept_files() -> dict[str, str]:
    """Return the files whose last good version counts in this process, each with what is wrong with it now."""
    return _kept.wrong() if _kept is not None else {}


def wrong_settings(root: str) -> str:
    """Return what is wrong with settings of this town whose last good version counts in this process; empty if nothing."""
    wrong = kept_files()
    here = os.path.join(root, "")
    told = [f"{path.removeprefix(here)}: {why}" for path, why in sorted(wrong.items()) if path.startswith(here)]
    return f"its last good version counts: {'; '.join(told)}" if told else ""


def keep_last_good(tell: Callable[[str], None] | None) -> None:
    """From now on, in this process, go on with the last good version of settings that become wrong; None ends it."""
    global _kept
    _kept = KeptSettings(tell) if tell is not None else None


def agent_has_role(root: str, role: str) -> bool:
    """Whether the role's agent takes part in it (``patrols.<role>.mode`` is agent or both), not the code alone."""
    return str(load_settings(root).lenient(f"patrols.{role}.mode")) in ("agent", "both")


def load_agents(root: str, rig: str = "") -> dict[str, object]:
    """Return the registry ``settings/agents.json`` of the town or a rig; empty if there is none."""
    return read_json(os.path.join(root, rig, AGENTS_FILE) if rig else os.path.join(root, AGENTS_FILE)) or {}


def set_setting(root: str, key: str, text: str, *, scope: str = "town", rig: str = "") -> object:
    """Set ``key`` from a person's text; return the typed value.

    Raises SettingsError naming the key and what is allowed; then nothing is written.
    """
    row = find_setting(scope, key)
    if row is None:
        raise _unknown(scope, key)
    value = parse_value(row, key, text)

    def change(settings: dict[str, object]) -> None:
        for head, word in _HEADS[scope].items():
            settings.setdefault(head, word)
        _plant(settings, key, value)

    edit_json(settings_path(root, scope, rig), change)
    return value


def add_object(root: str, key: str, value: dict[str, object], *, scope: str = "town", rig: str = "") -> bool:
    """Set an object-valued setting that is not there; return False if it is. Raises SettingsError for an unknown key."""
    row = find_setting(scope, key)
    if row is None or row.kind != "object":
        raise _unknown(scope, key)

    is_new = True

    def change(settings: dict[str, object]) -> None:
        nonlocal is_new
        place: object = settings
        for part in key.split("."):
            place = place.get(part) if isinstance(place, dict) else None
        is_new = place is None
        if not is_new:
            return
        for head, word in _HEADS[scope].items():
            settings.setdefault(head, word)
        _plant(settings, key, value)

    edit_json(settings_path(root, scope, rig), change)
    return is_new


def unset_setting(root: str, key: str, *, scope: str = "town", rig: str = "") -> bool:
    """Remove ``key`` so that its default applies; return False if it was not set."""
    done = False

    def change(settings: dict[str, object]) -> None:
        nonlocal done
        *above, last = key.split(".")
        place: Any = settings
        for part in above:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict):
            done = place.pop(last, None) is not None

    edit_json(settings_path(root, scope, rig), change)
    return done


def parse_value(row: Setting, key: str, text: str) -> object:
    """Return the typed value of ``text`` for a row. Raises SettingsError naming what is allowed."""
    value: object = text
    if row.kind.startswith("int"):
        try:
            value = int(text)
        except ValueError:
            value = text
    elif row.kind == "number>=0":
        try:
            value = float(text)
        except ValueError:
            value = text
    elif row.kind == "bool":
        value = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            text.lower(), text
        )
    elif row.kind == "words":
        value = [word.strip() for word in text.split(",") if word.strip()]
    elif row.kind == "object":
        hint = "gt config agent set NAME COMMAND" if key.startswith("agents.") else "edit the settings file"
        raise SettingsError(f"{key} is set through its parts", "", hint)
    wrong = complaint(row, value)
    if wrong:
        raise SettingsError(f"{key} cannot be {text!r}", wrong)
    return value


def complaint(row: Setting, value: object) -> str:
    """Return what is wrong with ``value`` and what is allowed; empty if it is right."""
    kind = row.kind
    if kind.startswith("one of "):
        allowed = kind[7:].split("|")
        return "" if value in allowed else f"allowed: {', '.join(allowed)}"
    if kind == "bool":
        return "" if isinstance(value, bool) else "allowed: true, false"
    if kind.startswith("int"):
        least = int(kind[5:]) if kind.startswith("int>=") else None
        fits = isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least)
        return "" if fits else f"allowed: a whole number{'' if least is None else f' of at least {least}'}"
    if kind == "number>=0":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
        return "" if fits else "allowed: a number of at least 0"
    if kind == "duration":
        return "" if parse_duration(value) is not None else "allowed: a duration such as 500ms, 90s, 30m, 1h30m, 7d"
    if kind == "words":
        fits = isinstance(value, list) and all(isinstance(word, str) for word in value)
        return "" if fits else "allowed: a list of strings"
    if kind == "object":
        return "" if isinstance(value, dict) else "allowed: an object"
    return "" if isinstance(value, str) else "allowed: text"


def _unknown(scope: str, key: str) -> SettingsError:
    import difflib

    known = [row.key for row in TABLES[scope]]
    near = difflib.get_close_matches(key, known, n=4, cutoff=0.4)
    tops = sorted({name.split(".")[0] for name in known})
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(tops)}"
    return SettingsError(f"there is no {scope} setting {key}", "", hint)


def _dig(value: object, key: str) -> object:
    for part in key.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _plant(value: dict[str, object], key: str, new: object) -> None:
    *above, last = key.split(".")
    for part in above:
        inner = value.get(part)
        if not isinstance(inner, dict):
            inner = value[part] = {}
        value = inner
    value[last] = new


def _expand(value: object, pattern: str, done: str = "") -> list[tuple[str, object]]:
    """Return every set key that matches ``pattern``, with its value."""
    head, _, rest = pattern.partition(".")
    if not isinstance(value, dict):
        # a lane may be written as its paths alone
        return [(done, value)] if pattern == "paths" and isinstance(value, list) else []
    found: list[tuple[str, object]] = []
    for name in list(value) if head == "*" else [head] if head in value else []:
        path = f"{done}.{name}" if done else name
        if not rest:
            found.append((path, value[name]))
        else:
            found += _expand(value[name], rest, path)
    return found
