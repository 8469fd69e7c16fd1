"""Both watchers tell of appends, replacements and late folders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gastown_core.files.watch import FolderWatch


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while not condition():
        if loop.time() > end:
            return False
        await asyncio.sleep(0.01)
    return True


@pytest.mark.parametrize("portable", [False, True], ids=["inotify", "watchfiles"])
async def test_append_and_replace_are_told(tmp_path: Path, portable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if portable:
        monkeypatch.setenv("GT_FORCE_WATCHFILES", "1")
    log = tmp_path / "log"
    log.write_bytes(b"")
    told: list[str] = []

    def append() -> None:
        with log.open("ab") as f:
            f.write(b"x\n")

    def replace() -> None:
        (tmp_path / "new").write_bytes(b"y\n")
        os.rename(tmp_path / "new", log)

    watch = FolderWatch(lambda folder, name: told.append(name))
    watch.start([str(tmp_path)])
    try:
        for act in (append, replace, append):
            told.clear()
            # the portable watcher needs a moment to begin, so the act is repeated until it is told of
            for _ in range(20):
                act()
                if await until(lambda: "log" in told, 0.4):
                    break
            assert "log" in told
    finally:
        await watch.close()


async def test_a_folder_that_comes_late_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_core.files.watch.SAFETY_POLL_S", 0.05)
    told: list[tuple[str, str]] = []
    late = tmp_path / "late"
    watch = FolderWatch(lambda folder, name: told.append((folder, name)))
    watch.start([str(late)])
    try:
        late.mkdir()
        assert await until(lambda: (str(late), "") in told)
        (late / "f").write_bytes(b"x")
        assert await until(lambda: (str(late), "f") in told)
    finally:
        await watch.close()


@pytest.mark.parametrize("how", ["removed", "moved away"])
async def test_a_folder_that_is_made_anew_is_heard_again(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gastown_core.files.watch.SAFETY_POLL_S", 0.2)
    folder = tmp_path / "heartbeats"
    folder.mkdir()
    told: list[str] = []
    watch = FolderWatch(lambda folder, name: told.append(name))
    watch.start([str(folder)])
    try:
        for number in range(2):
            folder.rmdir() if how == "removed" else folder.rename(tmp_path / f"old{number}")
            folder.mkdir()
            told.clear()
            assert await until(lambda: "" in told), "the loss"
            name = f"beat{number}"
            # again and again: the first may come before the new folder is watched
            assert await until(lambda: (folder / name).write_text("x") and name in told), "the new folder"
            (folder / name).unlink()
    finally:
        await watch.close()
