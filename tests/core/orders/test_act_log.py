"""The log of acts outlives its faces, takes what two of them write at once, and survives junk, size and a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gastown_core.errors import StoreError
from gastown_core.orders import act_log
from gastown_core.orders.act_log import CONSOLE, DASHBOARD, CommandLogEntry, acts_of, begin, command_log, end, path_of


def note(root: Path, command: str, at: float, face: str = DASHBOARD, *, ok: bool = True) -> None:
    end(str(root), begin(str(root), face, command, at), CommandLogEntry(at, command, ok, 0.5, "said", face))


def test_acts_of_all_faces_are_kept_in_a_private_file(tmp_path: Path) -> None:
    note(tmp_path, "gt nudge mayor", 10.0)
    note(tmp_path, "gt sling sh-1 shop", 20.0, CONSOLE, ok=False)
    note(tmp_path, "gt patrol", 30.0, "")
    command_log.clear()
    found = acts_of(str(tmp_path)).entries
    assert [(one.command, one.face, one.ok) for one in found] == [
        ("gt nudge mayor", DASHBOARD, True),
        ("gt sling sh-1 shop", CONSOLE, False),
    ]
    assert os.stat(path_of(str(tmp_path))).st_mode & 0o777 == 0o600


def test_an_act_whose_face_was_killed_is_not_forgotten(tmp_path: Path) -> None:
    begin(str(tmp_path), DASHBOARD, "gt refinery process shop", 10.0)
    (one,) = acts_of(str(tmp_path)).entries
    assert (one.command, one.is_over, one.ok) == ("gt refinery process shop", False, False)


@pytest.mark.parametrize(
    "line",
    [
        b"junk",
        b"[]",
        b"{}",
        b'{"id":1,"at":1,"command":"c","face":"f"}',
        b'{"id":"a","at":1e400,"command":"c","face":"f"}',
        b'{"id":"a","at":true,"command":"c","face":"f"}',
        b'{"id":"a","at":-1,"command":"c","face":"f","ok":true}',
        b"\xff\xfe\x00",
        b"[" * 5000,
    ],
)
def test_junk_hides_no_act(tmp_path: Path, line: bytes) -> None:
    note(tmp_path, "gt up", 10.0)
    with open(path_of(str(tmp_path)), "ab") as handle:
        handle.write(line)
    note(tmp_path, "gt down", 20.0)
    found = acts_of(str(tmp_path))
    assert [one.command for one in found.entries] == ["gt up", "gt down"]
    assert found.junk == 1


def test_the_file_keeps_the_newest_acts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(act_log, "MOST_BYTES", 8000)
    for number in range(200):
        note(tmp_path, f"gt nudge agent{number} " + "x" * 5000, float(number))
    assert os.stat(path_of(str(tmp_path))).st_size <= 8000
    assert os.stat(path_of(str(tmp_path))).st_mode & 0o777 == 0o600
    found = acts_of(str(tmp_path))
    assert found.entries[-1].command.startswith("gt nudge agent199 ")
    assert found.junk == 0


def test_two_processes_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from gastown_core.orders.act_log import *\n"
        "for n in range(60):\n"
        "    entry = CommandLogEntry(n, f'{sys.argv[2]} {n}', True, 0.1, '', CONSOLE)\n"
        "    end(sys.argv[1], begin(sys.argv[1], CONSOLE, entry.command, n), entry)\n"
        "    assert not command_log[-1].lost, command_log[-1].lost\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    assert [one.wait(120) for one in running] == [0, 0]
    found = acts_of(str(tmp_path))
    assert {one.command for one in found.entries} == {f"{name} {n}" for name in "ab" for n in range(60)}
    assert found.junk == 0 and all(one.is_over for one in found.entries)


def test_an_act_that_cannot_be_kept_says_why_and_is_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write", "No space left on device")

    command_log.clear()
    with monkeypatch.context() as broken:
        broken.setattr(act_log, "append_lines", full)
        note(tmp_path, "gt nudge mayor", 10.0)
    (one,) = acts_of(str(tmp_path)).entries
    assert one.ok and "No space left" in one.lost
    assert "No space left" in str(one.as_json()["lost"])
    # the disk may fill up between the beginning and the end
    name = begin(str(tmp_path), DASHBOARD, "gt down", 20.0)
    with monkeypatch.context() as broken:
        broken.setattr(act_log, "append_lines", full)
        end(str(tmp_path), name, CommandLogEntry(21.0, "gt down", True, 1.0, "", DASHBOARD))
    assert [(one.command, one.is_over) for one in acts_of(str(tmp_path)).entries] == [
        ("gt nudge mayor", True),
        ("gt down", True),
    ]


def test_a_town_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    command_log.clear()
    note(tmp_path / "gone", "gt nudge mayor", 10.0)
    assert not (tmp_path / "gone").exists()
    assert "not there" in command_log[-1].lost


def test_a_folder_or_a_pipe_in_its_place_is_said(tmp_path: Path) -> None:
    path = Path(path_of(str(tmp_path)))
    path.mkdir(parents=True)
    with pytest.raises(StoreError):
        acts_of(str(tmp_path))
    path.rmdir()
    os.mkfifo(path)
    command_log.clear()
    note(tmp_path, "gt nudge mayor", 10.0)
    assert command_log[-1].lost
    with pytest.raises(StoreError):
        acts_of(str(tmp_path))
