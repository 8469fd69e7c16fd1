"""The form of a check: it detects, says what a fix would change, and fixes; and the writing of users' files.

A check is a module with ``CHECKS``, named in ``checks.py``.  Detecting changes nothing.  A fix is prepared as a preview
first, and a second run of it changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import time

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, StoreError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.plain import read_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from gastown_core.doctor.checked_town import Place

STALE_S = 10.0
"""A program renews its lock more often than this; an older one was left behind."""
LOCK_S = 3.0
CONFIG_MODE = 0o600
SECRETS = ("key", "token", "secret", "password", "credential", "auth")


class Edit(Record):
    """One change of a file: ``change`` turns its content (None: no file) into the new one.

    ``change`` raises ValueError for content that it cannot read; the file then stays.
    """

    path: str
    change: Callable[[bytes | None], bytes]


class Finding(Record):
    """One problem: the check that found it, what is wrong, why it matters, the remedy, and whom it concerns.

    ``edit`` is the fix that the town may make if the operator agrees; None if the operator has to make it.
    ``act`` names what a check mends by other means than editing a file.
    """

    check: str
    what: str
    why: str
    remedy: str
    about: tuple[str, ...] = ()
    edit: Edit | None = None
    act: str = ""

    @property
    def is_fixable(self) -> bool:
        """Whether ``--fix`` mends it."""
        return self.edit is not None or bool(self.act)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as ``--json`` prints it."""
        return {
            "check": self.check,
            "what": self.what,
            "why": self.why,
            "remedy": self.remedy,
            "about": list(self.about),
            "fixable": self.is_fixable,
        }


class FileChange(Record):
    """The change that a fix would make to one file."""

    path: str
    before: bytes | None
    after: bytes

    def diff(self) -> list[str]:
        """Return the change as a unified diff, without the values of what may be a secret."""
        import difflib

        old, new = (_lines(self.before or b"", self.path), _lines(self.after, self.path))
        start = self.path if self.before is not None else "/dev/null"
        return [_without_secrets(line) for line in difflib.unified_diff(old, new, start, self.path, lineterm="", n=2)]


class Check:
    """The interface of a check: all that ``gt doctor`` uses of it."""

    name = ""
    about = ""
    mends = ""
    """What ``--fix`` does about its findings; empty if the remedies are a person's."""

    def detect(self, place: Place) -> list[Finding]:
        """Return what is wrong; change nothing."""
        raise NotImplementedError

    def preview(self, findings: list[Finding], planned: dict[str, bytes]) -> list[FileChange]:
        """Return what ``fix`` would change, file by file.

        ``planned`` is what earlier fixes would make of files; what this one would is added to it.  Raises ValueError,
        OSError for a file that cannot be changed.
        """
        changes: dict[str, FileChange] = {}
        for edit in _edits(findings):
            standing = planned[edit.path] if edit.path in planned else _content(edit.path)
            after = edit.change(standing)
            if after != standing:
                first = changes[edit.path].before if edit.path in changes else standing
                changes[edit.path] = FileChange(edit.path, first, after)
                planned[edit.path] = after
        return list(changes.values())

    def acts(self, findings: list[Finding]) -> list[str]:
        """Return what ``fix`` would do beside editing files, in words."""
        return []

    def fix(self, findings: list[Finding], root: str = "") -> list[str]:
        """Mend what can be mended; return what could not be, in words."""
        left = []
        for path in dict.fromkeys(edit.path for edit in _edits(findings)):
            try:
                write(path, [edit for edit in _edits(findings) if edit.path == path])
            except (GastownError, ValueError, OSError) as error:
                left.append(f"{path} stays as it is: {error}")
        return left


def write(path: str, edits: list[Edit]) -> None:
    """Apply an edit to the present content of a user's file.

    It is read again under the lock that the program itself takes, replaced in one step and keeps its mode.  Raises
    StoreError, ConflictError while a program writes it, ValueError for content that an edit cannot read.
    """
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder of {path}", error.strerror or str(error)) from error
    with _programs_lock(os.path.realpath(path) + ".lock"):
        before = _content(path)
        after = before
        for edit in edits:
            after = edit.change(after)
        if after is not None and after != before:
            write_atomic(path, after, mode=CONFIG_MODE)


@contextlib.contextmanager
def _programs_lock(folder: str) -> Iterator[None]:
    """Hold the folder by which agent programs (Claude Code, gemini) lock a file while they write it."""
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            os.mkdir(folder)
            break
        except FileExistsError:
            if _is_stale(folder):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
                continue
        except OSError as error:
            raise StoreError(f"cannot lock {folder}", error.strerror or str(error)) from error
        if time.monotonic() > deadline:
            raise ConflictError(f"{folder} stays locked", "a program is writing that file", "try again in a moment")
        time.sleep(0.02)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _is_stale(folder: str) -> bool:
    try:
        return SYSTEM_CLOCK.now() - os.stat(folder).st_mtime > STALE_S and not os.listdir(folder)
    except OSError:
        return False


def _edits(findings: list[Finding]) -> list[Edit]:
    return [finding.edit for finding in findings if finding.edit is not None]


def _content(path: str) -> bytes | None:
    try:
        return read_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _lines(data: bytes, path: str) -> list[str]:
    """Return the lines to compare; JSON is indented first, since a one-line file would be shown whole.

    Comments at its beginning are lines of their own.
    """
    text = data.decode("utf-8", "replace")
    if not path.endswith(".json"):
        return text.splitlines()
    import itertools
    import json

    lines = text.splitlines(keepends=True)
    comments = list(itertools.takewhile(lambda line: line.lstrip().startswith("//"), lines))
    rest = "".join(lines[len(comments) :])
    if rest.strip():
        rest = json.dumps(decode_json(rest), indent=2, ensure_ascii=False)
    return [*(line.rstrip() for line in comments), *rest.splitlines()]


def _without_secrets(line: str) -> str:
    """Return a line of a diff without the value of a name that may be a secret."""
    name, colon, value = line.partition(":" if ":" in line else "=")
    is_text = value.strip().strip(",").startswith(('"', "'"))
    is_secret = colon and is_text and any(word in name.lower() for word in SECRETS)
    return f"{name}{colon} …" if is_secret and not line.startswith(("---", "+++")) else line
