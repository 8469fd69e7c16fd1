"""The cost of watching agent programs: a hook's command, and a poll of the records of 50 programs without news."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.table import Row
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.process_table import start_of
from gastown_core.runtimes.adapter import Program, Records
from gastown_core.runtimes.adapters import claude, codex
from gastown_core.usage.collect import collect

PROGRAMS = 50
DAYS = 200
"""Days with sessions of earlier agents in codex's folder."""
LOOKS = 20
MESSAGES = 1000
"""What each agent has used already."""


def measure(folder: str) -> Iterator[Row]:
    """Yield the rows."""
    yield Row("gt signal, a hook at the end of a turn", f"{_signal_ms(os.path.join(folder, 'signal')):.0f} ms", "")
    quiet, one = _usage_ms(os.path.join(folder, "usage"))
    yield Row(f"counting usage of {PROGRAMS} agents, nothing new", f"{quiet:.1f} ms", "≤ 50 ms (each 20 s)")
    yield Row(f"counting one message more, beside {PROGRAMS * MESSAGES}", f"{one:.1f} ms", "≤ 100 ms (each 20 s)")
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


def _usage_ms(base: str) -> tuple[float, float]:
    """CPU of a pass over the transcripts of a town's agents: one that finds nothing new, one that finds one message."""
    root, env = os.path.join(base, "gt"), {"HOME": os.path.join(base, "home")}
    paths = []
    for number in range(PROGRAMS):
        place = os.path.join(root, "shop", "polecats", f"p{number}", "shop")
        os.makedirs(place)
        slug = "".join(char if char.isalnum() else "-" for char in os.path.realpath(place))
        paths.append(os.path.join(env["HOME"], ".claude", "projects", slug, "one.jsonl"))
        os.makedirs(os.path.dirname(paths[-1]))
        _say(paths[-1], place, [f"m{number}-{each}" for each in range(MESSAGES)])
    os.makedirs(os.path.join(root, "mayor"))
    with open(os.path.join(root, "mayor", "rigs.json"), "w") as handle:
        json.dump({"version": 1, "rigs": {"shop": {"prefix": "sh"}}}, handle)
    assert collect(root, env=env).messages == PROGRAMS * MESSAGES
    quiet, found = [], []
    for number in range(LOOKS):
        for took, expected in ((quiet, 0), (found, 1)):
            if expected:
                _say(paths[0], os.path.join(root, "shop", "polecats", "p0", "shop"), [f"more{number}"])
            began = time.process_time()
            assert collect(root, env=env).messages == expected
            took.append((time.process_time() - began) * 1e3)
    return statistics.median(quiet), statistics.median(found)


def _say(path: str, cwd: str, ids: list[str]) -> None:
    at = format_seconds(SYSTEM_CLOCK.now())
    with open(path, "a") as handle:
        for name in ids:
            message = {"id": name, "model": "m", "usage": {"input_tokens": 100, "output_tokens": 10}}
            handle.write(json.dumps({"type": "assistant", "timestamp": at, "cwd": cwd, "message": message}) + "\n")


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
