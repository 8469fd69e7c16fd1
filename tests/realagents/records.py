"""What a real program itself says of how it is: its status record, its transcript, its window title.

None of it is read from the screen, and nothing of Gas Town is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.realagents.world import Agent

STARTING, IDLE, BUSY, WAITING = "starting", "idle", "busy", "waiting"
LIMITED, FAILED, ENDED = "limited", "failed", "ended"
"""Starting: it has told nothing yet, so it loads or asks before it begins. Limited: its last turn ended at a rate
limit.  Failed: it ended with another error."""


class Own(NamedTuple):
    """A program's own word, and where it stood."""

    state: str
    source: str
    detail: str = ""


def own_record(agent: Agent) -> Own:
    """How the program says it is, now."""
    process = program_process(agent)
    if process is None:
        return Own(ENDED, "process table")
    reader = _READERS[agent.program]
    return reader(agent, process)


def program_process(agent: Agent) -> psutil.Process | None:
    """The process of the agent's pane, which each program starts in; None once it has ended."""
    pid = agent.pane_pid()
    try:
        process = psutil.Process(pid) if pid else None
        return None if process is None or process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def _claude(agent: Agent, process: psutil.Process) -> Own:
    path = agent.world.home / ".claude" / "sessions" / f"{process.pid}.json"
    record = _json(path)
    if not record or "status" not in record:
        return Own(STARTING, "no status record")
    state = {"busy": BUSY, "idle": IDLE, "waiting": WAITING}.get(record["status"], record["status"])
    if state == IDLE and (refused := _claude_refusal(agent.world.home, str(record["sessionId"]))):
        return Own(LIMITED if refused == "rate_limit" else FAILED, "transcript", refused)
    return Own(state, "status record", str(record.get("waitingFor") or ""))


def _claude_refusal(home: Path, session: str) -> str:
    """The error with which its last turn ended, empty if it ended well."""
    for path in (home / ".claude" / "projects").glob(f"*/{session}.jsonl"):
        last = [row for row in _lines(path) if row.get("type") in ("user", "assistant") and not row.get("isMeta")]
        if last and last[-1].get("isApiErrorMessage"):
            return str(last[-1].get("error") or last[-1].get("message", {}).get("content"))
    return ""


def _codex(agent: Agent, process: psutil.Process) -> Own:
    if "Action Required" in agent.title():
        return Own(WAITING, "window title")
    events = [row["payload"] for row in _codex_rollout(agent) if row.get("type") == "event_msg"]
    marks = [one for one in events if one.get("type") in ("task_started", "task_complete", "turn_aborted")]
    if not marks:
        return Own(STARTING, "no rollout")
    if marks[-1]["type"] == "task_started":
        return Own(BUSY, "rollout")
    if error := marks[-1].get("error"):
        told = json.dumps(error)
        return Own(LIMITED if "429" in told else FAILED, "rollout", told)
    return Own(IDLE, "rollout", str(marks[-1].get("reason") or ""))


def _codex_rollout(agent: Agent) -> list[dict[str, Any]]:
    """The lines of the newest rollout whose session works where the agent works."""
    for path in sorted((agent.world.home / ".codex" / "sessions").rglob("rollout-*.jsonl"), reverse=True):
        rows = _lines(path)
        if rows and rows[0]["payload"].get("cwd") == agent.work_dir():
            return rows
    return []


def _gemini(agent: Agent, process: psutil.Process) -> Own:
    title = agent.title()
    for words, state in (("Action Required", WAITING), ("Working", BUSY), ("Ready", IDLE)):
        if words in title:
            return Own(state, "window title")
    return Own(BUSY if title.startswith("✦") else STARTING, "window title", title)


_READERS: dict[str, Callable[[Agent, psutil.Process], Own]] = {"claude": _claude, "codex": _codex, "gemini": _gemini}


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty if there is none or it is being written."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a file of JSON lines."""
    with open(path, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle if line.endswith("\n")]
