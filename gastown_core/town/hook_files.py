"""The files by which an agent's program runs our hooks: what they should hold, and writing them into its folder.

They lie at exact paths that git is told to ignore.  A user's own settings in the same file stay; a file of the project (one
that git tracks, or one behind a symbolic link) is left as it is.  Writing twice changes nothing.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, StoreError
from gastown_core.files.atomic import as_json, as_json_like, edit_json, link_on_the_way, write_inside
from gastown_core.files.plain import read_plain
from gastown_core.model.json_text import decode_json
from gastown_core.model.record import Record
from gastown_core.runtimes.adapters import adapter_for
from gastown_core.runtimes.hook_commands import merged, ours_in, without_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.runtimes.adapter import HookFile
    from gastown_core.runtimes.preset import Preset
    from gastown_core.town.inventory import RosterEntry

FORMER = ".claude/settings.json"
"""Where the hooks of town roles were written once; ours are taken out there, or every event would be told twice."""


NOTES = os.path.join(".runtime", "hook_files.json")
"""What we wrote last: path → our commands in it. By it a change of a person's is told from an older version of ours."""


REPAIR = "; gt hooks repair puts ours there and keeps what stood there as a copy"


class Wanted(Record):
    """One hook file: path below the agent's folder, what it should hold, what it holds (None: it is not there).

    ``problem`` says why it cannot be written, empty if it can.  ``is_damaged`` says that only what stands in the file is
    in the way, so that ``repair`` can put ``content`` there, which has all that can be read of a user's own.
    """

    path: str
    content: bytes
    current: bytes | None
    problem: str = ""
    is_damaged: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be done."""
        return self.current == self.content and not self.problem


def hook_files(root: str, entry: RosterEntry, preset: Preset) -> list[Wanted]:
    """The hook files of an agent with that runtime, merged with what its folder holds now; none for a runtime without hooks."""
    adapter = adapter_for(preset.screens)
    if adapter is None or not preset.hooks.executable:
        return []
    found = [_wanted(entry.work_dir, file) for file in adapter.hook_files(entry.address.role)]
    former = _without_former(entry.work_dir) if found and found[0].path.startswith(".claude/") else None
    return [*found, former] if former is not None else found


def install(root: str, entry: RosterEntry, preset: Preset) -> list[str]:
    """Write the hook files that are not as they should be; a warning for each that cannot be written."""
    files = [file for file in hook_files(root, entry, preset) if not file.is_settled]
    if not files:
        return []
    theirs = tracked(entry.work_dir, [file.path for file in files], hides=True)
    warnings, written = [], []
    for file in files:
        if file.path in theirs:
            problem = "the project has a file of its own there, which stays as it is"
        else:
            problem = file.problem or write(entry.work_dir, file)
        if problem:
            warnings.append(f"{file.path} does not run our hooks: {problem}{REPAIR if file.is_damaged else ''}")
        else:
            written.append(file)
    if written:
        note(root, entry.work_dir, written)
    return warnings


def commands_in(content: bytes | None) -> list[list[str]]:
    """Our commands in a hook file, each with its event; empty for what is no settings file."""
    try:
        value = decode_json(content or b"")
    except ValueError:
        return []
    return ours_in(value.get("hooks")) if isinstance(value, dict) else []


def note(root: str, work_dir: str, written: list[Wanted]) -> None:
    """Note what was written; a folder that is no town keeps no notes."""
    if not os.path.isdir(os.path.join(root, ".runtime")):
        return

    def change(notes: dict[str, object]) -> None:
        for file in written:
            notes[os.path.join(work_dir, file.path)] = commands_in(file.content)
        for path in [path for path in notes if not os.path.exists(path)]:
            del notes[path]

    edit_json(os.path.join(root, NOTES), change)


def claude_settings() -> dict[str, Any]:
    """The hook file of the default runtime, for a folder in which a person may start it before the town does."""
    adapter = adapter_for("claude")
    assert adapter is not None
    return merged({}, adapter.hook_files("")[0].settings or {})


def _wanted(work_dir: str, file: HookFile) -> Wanted:
    current, problem = _read(work_dir, file.path)
    if file.settings is None:
        return Wanted(file.path, file.text.encode(), current, problem)
    if current is None or not current.strip():
        return Wanted(file.path, as_json(merged({}, file.settings)), current, problem)
    try:
        value = decode_json(current)
    except ValueError as error:
        return Wanted(file.path, as_json(merged({}, file.settings)), current, f"it is not JSON: {error}", True)
    if not isinstance(value, dict):
        return Wanted(file.path, as_json(merged({}, file.settings)), current, "it holds no JSON object", True)
    hooks = value.get("hooks")
    if not _can_take_ours(hooks, file.settings.get("hooks") or {}):
        restored = as_json_like(current, merged(value, file.settings))
        return Wanted(file.path, restored, current, "its hooks have a form that we do not know", True)
    if not file.is_local and without_ours(hooks) == (hooks if isinstance(hooks, dict) else {}):
        return Wanted(file.path, current, current, "there is one that we did not make")
    wanted = merged(value, file.settings)
    # a file that says what it should keeps its own form
    return Wanted(file.path, current if wanted == value else as_json_like(current, wanted), current, problem)


def _can_take_ours(hooks: object, wanted: Mapping[str, Any]) -> bool:
    """Whether our hooks can stand beside these, so that nothing of a user's has to go."""
    if hooks is None:
        return True
    return isinstance(hooks, dict) and all(isinstance(hooks.get(event, []), list) for event in wanted)


def _without_former(work_dir: str) -> Wanted | None:
    """The older settings file less our hooks, None if it holds none of ours or is not to be touched."""
    current, problem = _read(work_dir, FORMER)
    if current is None or problem:
        return None
    try:
        value = decode_json(current)
    except ValueError:
        return None
    hooks = value.get("hooks") if isinstance(value, dict) else None
    kept = without_ours(hooks)
    if hooks is None or kept == hooks:
        return None
    return Wanted(FORMER, as_json_like(current, {**value, "hooks": kept}), current)


def _read(work_dir: str, path: str) -> tuple[bytes | None, str]:
    """What stands there, and why it may not be written."""
    link = link_on_the_way(work_dir, path)
    if link:
        return None, f"{link} is a symbolic link"
    try:
        return read_plain(os.path.join(work_dir, path)), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, error.strerror or str(error)


def tracked(work_dir: str, paths: list[str], *, hides: bool = False) -> set[str]:
    """Return those of these files that git tracks, which are the project's; ``hides`` keeps the others out of git."""
    from gastown_core.git.repo import Git
    from gastown_core.git.worktree import exclude

    git = Git(work_dir)
    try:
        top = git.run("rev-parse", "--show-toplevel").strip()
        found = set(git.run("ls-files", "-z", "--", *paths).split("\0")) - {""}
        below = os.path.relpath(os.path.realpath(work_dir), os.path.realpath(top))
        prefix = "" if below == "." else f"{below}/"
        if hides:
            exclude(git, tuple(f"/{prefix}{path}" for path in paths if path not in found and path != FORMER))
    except GastownError:
        # no repository, so nothing to be kept out of
        return set()
    # the town's own folders are no project: what stands there tracked was written by us
    return found if below == "." else found - {FORMER}


def write(work_dir: str, file: Wanted) -> str:
    """Write the file as it should be; returns why it could not be written, empty if it was."""
    try:
        write_inside(work_dir, file.path, file.content)
    except StoreError as error:
        return error.why or error.what
    return ""
