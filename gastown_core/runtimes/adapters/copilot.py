"""GitHub Copilot CLI: the log of its session.

``~/.copilot/session-state/<session>/events.jsonl`` is written within tenths of a second: prompts, turns, calls, errors.
Beside it ``inuse.<pid>.lock`` names the process that writes it.  While a request is tried again it says nothing.  Its log
names what its hooks would tell, so it needs none of ours.
"""

from __future__ import annotations

import os

from gastown_core.clock import parse_moment
from gastown_core.process_table import began_at, environment_of, lives, read_process
from gastown_core.runtimes.adapter import (
    BUSY,
    ENDED,
    IDLE,
    TRANSCRIPT,
    TURN,
    WAITING,
    Adapter,
    Records,
    Said,
    texts_in,
    words,
)
from gastown_core.runtimes.session_log import SessionLogs, failed
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, moment, object_of, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gastown_core.runtimes.adapter import Program

LOG = "events.jsonl"
MAIN = "conversation-agent"
"""What an answer is called that is of the conversation itself."""
BUSY_TYPES = (
    "user.message",
    "assistant.turn_start",
    "tool.execution_start",
    "tool.execution_complete",
    "permission.completed",
)
ASKS = "ask_user"
"""The tool with which its model asks a person."""


class CopilotLogs(SessionLogs):
    """The events of the sessions whose lock names the program, or a child of it."""

    def __init__(self) -> None:
        super().__init__()
        self._locks: dict[int, str] = {}

    def place(self, program: Program) -> str:
        """All sessions."""
        return _sessions(program.env)

    def find(self, program: Program) -> str:
        """The log beside the lock."""
        lock = self._locks.get(program.pid, "")
        if not lock or not os.path.exists(lock):
            lock = self._locks[program.pid] = _lock_of(program.pid, _sessions(program.env))
        log = os.path.join(os.path.dirname(lock), LOG) if lock else ""
        return log if log and os.path.exists(log) else ""

    def session_id(self, path: str) -> str:
        """Its folder is called after it."""
        return os.path.basename(os.path.dirname(path))

    def after(self, said: Said | None, line: Mapping[str, object]) -> Said | None:
        """The state after one more event."""
        kind, data, at = line.get("type"), line.get("data"), parse_moment(line.get("timestamp")) or 0.0
        if not isinstance(data, dict) or line.get("agentId"):
            return said
        if kind == "tool.execution_start" and data.get("toolName") == ASKS:
            given = data.get("arguments")
            asked = words(given.get("message")) if isinstance(given, dict) else ""
            return Said(WAITING, at, TRANSCRIPT, asked or "a question")
        if kind == "abort" or (kind == "permission.completed" and _is_cancelled(data)):
            # of a turn that ends at a refused permission, the abort is not always told
            return Said(IDLE, at, TRANSCRIPT, "interrupted", is_final=True)
        if kind in BUSY_TYPES:
            return said if said is not None and said.state == BUSY else Said(BUSY, at, TRANSCRIPT)
        if kind == "permission.requested":
            return Said(WAITING, at, TRANSCRIPT, _request(data))
        if kind == "session.error":
            return failed(at, words(data.get("message")), data.get("statusCode"))
        if kind == "assistant.message" and not data.get("toolRequests"):
            # a whole answer that calls nothing ends the turn; that of a hook is told only where there are hooks
            return Said(IDLE, at, TRANSCRIPT, is_final=True)
        return Said(ENDED, at, TRANSCRIPT) if kind == "session.shutdown" else said


def _is_cancelled(data: Mapping[str, object]) -> bool:
    """Whether the answer to a permission ended the whole turn; after a plain no the model goes on."""
    result = data.get("result")
    return isinstance(result, dict) and result.get("kind") == "cancelled"


def _request(data: Mapping[str, object]) -> str:
    asked = data.get("permissionRequest")
    if not isinstance(asked, dict):
        return "a permission"
    keys = ("fullCommandText", "fileName", "path", "url", "intention", "kind")
    return next((text for key in keys if (text := words(asked.get(key)))), "a permission")


def _sessions(env: Mapping[str, str]) -> str:
    home = env.get("COPILOT_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".copilot")
    return os.path.join(home, "session-state")


def _lock_of(pid: int, sessions: str) -> str:
    """The lock of the newest session that the process or a child of it has open, empty if there is none."""
    found = []
    for folder in _names(sessions):
        for name in _names(os.path.join(sessions, folder)):
            owner = name.removeprefix("inuse.").removesuffix(".lock")
            if not name.startswith("inuse.") or not name.endswith(".lock") or not owner.isdigit():
                continue
            row = read_process(int(owner))
            if lives(int(owner)) and (int(owner) == pid or (row is not None and row.parent == pid)):
                path = os.path.join(sessions, folder, name)
                found.append((os.stat(path).st_mtime if os.path.exists(path) else 0.0, path))
    return max(found, default=(0.0, ""))[1]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        # made with the first session, or it is no folder
        return []


class CopilotUsage(UsageReader):
    """A ``session.usage_record`` for each answer of a model, also of those to subagents."""

    def read(self, line: bytes) -> Iterator[Usage]:
        """The record of a line: what was read from the cache is a part of the input, thoughts are one of the output."""
        if b'"session.usage_record"' not in line and b'"session.start"' not in line:
            return
        value = object_of(line)
        kind, data = value.get("type"), value.get("data")
        if not isinstance(data, dict):
            return
        context, figures = data.get("context"), data.get("usage")
        if kind == "session.start" and isinstance(context, dict):
            self.note_folder(context.get("cwd"))
        if kind != "session.usage_record" or not isinstance(figures, dict):
            return
        read, written = tokens(figures, "cacheReadTokens"), tokens(figures, "cacheWriteTokens")
        accounting = figures.get("accounting")
        name = words(accounting.get("usageId")) if isinstance(accounting, dict) else ""
        used = Usage(
            name or words(figures.get("apiCallId")) or str(value.get("id")),
            moment(value.get("timestamp")),
            words(figures.get("model")),
            max(tokens(figures, "inputTokens") - read - written, 0),
            tokens(figures, "outputTokens"),
            read,
            written,
        )
        if not used.tokens:
            return
        is_main = not value.get("agentId") and figures.get("interactionType", MAIN) == MAIN
        window = tokens(figures, "maxPromptTokens")
        yield used._replace(context=used.tokens, window=window) if is_main else used


class CopilotAdapter(Adapter):
    """Copilot CLI since 1.0.102."""

    name = "copilot"
    keeps_transcript = True

    def records(self) -> Records:
        """Its sessions' logs."""
        return CopilotLogs()

    def transcript(self, pid: int) -> str:
        """The log of the session that is open in it."""
        lock = _lock_of(pid, _sessions(environment_of(pid))) if began_at(pid) else ""
        return os.path.join(os.path.dirname(lock), LOG) if lock else ""

    def given(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """A prompt; those that came during a turn are joined into one."""
        data = line.get("data")
        if line.get("type") == "user.message" and isinstance(data, dict):
            yield from ((TURN, text) for text in texts_in(data.get("content")))

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its records of usage."""
        return CopilotUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """Yield all sessions; the first line of each names its folder."""
        sessions = _sessions(env)
        for folder in _names(sessions):
            path = os.path.join(sessions, folder, LOG)
            if os.path.exists(path):
                yield Transcript(path)

    def last_session(self, work_dir: str, env: Mapping[str, str]) -> str:
        """The newest session in that folder that had a turn."""
        sessions, found = _sessions(env), []
        for folder in _names(sessions):
            path = os.path.join(sessions, folder)
            try:
                with open(os.path.join(path, "workspace.yaml"), encoding="utf-8", errors="replace") as handle:
                    told = handle.read().splitlines()
                written = os.stat(os.path.join(path, LOG)).st_mtime
            except OSError:
                continue
            if f"cwd: {work_dir}" in told or f"cwd: {os.path.realpath(work_dir)}" in told:
                found.append((written, folder))
        return max(found, default=(0.0, ""))[1]


ADAPTER = CopilotAdapter()
