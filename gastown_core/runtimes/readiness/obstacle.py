"""Obstacles between a program's start and its first prompt, and the files that show them.

``Surroundings`` read each file once, for all agents that are looked at together.  An unreadable file is an obstacle
of its own, and nothing else is concluded from it.
"""

from __future__ import annotations

import os

from gastown_core.files.atomic import as_json_like
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.runtimes.readiness.repository import Repository, repository_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gastown_core.runtimes.preset import Preset

PROGRAM, LOGIN, KEY, TRUST, BYPASS, ROOT, SETUP, REVIEW = ("program login key trust bypass root setup review").split()
"""The names of what is looked at, in the order in which a program meets it."""

MOST_BYTES = 16 << 20
"""A settings file that is longer is not read."""


class Edit(Record):
    """A change of a user's file that removes an obstacle.

    ``change`` makes the new content of what stands there (None: no file) and raises ValueError where it cannot.
    ``folder`` is whose trust it records, empty if it records none.
    """

    path: str
    change: Callable[[bytes | None], bytes]
    folder: str = ""


class Obstacle(Record):
    """One obstacle: its kind, what is wrong, why it matters, and the remedy."""

    kind: str
    what: str
    why: str
    remedy: str
    edit: Edit | None = None


class UnreadableError(Exception):
    """A file that cannot be read or parsed."""


class Surroundings:
    """The environment and the files that a program will find.

    ``planned`` holds what a start writes first, by path.  A ``is_quick`` look opens no more than it must and stays
    silent where only a slow one could be sure.
    """

    def __init__(
        self, env: Mapping[str, str], *, planned: Mapping[str, bytes] | None = None, is_quick: bool = False
    ) -> None:
        self.env = env
        self.is_quick = is_quick
        self._planned = dict(planned or {})
        self._read: dict[str, bytes | UnreadableError | None] = {}
        self._repositories: dict[str, Repository] = {}
        self._parsed: dict[str, dict[str, object]] = {}

    def repository(self, folder: str) -> Repository:
        """Return the repository around ``folder``."""
        if folder not in self._repositories:
            self._repositories[folder] = repository_of(folder)
        return self._repositories[folder]

    def plan_worktree(self, folder: str, common: str) -> None:
        """Treat ``folder``, which need not exist, as a worktree of the repository ``common``."""
        self._repositories[folder] = Repository(os.path.realpath(folder), os.path.realpath(common))

    def plan(self, path: str, content: bytes) -> None:
        """Treat ``content`` as the content of ``path``."""
        self._planned[path] = content

    def content(self, path: str) -> bytes | None:
        """Return the file's content, None if there is no file. Raises UnreadableError."""
        if path in self._planned:
            return self._planned[path]
        if path not in self._read:
            self._read[path] = _content(path)
        found = self._read[path]
        if isinstance(found, UnreadableError):
            raise found
        return found

    def json(self, path: str, *, has_comments: bool = False) -> dict[str, Any]:
        """Return the file's JSON object, empty if there is no file. Raises UnreadableError."""
        if path in self._parsed:
            return self._parsed[path]
        data = self.content(path)
        try:
            value = decode_json(without_comments(data) if has_comments and data else data) if data else {}
        except ValueError as error:
            raise UnreadableError(f"it is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise UnreadableError("it holds no JSON object")
        if path not in self._planned:
            self._parsed[path] = value
        return value


def _content(path: str) -> bytes | UnreadableError | None:
    try:
        with open(open_plain(path), "rb") as handle:
            if os.fstat(handle.fileno()).st_size > MOST_BYTES:
                return UnreadableError(f"it is larger than {MOST_BYTES >> 20} MB")
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return UnreadableError(error.strerror or str(error))


class Readiness:
    """What one runtime needs before it takes a prompt. Of a runtime without a module, only its program is known."""

    variables: tuple[str, ...] = ()
    """Variables that it reads and that decide how it starts."""
    oldest = ""
    """The oldest version that is known to serve, empty if none is known."""
    unknown: tuple[str, ...] = (SETUP, LOGIN, TRUST)
    """Kinds of obstacles that cannot be told beforehand for this runtime: they show at its start."""

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """Return the obstacles of a start in ``work_dir``."""
        return []


def unreadable(path: str, why: str, reader: str) -> Obstacle:
    """Return the obstacle for a user's file that its program cannot read either."""
    remedy = f"look at {path}: mend it, or move it away so that {reader} begins a new one"
    return Obstacle(SETUP, f"{path} cannot be read", why, remedy)


def home_of(env: Mapping[str, str]) -> str:
    """Return the home folder as programs find it, also if HOME is not set."""
    return env.get("HOME") or os.path.expanduser("~")


def text_of(value: object) -> str:
    """Return ``value`` if it is text, else an empty text."""
    return value if isinstance(value, str) else ""


def part_of(value: Mapping[str, object], *keys: str) -> dict[str, Any]:
    """Return the object below these keys, an empty one if there is none."""
    found: object = value
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def below(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the object below these keys, created if missing. Raises ValueError if another value is there."""
    for key in keys:
        value = value.setdefault(key, {})
        if not isinstance(value, dict):
            raise ValueError(f"its {key} is no object")
    return value


def with_json(data: bytes | None, change: Callable[[dict[str, object]], None]) -> bytes:
    """A JSON file with one change; everything else, its order and its indentation stay.

    Raises ValueError for what is no JSON object: such a file is never replaced.
    """
    text = (data or b"").decode("utf-8")
    value = decode_json(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    change(value)
    return as_json_like(data or b"", value)


def without_comments(data: bytes) -> bytes:
    """Return JSON text without ``//`` and ``/* */`` comments."""
    text, kept, at, in_text = data.decode("utf-8", "replace"), [], 0, False
    while at < len(text):
        char = text[at]
        if in_text and char == "\\":
            kept.append(text[at : at + 2])
            at += 2
            continue
        if char == '"':
            in_text = not in_text
        elif not in_text and text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        elif not in_text and text.startswith("/*", at):
            end = text.find("*/", at + 2)
            at = len(text) if end < 0 else end + 2
            continue
        kept.append(char)
        at += 1
    return "".join(kept).encode()
