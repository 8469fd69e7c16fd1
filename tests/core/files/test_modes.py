"""Who may read what: our own files and folders are private, and an existing file keeps its mode."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gastown_core.events.channels import emit
from gastown_core.events.feed import catch_up
from gastown_core.events.log import append_event
from gastown_core.events.town_log import log_line
from gastown_core.files.atomic import edit_json, write_atomic
from gastown_core.files.folders import cache_folder, private_folder
from gastown_core.messaging.queue import enqueue
from gastown_core.runtimes.heartbeat import write_heartbeat
from tests.support.stores import create, make_store

SHARED = {"", ".beads"}
"""The town itself and its ledger are as git makes them."""


@pytest.fixture(autouse=True)
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_what_is_told_of_agents_at_run_time_is_for_the_owner_alone(tmp_path: Path) -> None:
    root = str(tmp_path)
    append_event(root, "mail", "mayor", {"to": "x", "subject": "s"})
    catch_up(root)
    emit(root, "refinery", "MQ_SUBMIT")
    enqueue(root, "sh-opal", "mayor", "hello")
    write_heartbeat(root, "sh-opal")
    log_line(root, "nudge", "sh-opal", "hello")
    for where, folders, names in os.walk(root):
        assert {name: oct(mode(os.path.join(where, name))) for name in folders} == dict.fromkeys(folders, "0o700")
        assert {name: oct(mode(os.path.join(where, name))) for name in names} == dict.fromkeys(names, "0o600")


def test_the_index_of_a_ledger_is_private_and_the_ledger_is_not(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    create(store, "a bead")
    cache = Path(store.beads_dir, ".cache")
    assert mode(cache) == 0o700
    assert {mode(cache / name) for name in os.listdir(cache)} == {0o600}
    assert mode(Path(store.beads_dir, "issues.jsonl")) == 0o644


@pytest.mark.parametrize("wanted", [0o664, 0o640, 0o600, 0o666])
def test_a_file_that_stands_keeps_its_mode(tmp_path: Path, wanted: int) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{}")
    path.chmod(wanted)
    write_atomic(str(path), b"{}", mode=0o600)
    edit_json(str(path), lambda value: value.update(a=1))
    assert mode(path) == wanted


def test_a_compaction_keeps_the_ledgers_mode(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    bead_id = create(store, "a bead")
    path = Path(store.beads_dir, "issues.jsonl")
    path.chmod(0o664)
    with store.write("me") as batch:
        batch.update(bead_id, {"notes": "more"})
    assert store.compact()
    assert mode(path) == 0o664


def test_a_folder_that_stands_keeps_its_mode_and_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    assert mode(private_folder(str(shared / "a" / "b"))) == mode(shared / "a") == 0o700
    assert mode(shared) == 0o755
    (tmp_path / "file").write_text("")
    for make in (private_folder, cache_folder):
        with pytest.raises(OSError):
            make(str(tmp_path / "file"))
