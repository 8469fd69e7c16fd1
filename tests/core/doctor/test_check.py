"""Writing a user's file: only the change, under the program's own lock, and never over what cannot be read."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gastown_core.doctor import check
from gastown_core.doctor.check import Check, Edit, FileChange, Finding, write
from gastown_core.errors import ConflictError, StoreError
from gastown_core.runtimes.readiness.obstacle import with_json


def adding(path: Path, name: str) -> Edit:
    def change(value: dict[str, object]) -> None:
        value[name] = True

    return Edit(str(path), lambda data: with_json(data, change))


def test_a_new_file_is_the_users_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    write(str(path), [adding(path, "a")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.chmod(0o640)
    write(str(path), [adding(path, "b")])
    assert (json.loads(path.read_text()), stat.S_IMODE(path.stat().st_mode)) == ({"a": True, "b": True}, 0o640)
    assert os.listdir(path.parent) == ["x.json"], "no lock stays"


def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles" / "real.json", tmp_path / "x.json"
    target.parent.mkdir()
    target.write_text("{}")
    link.symlink_to(target)

    write(str(link), [adding(link, "a")])

    assert link.is_symlink() and json.loads(target.read_text()) == {"a": True}


@pytest.mark.parametrize("junk", [b"{", b"[]", b"\xff\xfe"])
def test_junk_is_never_replaced(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(junk)
    finding = Finding("trust", "x", "", "", (), adding(path, "a"))

    (left,) = Check().fix([finding])

    assert str(path) in left and path.read_bytes() == junk
    with pytest.raises(ValueError):
        Check().preview([finding], {})


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"mine": 1}')
    names = [f"n{number}" for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: write(str(path), [adding(path, name)]), names))

    assert set(json.loads(path.read_text())) == {"mine", *names}


def test_a_program_that_writes_is_waited_for_and_one_that_died_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "LOCK_S", 0.1)
    path, lock = tmp_path / "x.json", tmp_path / "x.json.lock"
    lock.mkdir()
    with pytest.raises(ConflictError):
        write(str(path), [adding(path, "a")])
    assert not path.exists() and lock.exists()

    os.utime(lock, (1, 1))
    write(str(path), [adding(path, "a")])
    assert path.exists() and not lock.exists()


def test_what_is_read_last_is_what_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    finding = Finding("trust", "x", "", "", (), adding(path, "a"))
    Check().preview([finding], {})
    # a program writes after the preview
    path.write_text('{"theirs": 1}')

    assert Check().fix([finding]) == []
    assert json.loads(path.read_text()) == {"theirs": 1, "a": True}


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")

    with pytest.raises(StoreError):
        write(str(place / "x.json"), [adding(place / "x.json", "a")])


def test_the_second_preview_builds_on_the_first(tmp_path: Path) -> None:
    path, planned = tmp_path / "x.json", {}
    first = Check().preview([Finding("a", "", "", "", (), adding(path, "a"))], planned)
    second = Check().preview([Finding("b", "", "", "", (), adding(path, "b"))], planned)

    assert first[0].before is None and second[0].before == first[0].after
    assert json.loads(second[0].after) == {"a": True, "b": True}


def test_a_diff_shows_no_secret() -> None:
    before = b'{"primaryApiKey": "sk-123456", "a": 1, "accessToken": "t0p"}'
    shown = "\n".join(FileChange("/x/a.json", before, before[:-1] + b', "new": true}').diff())

    assert '"new": true' in shown and "sk-123456" not in shown and "t0p" not in shown
    toml = b'api_key = "sk-1"\nmodel = "m"\n'
    assert "sk-1" not in "\n".join(FileChange("/x/c.toml", toml, toml + b"x = 1\n").diff())


def test_a_diff_of_a_file_that_begins_with_comments_shows_the_change_alone() -> None:
    before, after = (b'// managed\n{"a": 1}', b'// managed\n{"a": 1, "b": 2}')

    lines = FileChange("config.json", before, after).diff()

    assert [line for line in lines[2:] if line.startswith(("+", "-"))] == ['-  "a": 1', '+  "a": 1,', '+  "b": 2']
