"""What a real program itself says of how it is: its status record, its transcript, its window title.

None of it is read from the screen, and nothing of Gas Town is asked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.realagents.world import Agent

STARTING, IDLE, BUSY, WAITING = "starting", "idle", "busy", "waiting"
LIMITED, FAILED, ENDED, SHELL = "limited", "failed", "ended", "shell"
"""Starting: it has told nothing yet, so it loads or asks before it begins. Limited: its last turn ended at a rate
limit.  Failed: it ended with another error.  Shell: its turn ended, and a command of it runs on in the background."""


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
    state = {"busy": BUSY, "idle": IDLE, "waiting": WAITING, "shell": SHELL}[record["status"]]
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


def _opencode(agent: Agent, process: psutil.Process) -> Own:
    """The last message of the newest session in the agent's folder, in its database."""
    path = agent.world.home / ".local" / "share" / "opencode" / "opencode.db"
    if not path.exists():
        return Own(STARTING, "no database")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as link:
        if not link.execute("SELECT 1 FROM sqlite_master WHERE name = 'message'").fetchone():
            return Own(STARTING, "no message")
        query = "SELECT m.data, m.id FROM message m JOIN session s ON s.id = m.session_id WHERE s.directory = ?"
        found = link.execute(f"{query} ORDER BY m.time_created DESC, m.id DESC LIMIT 1", (agent.work_dir(),)).fetchone()
        if found is None:
            return Own(STARTING, "no message")
        parts = link.execute("SELECT data FROM part WHERE message_id = ?", (found[1],)).fetchall()
    last = json.loads(found[0])
    if error := last.get("error"):
        if error["name"] == "MessageAbortedError":
            return Own(IDLE, "database", "interrupted")
        return Own(LIMITED if "429" in json.dumps(error) else FAILED, "database", json.dumps(error))
    open_calls = [part for (text,) in parts if (part := json.loads(text)).get("state", {}).get("status") == "running"]
    if any(part.get("tool") == "question" for part in open_calls):
        return Own(WAITING, "database", "a question")
    # a refused call and a question that Escape ended end the turn
    refusals = ("user rejected permission to use this specific tool call.", "user dismissed this question")
    is_refused = any(words in text for (text,) in parts for words in refusals)
    is_done = "completed" in last["time"] and (last.get("finish") != "tool-calls" or is_refused)
    return Own(IDLE if last["role"] == "assistant" and is_done else BUSY, "database")


def _copilot(agent: Agent, process: psutil.Process) -> Own:
    """The last telling event of the newest session in the agent's folder."""
    found = []
    for folder in (agent.world.home / ".copilot" / "session-state").glob("*"):
        log, about = folder / "events.jsonl", folder / "workspace.yaml"
        if log.exists() and about.exists() and f"cwd: {agent.work_dir()}\n" in about.read_text():
            found.append(log)
    for row in reversed(_lines(max(found, key=lambda log: log.stat().st_mtime)) if found else []):
        kind, data = row["type"], row["data"]
        if kind == "session.error":
            return Own(LIMITED if data.get("statusCode") == 429 else FAILED, "events", str(data.get("message")))
        if kind == "permission.requested":
            return Own(WAITING, "events", json.dumps(data))
        if kind == "tool.execution_start" and data.get("toolName") == "ask_user":
            return Own(WAITING, "events", str(data["arguments"]))
        is_cancelled = kind == "permission.completed" and data["result"]["kind"] == "cancelled"
        if kind == "abort" or is_cancelled or (kind == "assistant.message" and not data["toolRequests"]):
            return Own(IDLE, "events", kind)
        if kind in (
            "assistant.turn_start",
            "tool.execution_start",
            "tool.execution_complete",
            "user.message",
            "permission.completed",
        ):
            return Own(BUSY, "events", kind)
    return Own(STARTING, "no event of a turn")


def _pi(agent: Agent, process: psutil.Process) -> Own:
    """The last message of the newest log whose session works where the agent works."""
    logs = sorted((agent.world.home / f".{agent.program}" / "agent" / "sessions").rglob("*.jsonl"), reverse=True)
    found = ([row for row in _lines(log) if row["type"] != "title"] for log in logs)
    rows = next((rows for rows in found if rows and rows[0]["cwd"] == agent.work_dir()), [])
    messages = [row["message"] for row in rows if row["type"] == "message"]
    if not messages:
        return Own(STARTING, "no message")
    last = messages[-1]
    stop = last.get("stopReason")
    if stop == "error":
        return Own(LIMITED if "429" in last["errorMessage"] else FAILED, "log", last["errorMessage"])
    if any(part.get("name") == "ask" for part in last["content"] if part["type"] == "toolCall"):
        return Own(WAITING, "log", "a question")
    return Own(IDLE if last["role"] == "assistant" and stop != "toolUse" else BUSY, "log", str(stop or ""))


_READERS: dict[str, Callable[[Agent, psutil.Process], Own]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
    "copilot": _copilot,
    "pi": _pi,
    "omp": _pi,
}


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
