"""The state of a hook file, what a sync would change, and the repair of a damaged one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gastown_core.git.repo import Git
from gastown_core.model.address import parse_address
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.town.hook_files import install
from gastown_core.town.hook_states import (
    BLOCKED,
    CHANGED,
    DAMAGED,
    IN_STEP,
    MISSING,
    NO_FOLDER,
    OLDER,
    HookState,
    repair,
    states,
)
from gastown_core.town.inventory import RosterEntry
from tests.support.repos import make_repo

CLAUDE, GEMINI, CODEX = BUILT_IN["claude"], BUILT_IN["gemini"], BUILT_IN["codex"]
LOCAL = ".claude/settings.local.json"


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "town" / ".runtime").mkdir(parents=True)
    return str(tmp_path / "town")


@pytest.fixture
def entry(tmp_path: Path, root: str) -> RosterEntry:
    make_repo(str(tmp_path / "ann"))
    return RosterEntry(parse_address("shop/crew/ann"), "sh-crew-ann", str(tmp_path / "ann"), "sh-crew-ann")


def only(root: str, entry: RosterEntry) -> HookState:
    (found,) = states(root, entry, CLAUDE)
    return found


def put(entry: RosterEntry, content: object) -> Path:
    place = Path(entry.work_dir, LOCAL)
    place.parent.mkdir(exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return place


def test_it_is_missing_until_it_is_written_and_then_in_step(root: str, entry: RosterEntry) -> None:
    assert only(root, entry).state == MISSING
    assert only(root, entry).diff()[0] == "--- /dev/null"

    assert install(root, entry, CLAUDE) == []

    assert (only(root, entry).state, only(root, entry).diff()) == (IN_STEP, [])


def test_a_users_own_settings_alone_are_without_ours(root: str, entry: RosterEntry) -> None:
    put(entry, {"model": "opus", "theme": "dark"})

    found = only(root, entry)
    assert (found.state, found.why) == (MISSING, "it holds none of our hooks")
    assert '   "model": "opus",' in found.diff(), "the user's own stays, in its place"


def test_ours_of_another_version_are_older(root: str, entry: RosterEntry) -> None:
    old = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "gt heartbeat --state idle"}]}]}}
    put(entry, old)
    assert only(root, entry).state == OLDER

    install(root, entry, CLAUDE)
    notes = Path(root, ".runtime", "hook_files.json")
    # as if a former version had written it
    put(entry, old)
    notes.write_text(json.dumps({str(Path(entry.work_dir, LOCAL)): [["Stop", "gt heartbeat --state idle"]]}))
    assert only(root, entry).state == OLDER


@pytest.mark.parametrize("has_notes", [True, False])
@pytest.mark.parametrize("all_of_them", [True, False])
def test_ours_that_a_person_took_out_are_changed(
    root: str, entry: RosterEntry, has_notes: bool, all_of_them: bool
) -> None:
    install(root, entry, CLAUDE)
    place = Path(entry.work_dir, LOCAL)
    value = json.loads(place.read_text())
    value["hooks"] = {} if all_of_them else {"Stop": value["hooks"]["Stop"]}
    put(entry, value)
    if not has_notes:
        Path(root, ".runtime", "hook_files.json").unlink()

    assert only(root, entry).state == (MISSING if all_of_them and not has_notes else CHANGED)
    assert any(line.startswith("+") and "signal SessionStart" in line for line in only(root, entry).diff())


def test_notes_that_cannot_be_read_stop_nothing(root: str, entry: RosterEntry) -> None:
    put(entry, {"hooks": {}})
    Path(root, ".runtime", "hook_files.json").write_text("{")

    assert only(root, entry).state == MISSING


@pytest.mark.parametrize("junk", ["{", "[1]", '{"hooks": "mine", "model": "opus"}'])
def test_a_damaged_file_is_kept_beside_ours(root: str, entry: RosterEntry, junk: str) -> None:
    place = put(entry, junk)
    assert (only(root, entry).state, only(root, entry).diff()) == (DAMAGED, [])
    assert install(root, entry, CLAUDE) != [], "a start replaces nothing"

    copies, left = repair(root, entry, CLAUDE)

    assert left == [] and [Path(copy).read_text() for copy in copies] == [junk]
    assert (only(root, entry).state, Git(entry.work_dir).run("status", "--porcelain")) == (IN_STEP, "")
    before = place.stat().st_mtime_ns
    assert (repair(root, entry, CLAUDE), place.stat().st_mtime_ns) == (([], []), before)

    place.write_text(junk)
    assert repair(root, entry, CLAUDE)[0] != copies, "no copy is written over"
    assert [Path(copy).read_text() for copy in copies] == [junk]


@pytest.mark.parametrize("hooks", ["mine", {"Stop": {"x": 1}, "Elsewhere": [{"hooks": []}]}])
def test_a_repair_keeps_the_users_other_settings(root: str, entry: RosterEntry, hooks: object) -> None:
    rules = {"deny": ["Bash(rm:*)"]}
    place = put(entry, {"hooks": hooks, "permissions": rules})

    assert repair(root, entry, CLAUDE)[1] == []

    told = json.loads(place.read_text())
    assert told["permissions"] == rules and only(root, entry).state == IN_STEP
    assert "Elsewhere" in told["hooks"] or hooks == "mine"


def test_what_is_not_ours_is_left_alone(root: str, entry: RosterEntry, tmp_path: Path) -> None:
    place = put(entry, "{")
    Git(entry.work_dir).run("add", ".")
    assert only(root, entry).state == BLOCKED
    assert repair(root, entry, CLAUDE)[0] == [] and place.read_text() == "{"

    Git(entry.work_dir).run("rm", "--cached", "-q", LOCAL)
    place.unlink()
    os.symlink(tmp_path / "elsewhere", place)
    assert only(root, entry).state == BLOCKED and "symbolic link" in only(root, entry).why


def test_an_agent_without_a_folder_gets_none(root: str, tmp_path: Path) -> None:
    gone = RosterEntry(parse_address("shop/polecats/opal"), "sh-opal", str(tmp_path / "none"), "")

    assert only(root, gone).state == NO_FOLDER
    assert not (tmp_path / "none").exists()


def test_a_runtime_without_hooks_has_no_files(root: str, entry: RosterEntry) -> None:
    assert states(root, entry, CODEX) == []
    assert [state.path for state in states(root, entry, GEMINI)] == [f"{entry.work_dir}/.gemini/settings.json"]


@pytest.mark.parametrize("indent", [4, "\t"])
def test_a_users_indentation_stays_so_that_the_diff_shows_what_changes(
    root: str, entry: RosterEntry, indent: int | str
) -> None:
    place = put(entry, json.dumps({"model": "opus", "theme": "dark"}, indent=indent))

    removed = [line for line in only(root, entry).diff()[2:] if line.startswith("-")]
    install(root, entry, CLAUDE)

    assert len(removed) <= 1, "only the last line, which gets a comma"
    assert place.read_text().startswith(json.dumps({"model": "opus"}, indent=indent)[:-2])
    assert only(root, entry).state == IN_STEP


def test_a_damaged_file_names_its_repair(root: str, entry: RosterEntry) -> None:
    put(entry, "{")

    (warning,) = install(root, entry, CLAUDE)

    found = only(root, entry)
    assert (found.is_stuck, found.diff()) == (True, []) and "gt hooks repair" in found.remedy
    assert warning.endswith(found.remedy)
