"""A task: lines as they come, and cancelling: an interrupt first, then force."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from gastown_core import process
from gastown_core.clock import FixedClock
from gastown_core.model.order import Order
from gastown_core.orders import task as tasks
from gastown_core.orders.own_command import run_own
from gastown_core.orders.perform import perform
from gastown_core.orders.task import CancelledError, Task, run_task

POLITE = """
import signal, sys, time
def end(*_):
    print("put back", flush=True)
    sys.exit(130)
signal.signal(signal.SIGINT, end)
print("began", flush=True)
time.sleep(60)
"""
DEAF = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def run(program: str, task: Task, lines: list[bytes], limit_s: float = 60.0) -> int:
    argv = [sys.executable, "-c", program]
    env = dict(os.environ)
    return run_task(argv, cwd="/", env=env, limit_s=limit_s, task=task, take=lines.append, complain=lines.append)


def wait_for(condition) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def cancelled_when(task: Task, lines: list[bytes]) -> threading.Thread:
    """Cancel the task once its first line is there."""

    def wait() -> None:
        wait_for(lambda: lines)
        task.cancel()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_command_tells_each_line_as_it_comes_and_its_status() -> None:
    lines: list[bytes] = []
    code = run("import sys; print('one'); print('two', end=''); sys.exit(3)", Task("x", 0.0), lines)
    assert (code, lines) == (3, [b"one\n", b"two"])


def test_a_cancelled_command_puts_back_what_it_began() -> None:
    task, lines = Task("x", 0.0), []
    thread = cancelled_when(task, lines)
    with pytest.raises(CancelledError) as failed:
        run(POLITE, task, lines)
    thread.join()
    assert lines == [b"began\n", b"put back\n"]
    assert failed.value.why == ""


def test_a_command_that_does_not_heed_is_killed_with_its_family(monkeypatch) -> None:
    monkeypatch.setattr(tasks, "PATIENCE_S", 0.2)
    task, lines = Task("x", 0.0), []
    thread = cancelled_when(task, lines)
    with pytest.raises(CancelledError, match="killed"):
        run(DEAF, task, lines)
    thread.join()
    wait_for(lambda: not os.path.exists(f"/proc/{int(lines[0])}"))


def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(process.ProcessTimeoutError):
        run("import time; time.sleep(60)", Task("x", 0.0), [], limit_s=0.2)


def test_an_order_that_is_cancelled_tells_so_in_its_receipt_and_in_the_list(tmp_path, monkeypatch) -> None:
    began = tmp_path / "began"
    program = POLITE.replace('print("began"', f'print("began", file=open({str(began)!r}, "w")')
    monkeypatch.setattr(process, "gt_argv", lambda *words: [sys.executable, "-c", program])
    task, told = Task("check", 1.0), []
    clock = FixedClock(100.0)
    thread = threading.Thread(target=lambda: (wait_for(began.exists), task.cancel()))
    thread.start()
    assert not perform(str(tmp_path), Order("convoy.check", "hq-cv-1"), told.append, clock=clock, task=task)
    thread.join()
    assert (told[-1].ok, told[-1].final, told[-1].detail) == (False, True, "cancelled")
    assert (task.is_running, task.ok, task.detail, task.ended_at) == (False, False, "cancelled", 100.0)


def test_an_own_command_tells_its_last_line_and_its_end(tmp_path) -> None:
    task = Task("x", 0.0)
    assert run_own(str(tmp_path), [sys.executable, "-c", "print('a'); print('b')"], cwd="", task=task) == "a\nb\n"
    assert (task.stage, task.detail, task.ok, task.is_running) == ("running", "b", True, False)


def test_stages_are_asked_for_behind_a_commands_name_of_one_or_two_words(tmp_path, monkeypatch) -> None:
    seen = []

    def argv(*words: str) -> list[str]:
        seen.append(words)
        return ["true"]

    monkeypatch.setattr(process, "gt_argv", argv)
    for order in (
        Order("agent.nudge", "mayor"),
        Order("incident.nudge", "disk"),
        Order("rig.add", "z", {"name": "z", "url": "/u"}),
    ):
        perform(str(tmp_path), order, lambda receipt: None)
    assert [words[:4] for words in seen] == [
        ("nudge", "--receipts", "mayor", "--wait"),
        ("incident", "act", "--receipts", "disk"),
        ("rig", "add", "--receipts", "z"),
    ]
