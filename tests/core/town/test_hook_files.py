"""Hook files: written once, merged with the user's settings, and never over the project's files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.git.repo import Git
from gastown_core.model.address import parse_address
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.town.hook_files import hook_files, install
from gastown_core.town.inventory import RosterEntry
from tests.support.repos import make_repo

CLAUDE, GEMINI = BUILT_IN["claude"], BUILT_IN["gemini"]
LOCAL = ".claude/settings.local.json"
ROOT = "/nowhere"


@pytest.fixture
def entry(tmp_path: Path) -> RosterEntry:
    make_repo(str(tmp_path / "ann"))
    return RosterEntry(parse_address("shop/crew/ann"), "sh-crew-ann", str(tmp_path / "ann"), "sh-crew-ann")


def put(entry: RosterEntry, path: str, content: str | bytes) -> Path:
    place = Path(entry.work_dir, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def test_writing_twice_changes_nothing_and_git_sees_nothing(entry: RosterEntry) -> None:
    assert install(ROOT, entry, CLAUDE) == []
    before = Path(entry.work_dir, LOCAL).stat()

    assert install(ROOT, entry, CLAUDE) == []
    assert Path(entry.work_dir, LOCAL).stat().st_mtime_ns == before.st_mtime_ns
    assert all(file.is_settled for file in hook_files(ROOT, entry, CLAUDE))
    assert Git(entry.work_dir).run("status", "--porcelain") == ""


def test_a_users_settings_and_hooks_stay(entry: RosterEntry) -> None:
    own = {"hooks": [{"type": "command", "command": "mine"}]}
    place = put(entry, LOCAL, json.dumps({"model": "opus", "hooks": {"Stop": [own], "Other": "kept"}}))

    assert install(ROOT, entry, CLAUDE) == []
    found = json.loads(place.read_text())
    assert (found["model"], found["hooks"]["Stop"][0], found["hooks"]["Other"]) == ("opus", own, "kept")
    assert "signal Stop" in json.dumps(found["hooks"]["Stop"])


@pytest.mark.parametrize(
    "content",
    [
        '{"hooks": [1, 2], "x": 1}',
        '{"hooks": {"Stop": "mine"}}',
        '{"hooks": "mine"}',
        '{\n // mine\n "a": 1}',
        "[1]",
        "[" * 3000,
        b"\xff\xfe",
    ],
    ids=["hooks are a list", "an event is a text", "hooks are a text", "comments", "a list", "deep", "no UTF-8"],
)
def test_a_file_of_another_form_stays_as_it_is_and_is_told(entry: RosterEntry, content: str | bytes) -> None:
    place = put(entry, LOCAL, content)
    before = place.read_bytes()

    (warning,) = install(ROOT, entry, CLAUDE)
    assert warning.startswith(f"{LOCAL} does not run our hooks: ")
    assert place.read_bytes() == before


def test_a_projects_file_a_link_and_a_folder_are_left_alone(entry: RosterEntry) -> None:
    place = put(entry, ".gemini/settings.json", '{"theme": "dark"}')
    Git(entry.work_dir).run("add", ".")
    (warning,) = install(ROOT, entry, GEMINI)
    assert "the project has a file of its own there" in warning
    assert place.read_text() == '{"theme": "dark"}'

    outside = put(entry, "outside/settings.local.json", "{}")
    os.symlink(outside.parent, Path(entry.work_dir, ".claude"))
    (warning,) = install(ROOT, entry, CLAUDE)
    assert "symbolic link" in warning
    assert outside.read_text() == "{}"

    os.unlink(Path(entry.work_dir, ".claude"))
    Path(entry.work_dir, LOCAL).mkdir(parents=True)
    (warning,) = install(ROOT, entry, CLAUDE)
    assert "directory" in warning
