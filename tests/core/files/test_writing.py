"""Appends and replacements leave the old bytes or the new ones, never half."""

from __future__ import annotations

import fcntl
import json
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gastown_core.errors import ConflictError, SettingsError, StoreError
from gastown_core.files import locks
from gastown_core.files.atomic import edit_json, read_json, write_atomic, write_inside
from gastown_core.files.jsonl import append_lines
from gastown_core.files.locks import FileLock


def test_a_torn_last_line_is_closed_off_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"torn":')
    start, size = append_lines(str(path), [b"{}"])
    assert path.read_bytes() == b'{"torn":\n{}\n'
    assert (start, size) == (9, 12)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"good\n")
    pid = os.fork()
    if pid == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        try:
            append_lines(str(path), [b"x" * 500])
        except StoreError as error:
            os._exit(7 if "unchanged" in error.hint else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert path.read_bytes() == b"good\n"


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as failure:
        write_atomic(str(tmp_path / "none" / "file"), b"x")
    assert "cannot write" in failure.value.what
    assert failure.value.hint == "the old file is unchanged"


def test_editing_json_keeps_unknown_keys_and_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"mine": {"deep": [1]}, "a": 1}')
    path.chmod(0o600)
    edit_json(str(path), lambda value: value.update(a=2))
    assert read_json(str(path)) == {"mine": {"deep": [1]}, "a": 2}
    assert path.stat().st_mode & 0o777 == 0o600


def test_bad_json_names_the_file_and_the_place(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"a": 1,\n oops}')
    with pytest.raises(SettingsError) as failure:
        read_json(str(path))
    assert str(path) in failure.value.what
    assert "line 2" in failure.value.why


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "l")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(ConflictError) as failure, FileLock(path, timeout_s=0.05):
        pass
    assert f"process {os.getpid()} (" in failure.value.why
    assert f"kill {os.getpid()}" in failure.value.hint
    os.close(fd)
    with FileLock(path, timeout_s=0.05):
        pass


def test_where_the_kernel_tells_no_holder_the_name_in_the_lock_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_holder_by_kernel", lambda status: 0)
    path = str(tmp_path / "l")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    for written, said in ((b"", "another process"), (b"4711", "process 4711 holds it")):
        os.pwrite(fd, written, 0)
        with pytest.raises(ConflictError) as failure, FileLock(path, timeout_s=0.05):
            pass
        assert said in failure.value.why
        assert failure.value.hint
    os.close(fd)


def test_a_persons_link_is_followed_and_stays(tmp_path):
    target = tmp_path / "dotfiles" / "config.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o640)
    link = tmp_path / "config.json"
    link.symlink_to("dotfiles/config.json")
    edit_json(str(link), lambda value: value.update(a=1))
    assert link.is_symlink() and json.loads(target.read_text()) == {"a": 1}
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(target.parent)) == ["config.json"]


def test_a_link_to_a_file_that_is_not_there_yet_makes_it(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/new")
    write_atomic(str(tmp_path / "link"), b"x")
    assert (tmp_path / "elsewhere" / "new").read_bytes() == b"x" and (tmp_path / "link").is_symlink()


def test_a_link_that_leads_in_a_circle_is_an_error_and_stays(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StoreError, match="symbolic link loop"):
        write_atomic(str(tmp_path / "a"), b"x")
    assert (tmp_path / "a").is_symlink()


def test_inside_a_folder_that_others_fill_no_link_is_followed(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "tree" / "note").symlink_to("../mine")
    with pytest.raises(StoreError, match="symbolic link"):
        write_inside(str(tmp_path / "tree"), "note", b"x")
    assert (tmp_path / "mine").read_text() == "mine"


def test_threads_of_one_process_that_replace_the_same_file_do_not_take_each_others_temporary_file(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "state.json")

    def write_often(words: bytes) -> None:
        for _ in range(300):
            write_atomic(path, words, sync=False)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_often, (b"one", b"two", b"three", b"four")))
    assert Path(path).read_bytes() in (b"one", b"two", b"three", b"four")
    assert os.listdir(tmp_path) == ["state.json"]
