"""codex: the log of its session, and the words in its window's title.

``$CODEX_HOME/sessions/YYYY/MM/DD/rollout-*.jsonl`` is made at the first prompt.  It tells the start and the end of each
turn, an interruption, and the error that ended one; that a permission is asked for stands in the title alone.  Its hooks
would wait for a person's review, and ``notify`` is the user's own, so we use neither.
"""

from __future__ import annotations

import glob
import os

from gastown_core.clock import parse_moment
from gastown_core.files.mark import Mark, mark_at
from gastown_core.files.plain import open_plain
from gastown_core.model.json_text import decode_json, encode_json
from gastown_core.model.record import Record
from gastown_core.process_table import began_at, family_of, open_files
from gastown_core.runtimes.adapter import (
    BUSY,
    FAILED,
    IDLE,
    LIMITED,
    STARTING,
    TITLE,
    TRANSCRIPT,
    TURN,
    WAITING,
    Adapter,
    Records,
    Said,
    call_words,
    is_limit,
    texts_in,
    words,
)
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, moment, object_of, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from gastown_core.runtimes.adapter import Program

MOST_BYTES = 4 << 20
"""How much of a log that grew is read at once; of a longer one the end."""
SLACK_S = 5.0
SCAN_S = 5.0
"""How often old folders are looked through for a session that was resumed; a new one shows in the folder of its day."""


class _Log(Record):
    """How far a log was read, its first line's session and folder, and the state after its last line."""

    offset: int
    session_id: str = ""
    cwd: str = ""
    is_main: bool = True
    said: Said | None = None


class _Scan(Record):
    """One look through the folders of all days: when, the last day and when that changed, and (path, last write) of each log."""

    at: float
    last_day: str
    changed: Mark | None
    logs: tuple[tuple[str, float], ...]


class CodexRecords(Records):
    """The logs of the agents' sessions; of each only what was added is read."""

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}
        self._scans: dict[str, _Scan] = {}
        self._folders: set[str] = set()
        self._asked: dict[str, float] = {}

    def folders(self) -> set[str]:
        """The folders of the day in which new logs appear, and of those that are being written."""
        return self._folders

    def look(self, programs: Iterable[Program], now: float) -> dict[str, Said]:
        """What each session's newest log says, unless the title says that a person is asked."""
        self._folders = set()
        began = [(program, _home(program.env), began_at(program.pid) - SLACK_S) for program in programs]
        first = min((since for _, _, since in began), default=now)
        written = {home: self._written_since(home, first, now) for home in {home for _, home, _ in began}}
        said = {}
        for program, home, since in began:
            log = _log_of(program, since, written[home])
            told = log.said if log is not None else None
            said[program.session] = self._with_title(program, told, now) or told or _starting(program, now)
        return said

    def _written_since(self, home: str, began: float, now: float) -> list[tuple[float, _Log]]:
        """(last write, log) of the sessions that were written since that moment, newest first."""
        scan = self._scan(home, now)
        if scan.last_day:
            self._folders.add(scan.last_day)
        found = []
        for path, seen in scan.logs:
            # an older log may be resumed: the next scan tells
            written = _written(path) if seen >= began else 0.0
            if written >= began:
                self._folders.add(os.path.dirname(path))
                found.append((written, self._read(path)))
        return sorted(found, key=lambda one: -one[0])

    def _scan(self, home: str, now: float) -> _Scan:
        """The logs in that folder: one look for all programs, again when a log came or after a while."""
        known = self._scans.get(home)
        if known is None or not 0 <= now - known.at < SCAN_S or mark_at(known.last_day) != known.changed:
            days = _days(home)
            last = days[-1] if days else ""
            # before its logs are listed: one that comes meanwhile changes it
            mark = mark_at(last)
            known = self._scans[home] = _Scan(now, last, mark, tuple(_logs_in(days)))
        return known

    def _read(self, path: str) -> _Log:
        log = self._logs.get(path) or _Log(0)
        try:
            with open(open_plain(path), "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                if size == log.offset:
                    return log
                if size < log.offset:
                    log = _Log(0)
                if not log.offset:
                    log = _first(log, handle.readline(MOST_BYTES))
                handle.seek(max(log.offset, size - MOST_BYTES))
                data = handle.read(MOST_BYTES)
                end = handle.tell()
        except OSError:
            # removed meanwhile
            return log
        whole = data.rfind(b"\n") + 1
        for line in data[:whole].splitlines():
            log = _after(log, line)
        log = self._logs[path] = log._replace(offset=end - len(data) + whole)
        return log

    def _with_title(self, program: Program, told: Said | None, now: float) -> Said | None:
        """Return the question shown in the title, since it was first seen there."""
        if "Action Required" not in program.title:
            self._asked.pop(program.session, None)
            return None
        at = self._asked.setdefault(program.session, program.output_at or now)
        return Said(WAITING, at, TITLE, "a permission", session_id=told.session_id if told is not None else "")


def _log_of(program: Program, began: float, logs: Iterable[tuple[float, _Log]]) -> _Log | None:
    """The newest log of a session in the program's folder that was written since the program began."""
    home = os.path.realpath(program.work_dir) if program.work_dir else ""
    return next((log for written, log in logs if log.is_main and log.cwd == home and written >= began), None)


def _home(env: Mapping[str, str]) -> str:
    return env.get("CODEX_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".codex")


def _days(home: str) -> list[str]:
    """The folders of the days with sessions, oldest first."""
    return sorted(glob.glob(os.path.join(glob.escape(home), "sessions", "*", "*", "*")))


def _logs_in(days: Iterable[str]) -> Iterator[tuple[str, float]]:
    """(path, last write) of the logs; a session that was resumed goes on in the folder of its first day."""
    for day in days:
        try:
            with os.scandir(day) as entries:
                for entry in entries:
                    if entry.name.startswith("rollout-"):
                        yield entry.path, entry.stat().st_mtime
        except OSError:
            continue


def _written(path: str) -> float:
    """When it was written last, 0 if it is not there."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _starting(program: Program, now: float) -> Said:
    return Said(STARTING, began_at(program.pid) or now, TRANSCRIPT, "no turn yet")


def _first(log: _Log, line: bytes) -> _Log:
    payload = _payload(line, "session_meta")
    is_main = payload.get("thread_source") in (None, "user") and isinstance(payload.get("source", ""), str)
    cwd = words(payload.get("cwd"), 4096)
    return log._replace(
        session_id=words(payload.get("id")), cwd=os.path.realpath(cwd) if cwd else "", is_main=is_main, offset=len(line)
    )


def _payload(line: bytes, kind: str) -> dict[str, Any]:
    try:
        value = decode_json(line)
    except ValueError:
        return {}
    payload = value.get("payload") if isinstance(value, dict) and value.get("type") == kind else None
    if not isinstance(payload, dict):
        return {}
    return {**payload, "at": parse_moment(value.get("timestamp")) or 0.0}


TURN_EVENTS = (b'"task_started"', b'"task_complete"', b'"turn_aborted"')


def _after(log: _Log, line: bytes) -> _Log:
    """Return the log with one more line; most lines are not about turns and are not decoded."""
    if not any(event in line for event in TURN_EVENTS):
        return log
    payload = _payload(line, "event_msg")
    kind, at = payload.get("type"), payload.get("at", 0.0)
    if kind == "task_started":
        said = Said(BUSY, at, TRANSCRIPT, session_id=log.session_id)
    elif kind == "turn_aborted":
        said = Said(IDLE, at, TRANSCRIPT, "interrupted", session_id=log.session_id, is_final=True)
    elif kind == "task_complete":
        said = _end(payload, at, log.session_id)
    else:
        return log
    return log._replace(said=said)


def _end(payload: Mapping[str, Any], at: float, session_id: str) -> Said:
    error = payload.get("error")
    if not error:
        return Said(IDLE, at, TRANSCRIPT, session_id=session_id, is_final=True)
    text = words(error.get("message")) if isinstance(error, dict) else words(error)
    state = LIMITED if is_limit(f"{text} {error}") else FAILED
    return Said(state, at, TRANSCRIPT, text or "its turn failed", session_id=session_id, is_final=True)


def _given(payload: Mapping[str, object]) -> object:
    """What a tool was given: arguments are JSON in a text, other input is a text as it is."""
    given = payload.get("arguments", payload.get("input"))
    try:
        return object_of(given.encode()) if isinstance(given, str) else given
    except ValueError:
        return given


class CodexUsage(UsageReader):
    """``token_count`` tells the session's sum and its last message, also again when nothing was added.

    A message's id is its turn's with the sum, which stay the same where a session is resumed or forked.
    """

    def read(self, line: bytes) -> Iterator[Usage]:
        """The message of a ``token_count``."""
        if not any(kind in line for kind in (b'"token_count"', b'"turn_context"', b'"session_meta"')):
            return
        value = object_of(line)
        kind, payload = value.get("type"), value.get("payload")
        if not isinstance(payload, dict):
            return
        if kind == "session_meta":
            self._note_session(payload)
        elif kind == "turn_context":
            self.memory.update(model=words(payload.get("model")), turn=words(payload.get("turn_id")))
        elif kind == "event_msg" and payload.get("type") == "token_count":
            yield from self._counted(payload.get("info"), moment(value.get("timestamp")))

    def _note_session(self, payload: Mapping[str, object]) -> None:
        self.note_folder(payload.get("cwd"))
        if "session" not in self.memory:
            self.memory["session"] = words(payload.get("id"))
            self.memory["main"] = payload.get("thread_source") in (None, "user")

    def _counted(self, info: object, at: float) -> Iterator[Usage]:
        if not isinstance(info, dict):
            # limits alone
            return
        last, total = info.get("last_token_usage"), info.get("total_token_usage")
        if not isinstance(last, dict) or not isinstance(total, dict) or not tokens(last, "total_tokens"):
            return
        read, written = tokens(last, "cached_input_tokens"), tokens(last, "cache_write_input_tokens")
        turn = self.memory.get("turn") or self.memory.get("session") or ""
        yield Usage(
            f"{turn}:{tokens(total, 'total_tokens')}",
            at,
            self.memory.get("model", ""),
            max(tokens(last, "input_tokens") - read - written, 0),
            tokens(last, "output_tokens"),
            read,
            written,
            tokens(last, "total_tokens") if self.memory.get("main", True) else 0,
            tokens(info, "model_context_window"),
        )


class CodexAdapter(Adapter):
    """codex since 0.169; older ones are known by their screen where they keep no such log."""

    name = "codex"
    keeps_transcript = True

    def records(self) -> Records:
        """Its sessions' logs."""
        return CodexRecords()

    def transcript(self, pid: int) -> str:
        """The log that it keeps open."""
        return next((path for one in family_of(pid) if (path := _open_log(one))), "")

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its sums of tokens."""
        return CodexUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """Yield all logs; the first line of each names its folder."""
        return (Transcript(path) for path, _ in _logs_in(_days(_home(env))))

    def given(self, line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """A message of the user, or one that stands beside it."""
        payload = line.get("payload")
        if line.get("type") != "response_item" or not isinstance(payload, dict) or payload.get("type") != "message":
            return
        if payload.get("role") in ("user", "developer"):
            yield from ((TURN, text) for text in texts_in(payload.get("content")))

    def session_in(self, path: str, lines: Sequence[Mapping[str, object]]) -> str:
        """Read it from the log's first line; logs of sub-agents count as parts."""
        log = _first(_Log(0), encode_json(dict(lines[0])).encode()) if lines else _Log(0)
        return log.session_id if log.is_main else ""

    def spoken(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Messages of both; those of a developer are instructions and left out."""
        payload = line.get("payload")
        if line.get("type") == "response_item" and isinstance(payload, dict) and payload.get("type") == "message":
            who = {"user": "user", "assistant": "agent"}.get(str(payload.get("role")))
            if who is not None:
                yield from ((who, text) for text in texts_in(payload.get("content")))

    def told(self, line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Messages of both, and the calls of tools with what came back."""
        payload = line.get("payload")
        kind = payload.get("type") if line.get("type") == "response_item" and isinstance(payload, dict) else ""
        if kind in ("function_call", "custom_tool_call") and isinstance(payload, dict):
            yield "tool", call_words(payload.get("name"), _given(payload))
        elif kind in ("function_call_output", "custom_tool_call_output") and isinstance(payload, dict):
            output = payload.get("output")
            yield from (
                ("result", text) for text in texts_in(output.get("content") if isinstance(output, dict) else output)
            )
        else:
            yield from self.spoken(line)

    def own_words(self, folders: Sequence[str], args: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """What its sandbox must let through."""
        from gastown_core.runtimes.adapters.codex_sandbox import sandbox_words

        return sandbox_words(folders, args, env)

    def fork_words(self, session_id: str, question: str) -> list[str]:
        """A sandbox that only reads, and no daemon of its own."""
        words = ["--disable", "daemon_auto_start", "--sandbox", "read-only"]
        return (
            ["exec", *words, "--ephemeral", "fork", session_id, "--", question]
            if question
            else ["fork", *words, session_id]
        )

    def ask_words(self) -> list[str]:
        """``-`` is its standard input."""
        return [
            "exec",
            "--disable",
            "daemon_auto_start",
            "--sandbox",
            "read-only",
            "--skip-git-repo-check",
            "--ephemeral",
            "-",
        ]

    def last_session(self, work_dir: str, env: Mapping[str, str]) -> str:
        """The newest session in that folder."""
        home = os.path.realpath(work_dir)
        logs = sorted(_logs_in(_days(_home(env))), key=lambda one: -one[1])
        for path, _ in logs:
            try:
                with open(open_plain(path), "rb") as handle:
                    log = _first(_Log(0), handle.readline(MOST_BYTES))
            except OSError:
                continue
            if log.is_main and log.cwd == home and log.session_id:
                return log.session_id
        return ""


def _open_log(pid: int) -> str:
    return next((end for end in open_files(pid) if end.endswith(".jsonl") and "/rollout-" in end), "")


ADAPTER = CodexAdapter()
