"""The tailer sees every complete line once, whatever happens to the file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_core.files.tail import Tailer


def lines_of(tail: Tailer) -> list[bytes]:
    return [line for _, line in tail.read().lines]


def test_starts_at_the_end_and_sees_what_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    tail = Tailer(str(path))
    assert lines_of(tail) == []
    with path.open("ab") as f:
        f.write(b"new\nnewer\n")
    assert tail.read().lines == [(4, b"new"), (8, b"newer")]


def test_holds_back_half_a_line_until_the_rest_comes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"")
    tail = Tailer(str(path), offset=0)
    with path.open("ab", buffering=0) as f:
        f.write(b'{"a":')
        assert lines_of(tail) == []
        f.write(b"1}\n{")
        assert lines_of(tail) == [b'{"a":1}']
        f.write(b"}\n")
        assert tail.read().lines == [(8, b"{}")]


def test_takes_a_line_of_two_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    big = b"x" * (2 << 20)
    path.write_bytes(big + b"\nshort\n")
    assert lines_of(Tailer(str(path), offset=0)) == [big, b"short"]


def test_waits_for_a_file_that_comes_late(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tailer(str(path))
    assert tail.read().lines == []
    path.write_bytes(b"first\n")
    batch = tail.read()
    assert [line for _, line in batch.lines] == [b"first"]
    assert not batch.reset


def test_follows_a_replacement_and_loses_nothing_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n")
    tail = Tailer(str(path))
    with path.open("ab") as f:
        f.write(b"b\n")
    fresh = tmp_path / "fresh"
    fresh.write_bytes(b"b\nc\n")
    os.rename(fresh, path)
    batch = tail.read()
    assert batch.reset
    assert [line for _, line in batch.lines] == [b"b", b"b", b"c"]
    with path.open("ab") as f:
        f.write(b"d\n")
    assert lines_of(tail) == [b"d"]


def test_truncation_starts_over_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\nb\nc\n")
    tail = Tailer(str(path))
    path.write_bytes(b"z\n")
    batch = tail.read()
    assert batch.reset
    assert [line for _, line in batch.lines] == [b"z"]


def test_a_removed_file_is_no_error_and_its_successor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n")
    tail = Tailer(str(path))
    path.unlink()
    assert tail.read().lines == []
    path.write_bytes(b"b\n")
    assert lines_of(tail) == [b"b"]


@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b and b), max_size=12), st.data())
def test_any_way_of_cutting_the_writes_gives_the_same_lines(lines: list[bytes], data: st.DataObject) -> None:
    import tempfile

    stream = b"".join(line + b"\n" for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log")
        tail = Tailer(path, offset=0)
        seen: list[bytes] = []
        at = 0
        while at < len(stream):
            step = data.draw(st.integers(1, len(stream) - at))
            with open(path, "ab") as f:
                f.write(stream[at : at + step])
            at += step
            seen += lines_of(tail)
        tail.close()
    assert seen == lines


WRITER = """
import sys
from gastown_core.events.log import append_event
for n in range(int(sys.argv[3])):
    assert append_event(sys.argv[1], "step", sys.argv[2], {"message": f"{sys.argv[2]}-{n}"})
"""


def test_eight_processes_append_and_each_line_is_seen_once_and_whole(tmp_path: Path) -> None:
    count = 100
    tail = Tailer(str(tmp_path / ".events.jsonl"), offset=0)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"w{n}", str(count)], cwd=os.getcwd())
        for n in range(8)
    ]
    seen: list[bytes] = []
    while any(writer.poll() is None for writer in writers):
        seen += lines_of(tail)
    seen += lines_of(tail)
    from gastown_core.events.log import parse_event

    told = [parse_event(line) for line in seen]
    assert all(event is not None for event in told)
    messages = [event.payload["message"] for event in told if event is not None]
    assert len(messages) == len(set(messages)) == 8 * count


@pytest.mark.parametrize("size", [1, 7, 64, 64 * 1024])
def test_reading_backward_gives_the_same_lines_for_any_block_size(tmp_path: Path, size: int) -> None:
    from gastown_core.files.jsonl import lines_backward

    path = tmp_path / "log"
    lines = [b"one", b"two", b"x" * 300, b"four"]
    path.write_bytes(b"\n".join(lines) + b"\nincomplete")
    found = list(lines_backward(str(path), block=size))
    assert [line for _, line in found] == lines[::-1]
    data = path.read_bytes()
    assert all(data[at : at + len(line)] == line for at, line in found)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_something_else_in_the_files_place_is_an_error_until_a_file_is_back_and_loses_nothing(
    tmp_path: Path, make: Callable[[str], None]
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    tail = Tailer(str(path), offset=0)
    assert lines_of(tail) == [b"one"]
    with path.open("ab") as f:
        f.write(b"two\n")
    os.rename(path, tmp_path / "old")
    make(str(path))
    for _ in range(2):
        with pytest.raises(OSError, match=r"is a directory|not a regular file"):
            tail.read()
    path.rmdir() if path.is_dir() else path.unlink()
    path.write_bytes(b"three\n")
    batch = tail.read()
    assert ([line for _, line in batch.lines], batch.reset) == ([b"two", b"three"], True)
