"""Locks between processes and threads of one."""

from __future__ import annotations

import os
import threading

from gastown_core.files import locks
from gastown_core.files.locks import FileLock


def test_one_who_waits_long_goes_before_those_who_take_it_again_and_again(tmp_path):
    path = str(tmp_path / "lock")
    over, turns = threading.Event(), []

    def greedy() -> None:
        while not over.is_set():
            with FileLock(path):
                turns.append(1)
                over.wait(0.005)

    others = [threading.Thread(target=greedy) for _ in range(4)]
    for other in others:
        other.start()
    try:
        for _ in range(3):
            with FileLock(path, timeout_s=20.0):
                before = len(turns)
                over.wait(0.05)
                assert len(turns) == before
    finally:
        over.set()
        for other in others:
            other.join()
    assert turns and os.listdir(tmp_path) == ["lock"]


def test_a_request_to_go_first_ends_with_the_process_that_made_it(tmp_path):
    (tmp_path / "lock.turn").touch()
    with FileLock(str(tmp_path / "lock"), timeout_s=5.0):
        assert os.listdir(tmp_path) == ["lock"]


def test_where_nobody_can_be_asked_the_wait_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.02)
    path = str(tmp_path / "lock")
    os.mkdir(path + ".turn")
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(path):
            held.set()
            over.wait(0.2)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with FileLock(path, timeout_s=20.0):
        assert not other.join(60) and not other.is_alive()
