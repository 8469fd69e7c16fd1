"""``settings/console.toml``: keys, own commands, theme and read-only, checked as a whole.

A file with one mistake is not used at all: the last good one stays in force, and every mistake is reported with its line.
"""

from __future__ import annotations

import os
import re

from gastown_core.model.record import Record
from gastown_tui.keymap import LEAVE, PLACES, collisions, with_keys
from gastown_tui.keys import ACTIONS, BY_ID, FIXED, OWN, Action, key_name
from gastown_tui.themes import AUTO, THEMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE = os.path.join("settings", "console.toml")
THEME_NAMES = (AUTO, *THEMES)
SHOWS = ("line", "pager", "terminal")
"""Where an own command's output goes: the last line to the status bar, all of it to the pager, or it has the terminal."""
HINT = 22
"""The rank of own commands in the status bar: before *quit*, after the console's own keys."""
VALUES = ("town", "agent", "session", "rig", "role", "bead", "branch", "worktree", "convoy", "request")
"""What ``{name}`` in a command can stand for, besides the names it asks for."""
_TOP = ("theme", "readonly", "keys", "command")
_COMMAND = ("name", "key", "where", "run", "asks", "confirm", "show", "in")
_HEAD = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_NAMED_KEYS = {
    "enter", "escape", "space", "tab", "shift+tab", "up", "down", "left", "right", "home", "end", "pageup", "pagedown",
    "backspace", "delete", "insert", *(f"f{number}" for number in range(1, 13)),
}  # fmt: skip
_SPOKEN = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "return": "enter", "del": "delete"}


class Problem(Record):
    """A mistake in the file: its line (0: unknown), what is wrong, and what to write instead."""

    line: int
    words: str
    hint: str = ""

    @property
    def text(self) -> str:
        """The mistake on one line."""
        place = f"{FILE} line {self.line}" if self.line else FILE
        return f"{place}: {self.words}" + (f"; {self.hint}" if self.hint else "")


class OwnCommand(Record):
    """A command of the person's own: its words (``{name}`` stands for a value), what it asks for, how it is shown."""

    id: str
    name: str
    words: tuple[str, ...]
    asks: tuple[tuple[str, str], ...] = ()
    """(name, question), asked in this order."""
    confirm: bool = False
    show: str = "line"
    in_worktree: bool = False


class ConsoleFile(Record):
    """What the file says; its actions are the whole table with the person's keys and commands."""

    theme: str = ""
    is_readonly: bool = False
    actions: tuple[Action, ...] = ACTIONS
    commands: tuple[OwnCommand, ...] = ()


DEFAULTS = ConsoleFile()


def key_of(word: str) -> str:
    """Return the console's name of a key as a person writes it (``Ctrl-O``, ``F5``, ``x``); empty for no key."""
    if len(word) == 1:
        return "space" if word == " " else word if word.isprintable() else ""
    plain = word.strip().lower()
    for spoken in ("ctrl", "shift", "alt"):
        plain = plain.replace(f"{spoken}-", f"{spoken}+")
    plain = _SPOKEN.get(plain, plain)
    if plain in _NAMED_KEYS:
        return plain
    if re.fullmatch(r"ctrl\+[a-z]", plain) or re.fullmatch(r"alt\+[a-z0-9]", plain):
        return plain
    return ""


def near(word: str, known: Iterable[str]) -> str:
    """Return the hint for an unknown word: what is nearest, else all there is."""
    from difflib import get_close_matches

    names = list(known)
    close = get_close_matches(word, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(names[:14])}"


class _Lines:
    """The line of each key in a TOML text, which the parser does not report."""

    def __init__(self, text: str) -> None:
        self._at: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        numbers: dict[str, int] = {}
        for number, line in enumerate(text.split("\n"), 1):
            head = _HEAD.match(line)
            if head is not None:
                table = self._parts(head[1])
                if line.lstrip().startswith("[["):
                    numbers[head[1]] = numbers.get(head[1], -1) + 1
                    table = (*table, str(numbers[head[1]]))
                elif table[0] in numbers:
                    table = (table[0], str(numbers[table[0]]), *table[1:])
                self._at.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key is not None:
                self._at.setdefault((*table, *self._parts(key[1])), number)

    def _parts(self, dotted: str) -> tuple[str, ...]:
        """The parts of a dotted key, without quotes; a quoted id with dots counts as its parts."""
        return tuple(part.strip(" \"'") for part in dotted.split("."))

    def at(self, *path: str) -> int:
        """Return the line of a key, else of the table that it stands in, 0 if that is unknown."""
        parts = tuple(one for word in path for one in word.split("."))
        while parts:
            if parts in self._at:
                return self._at[parts]
            parts = parts[:-1]
        return 0


def read_console_file(text: str) -> tuple[ConsoleFile, tuple[Problem, ...]]:
    """Return what a text says, and its mistakes; with a mistake, what it says is not to be used."""
    import tomllib

    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        words = re.sub(r"\s*\(at .*\)$", "", str(error)).rstrip(".")
        line = int(found[1]) if found else len(text.rstrip().split("\n"))
        return DEFAULTS, (Problem(line, words[:1].lower() + words[1:], "the file is TOML"),)
    return _Reader(text, value).read()


class _Reader:
    """Reads a parsed file and collects its mistakes."""

    def __init__(self, text: str, value: dict[str, object]) -> None:
        self.lines = _Lines(text)
        self.value = value
        self.problems: list[Problem] = []

    def wrong(self, path: tuple[str, ...], words: str, hint: str = "") -> None:
        """Note a mistake."""
        self.problems.append(Problem(self.lines.at(*path), words, hint))

    def read(self) -> tuple[ConsoleFile, tuple[Problem, ...]]:
        """Return the settings and the mistakes, in the order of their lines."""
        value = self.value
        for name in value:
            if name not in _TOP:
                self.wrong((name,), f"unknown setting {name}", near(name, _TOP))
        theme = value.get("theme", "")
        if theme != "" and theme not in THEME_NAMES:
            self.wrong(("theme",), f"unknown theme {theme}", near(str(theme), THEME_NAMES))
        readonly = value.get("readonly", False)
        if not isinstance(readonly, bool):
            self.wrong(("readonly",), "readonly is true or false")
        keys = dict(self._keys(value.get("keys", {})))
        own = list(self._commands(value.get("command", [])))
        actions = with_keys(keys, [action for action, _ in own])
        self._check_collisions(actions)
        read = ConsoleFile(str(theme), readonly is True, actions, tuple(command for _, command in own))
        return read, tuple(sorted(self.problems, key=lambda one: one.line))

    def _keys(self, table: object) -> Iterator[tuple[str, tuple[str, ...]]]:
        if not isinstance(table, dict):
            self.wrong(("keys",), "keys is a table", 'write [keys], and below it "agent.nudge" = "n"')
            return
        for action_id, wanted in _flat(table):
            if action_id not in BY_ID:
                self.wrong(("keys", action_id), f"unknown action {action_id}", near(action_id, BY_ID))
            elif action_id in FIXED:
                self.wrong(("keys", action_id), f"the keys of {action_id} cannot be changed: they are what it means")
            else:
                yield action_id, self._key_list(("keys", action_id), wanted)

    def _key_list(self, path: tuple[str, ...], wanted: object) -> tuple[str, ...]:
        words = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            self.wrong(path, "a key is a text, or a list of texts", 'such as "x" or ["x", "Ctrl-O"]')
            return ()
        keys = []
        for word in words:
            key = key_of(word)
            if word and not key:
                self.wrong(path, f"there is no key {word}", "such as x, Ctrl-O, F5, Space or PgDn")
            elif key == LEAVE:
                self.wrong(path, f"{key_name(LEAVE)} always quits", "take another key")
            elif key:
                keys.append(key)
        return tuple(dict.fromkeys(keys))

    def _commands(self, rows: object) -> Iterator[tuple[Action, OwnCommand]]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.wrong(("command",), "command is a list of tables", "write [[command]] before each")
            return
        names: set[str] = set()
        for number, row in enumerate(rows):
            found = self._command(("command", str(number)), row)
            if found is None:
                continue
            if found[1].name in names:
                self.wrong(("command", str(number), "name"), f"there are two commands {found[1].name}")
            names.add(found[1].name)
            yield found

    def _command(self, path: tuple[str, ...], row: dict[str, object]) -> tuple[Action, OwnCommand] | None:
        for field in row:
            if field not in _COMMAND:
                self.wrong((*path, field), f"unknown field {field} of a command", near(field, _COMMAND))
        name, words = row.get("name"), row.get("run")
        if not isinstance(name, str) or not name.strip():
            self.wrong((*path, "name"), "a command needs a name", 'such as name = "open in editor"')
            return None
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            self.wrong((*path, "run"), f"{name} needs run, a list of words", 'such as run = ["code", "{worktree}"]')
            return None
        asks = self._asks(path, row.get("asks", {}))
        known = (*VALUES, *(asked for asked, _ in asks))
        for word in words:
            for value in _PLACEHOLDER.findall(word):
                if value not in known:
                    self.wrong((*path, "run"), f"unknown value {{{value}}}", near(value, known))
        show = self._one_of((*path, "show"), row.get("show", "line"), SHOWS)
        place = self._one_of((*path, "in"), row.get("in", "town"), ("town", "worktree"))
        where = self._where(path, row.get("where", "anywhere"))
        keys = self._key_list((*path, "key"), row.get("key", []))
        if not isinstance(row.get("confirm", False), bool):
            self.wrong((*path, "confirm"), "confirm is true or false")
        own_id = f"own.{name}"
        action = Action(own_id, keys, name, " ".join(words), OWN, where, HINT)
        return action, OwnCommand(
            own_id, name, tuple(words), asks, row.get("confirm") is True, show, place == "worktree"
        )

    def _asks(self, path: tuple[str, ...], asks: object) -> tuple[tuple[str, str], ...]:
        if not isinstance(asks, dict) or not all(isinstance(text, str) for text in asks.values()):
            self.wrong((*path, "asks"), "asks is a table of questions", 'such as asks = { note = "What happened?" }')
            return ()
        for name in asks:
            if name in VALUES:
                self.wrong((*path, "asks"), f"{{{name}}} is known without asking", "ask under another name")
        return tuple(asks.items())

    def _one_of(self, path: tuple[str, ...], value: object, known: tuple[str, ...]) -> str:
        if value not in known:
            self.wrong(path, f"{path[-1]} cannot be {value}", near(str(value), known))
            return known[0]
        return str(value)

    def _where(self, path: tuple[str, ...], value: object) -> tuple[str, ...]:
        places = [value] if isinstance(value, str) else value
        if not isinstance(places, list):
            self.wrong((*path, "where"), "where is a place, or a list of places")
            return ("anywhere",)
        for place in places:
            if place not in ("anywhere", *PLACES):
                self.wrong((*path, "where"), f"there is no place {place}", near(str(place), ("anywhere", *PLACES)))
        return ("anywhere",) if "anywhere" in places or not places else tuple(map(str, places))

    def _check_collisions(self, actions: tuple[Action, ...]) -> None:
        numbers = {action.id: str(at) for at, action in enumerate(one for one in actions if one.group == OWN)}
        for found in collisions(actions):
            mine = next(
                (one for one in (found.second, found.first) if one.id in numbers or self._is_changed(one)), None
            )
            if mine is None:
                continue
            other = found.first if mine is found.second else found.second
            path = ("command", numbers[mine.id], "key") if mine.id in numbers else ("keys", mine.id)
            words = f"{key_name(found.key)} would mean two things in {found.place}: {mine.id} and {other.id}"
            self.wrong(path, words, f'give one another key, or take it away with "{other.id}" = ""')

    def _is_changed(self, action: Action) -> bool:
        return action.keys != BY_ID[action.id].keys


def _flat(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Return the entries of a table by dotted key: an id without quotes is read as nested tables."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


class ConsoleSettings:
    """The file of a town while the console runs: ``look`` reads it again when it has changed."""

    def __init__(self, root: str) -> None:
        self.path = os.path.join(root, FILE)
        self.good = DEFAULTS
        self.problems: tuple[Problem, ...] = ()
        self._seen: tuple[int, int, int] | None = None

    def look(self) -> bool:
        """Read the file if it has changed; return whether it had. A bad file leaves the last good one in force."""
        try:
            status = os.stat(self.path)
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            seen = None
        if seen == self._seen:
            return False
        self._seen = seen
        if seen is None:
            self.good, self.problems = DEFAULTS, ()
            return True
        try:
            with open(self.path, encoding="utf-8") as handle:
                found, self.problems = read_console_file(handle.read())
        except (OSError, UnicodeDecodeError) as error:
            self.problems = (Problem(0, f"cannot be read: {error}"),)
            return True
        if not self.problems:
            self.good = found
        return True
