"""What watching agents' programs costs: a hook's command, and a look at the records of 50 programs that say nothing new."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.table import Row
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.process_table import start_of
from gastown_core.runtimes.adapter import Program, Records
from gastown_core.runtimes.adapters import claude, codex

PROGRAMS = 50
DAYS = 200
"""Days with sessions of earlier agents in codex's folder."""
LOOKS = 20


def measure(folder: str) -> Iterator[Row]:
    """Yield the rows."""
    yield Row("gt signal, a hook at the end of a turn", f"{_signal_ms(os.path.join(folder, 'signal')):.0f} ms", "")
    processes = [subprocess.Popen(["sleep", "600"]) for _ in range(PROGRAMS)]
    try:
        for name, records, programs in (
            ("Claude Code", claude.ADAPTER.records(), _claude_programs(folder, processes)),
            ("codex", codex.ADAPTER.records(), _codex_programs(folder, processes)),
        ):
            cost = _look_ms(records, programs)
            yield Row(f"a look at {PROGRAMS} of {name}", f"{cost:.1f} ms", "≤ 50 ms (1 % at one look in 5 s)")
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _signal_ms(root: str) -> float:
    os.makedirs(root)
    gt = os.path.join(os.path.dirname(sys.executable), "gt")
    env = {**os.environ, "GT_SESSION": "sh-opal", "GT_TOWN_ROOT": root}
    took = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        subprocess.run([gt, "signal", "Stop", "--runtime", "claude"], input=b"{}", env=env, check=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e3


def _look_ms(records: Records, programs: list[Program]) -> float:
    """CPU of one look, the mean of many over the span in which old folders are looked through once."""
    states = {said.state for said in records.look(programs, 0.0).values()}
    assert states == {"busy"}, states
    began = time.process_time()
    for number in range(LOOKS):
        records.look(programs, 5.0 * (number + 1))
    return (time.process_time() - began) / LOOKS * 1e3


def _claude_programs(home: str, processes: list[subprocess.Popen[bytes]]) -> list[Program]:
    folder = os.path.join(home, ".claude", "sessions")
    os.makedirs(folder)
    for process in processes:
        record = {"pid": process.pid, "procStart": f"{start_of(process.pid):.0f}", "status": "busy"}
        with open(os.path.join(folder, f"{process.pid}.json"), "w") as handle:
            json.dump({**record, "statusUpdatedAt": 1000, "sessionId": "s"}, handle)
    return [Program(f"sh-{number}", one.pid, "/w", {"HOME": home}) for number, one in enumerate(processes)]


def _codex_programs(home: str, processes: list[subprocess.Popen[bytes]]) -> list[Program]:
    days = [
        os.path.join(home, ".codex", "sessions", "2026", f"{1 + day // 28:02d}", f"{1 + day % 28:02d}")
        for day in range(DAYS)
    ]
    for day in days:
        os.makedirs(day)
        for number in range(5):
            _write_log(os.path.join(day, f"rollout-old-{number}.jsonl"), "/elsewhere", 1.0)
    for number in range(len(processes)):
        _write_log(os.path.join(days[-1], f"rollout-{number}.jsonl"), f"/w{number}", SYSTEM_CLOCK.now())
    return [Program(f"sh-{number}", one.pid, f"/w{number}", {"HOME": home}) for number, one in enumerate(processes)]


def _write_log(path: str, cwd: str, at: float) -> None:
    lines = (("session_meta", {"id": "s", "cwd": cwd}), ("event_msg", {"type": "task_started"}))
    with open(path, "w") as handle:
        for kind, payload in lines:
            handle.write(json.dumps({"timestamp": "2026-11-27T08:00:00Z", "type": kind, "payload": payload}) + "\n")
    os.utime(path, (at, at))
