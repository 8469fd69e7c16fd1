"""OpenCode: the messages of its sessions, in its database.

``~/.local/share/opencode/opencode.db`` holds each message as soon as it begins, when it ended, and with which error.  That
a request is tried again or a permission is asked for stands on the screen alone; a question of its model is a call.

It is given no plugin: with one in any of its settings, it waits at its start until npm has brought the library for plugins
into each of its folders, which takes long without a network.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter

from gastown_core.files.mark import Mark, mark_at
from gastown_core.model.json_text import decode_json
from gastown_core.process_table import began_at, environment_of, folder_of
from gastown_core.runtimes.adapter import (
    BUSY,
    IDLE,
    STARTING,
    TRANSCRIPT,
    TURN,
    WAITING,
    Adapter,
    Records,
    Said,
    first_question,
    words,
)
from gastown_core.runtimes.session_log import SLACK_S, failed
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, dollars, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from gastown_core.runtimes.adapter import Program

WAIT_S = 0.2
"""How long a database may be busy before we look again later."""
MOST_TEXTS = 100
_SESSION = "SELECT id FROM session WHERE directory = ? AND parent_id IS NULL AND time_updated >= ?"
_LAST = "SELECT id, data, time_updated FROM message WHERE session_id = ? ORDER BY time_created DESC, id DESC LIMIT 2"
_REFUSALS = ("The user rejected permission to use this specific tool call.", "The user dismissed this question")
"""What a call ends with whose refusal ends the turn: one with words of a person goes on."""
_CALLS = "SELECT data FROM part WHERE message_id = ? AND json_extract(data, '$.type') = 'tool'"
_TEXTS = """SELECT part.data, part.time_created FROM part JOIN message ON message.id = part.message_id
 JOIN session ON session.id = message.session_id
 WHERE session.directory = ? AND json_extract(message.data, '$.role') = 'user'
 ORDER BY part.time_created DESC LIMIT ?"""

_USED = """SELECT message.id, message.time_created, message.data, part.data, session.parent_id FROM session
 JOIN message ON message.session_id = session.id
 LEFT JOIN part ON part.message_id = message.id AND json_extract(part.data, '$.type') = 'step-finish'
 WHERE session.directory = ? AND message.time_created >= ? AND json_extract(message.data, '$.role') = 'assistant'
 ORDER BY message.time_created, message.id, part.id"""
UNFINISHED_MS = 86_400_000
"""A message that began so long before the newest is not waited for: its program was killed."""


class OpenCodeMessages(Records):
    """The last message of each program's session, read again only when its database was written."""

    def __init__(self) -> None:
        self._folders: set[str] = set()
        self._known: dict[str, tuple[object, Said]] = {}

    def folders(self) -> set[str]:
        """Where the databases lie."""
        return self._folders

    def look(self, programs: Iterable[Program], now: float) -> dict[str, Said]:
        """What each session's last message says; a program without a session is starting."""
        self._folders, known = set(), {}
        for program in programs:
            path, began = _database(program.env), began_at(program.pid) or now
            self._folders.add(os.path.dirname(path))
            mark: object = (program.pid, program.work_dir, _written(path), _written(f"{path}-wal"))
            before = self._known.get(program.session)
            if before is not None and before[0] == mark:
                known[program.session] = before
                continue
            said = _said(path, os.path.realpath(program.work_dir), began)
            if said is None:
                # it is being written: the next look tells
                said, mark = before[1] if before is not None else _starting(began), ()
            known[program.session] = (mark, said)
        self._known = known
        return {session: said for session, (_, said) in known.items()}


def _starting(began: float) -> Said:
    return Said(STARTING, began, TRANSCRIPT, "no turn yet")


def _said(path: str, work_dir: str, began: float) -> Said | None:
    """What the newest session in that folder says, None if it cannot be read now."""
    since = (began - SLACK_S) * 1000
    try:
        rows = _ask(path, f"{_SESSION} ORDER BY time_updated DESC LIMIT 1", work_dir, since)
        messages = _ask(path, _LAST, rows[0][0]) if rows else []
        calls = _ask(path, _CALLS, messages[0][0]) if messages else []
    except sqlite3.Error:
        return None
    if not messages:
        return _starting(began)
    said = _of_message(messages, [_object(text) for (text,) in calls])
    if said.at < began - SLACK_S:
        # it goes on with a session of before
        said = Said(IDLE, began, TRANSCRIPT, is_final=True)
    return said._replace(session_id=str(rows[0][0]))


def _of_message(messages: list[tuple[Any, ...]], calls: list[dict[str, Any]]) -> Said:
    """The state that the last message and its calls leave: a prompt and an unfinished answer mean a turn.

    A call that asks a person waits for that; one that was refused ends the turn.
    """
    _, text, updated = messages[0]
    told = _object(text)
    times, error = told.get("time"), told.get("error")
    done = times.get("completed") if isinstance(times, dict) else None
    at = updated / 1000
    if isinstance(error, dict):
        return _of_error(error, at)
    states = [state for call in calls if isinstance(state := call.get("state"), dict)]
    is_refused = any(state.get("error") in _REFUSALS for state in states)
    if told.get("role") != "assistant" or not done or (told.get("finish") == "tool-calls" and not is_refused):
        asked = _question(calls)
        return Said(WAITING, at, TRANSCRIPT, asked) if asked else Said(BUSY, at, TRANSCRIPT)
    if len(messages) > 1 and told.get("parentID") != messages[1][0] and _object(messages[1][1]).get("role") == "user":
        # a prompt that was queued comes next
        return Said(BUSY, at, TRANSCRIPT)
    how = "a call was refused" if is_refused else "" if told.get("finish") else "interrupted"
    return Said(IDLE, done / 1000, TRANSCRIPT, how, is_final=True)


def _question(calls: list[dict[str, Any]]) -> str:
    """What an open call asks a person; empty if none does."""
    for call in calls:
        state = call.get("state")
        if call.get("tool") == "question" and isinstance(state, dict) and state.get("status") == "running":
            return first_question(state.get("input")) or "a question"
    return ""


def _of_error(error: Mapping[str, object], at: float) -> Said:
    if error.get("name") == "MessageAbortedError":
        return Said(IDLE, at, TRANSCRIPT, "interrupted", is_final=True)
    data = error.get("data")
    told = data if isinstance(data, dict) else {}
    return failed(at, words(told.get("message")) or words(error.get("name")), told.get("statusCode"))


def _ask(path: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows, for reading only; none where there is no database yet. Raises sqlite3.Error."""
    if not os.path.exists(path):
        return []
    link = sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=WAIT_S)
    try:
        return link.execute(query, values).fetchall()
    finally:
        link.close()


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _object(text: object) -> dict[str, Any]:
    try:
        value = decode_json(str(text).encode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _database(env: Mapping[str, str]) -> str:
    data = env.get("XDG_DATA_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".local", "share")
    own = env.get("OPENCODE_DB") or "opencode.db"
    return os.path.join(data, "opencode", own)


def _written(path: str) -> Mark:
    return mark_at(path) or ()


class OpenCodeUsage(UsageReader):
    """The steps of the finished messages; titles are in no message.

    A session that is forked has its messages again under other ids, with the same moments: these name a message.
    """

    def read_whole(self, record: str) -> list[Usage] | None:
        """The messages that ended since."""
        path, _, folder = record.partition("#")
        mark = [*_written(path), *_written(f"{path}-wal")]
        if mark == self.memory.get("mark"):
            return []
        since = self.memory.get("since", 0)
        try:
            rows = _ask(path, _USED, folder, since)
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
        found: dict[str, Usage] = {}
        unfinished = []
        steps: Counter[str] = Counter()
        for row, created, text, step, parent in rows:
            told = _object(text)
            times = told.get("time")
            done = times.get("completed") if isinstance(times, dict) else None
            if not done:
                unfinished.append(created)
            elif step:
                began = times.get("created") if isinstance(times, dict) else created
                name = f"{began}-{done}"
                used = _used(f"{name}-{steps[row]}", done, told, _object(step))
                steps[row] += 1
                found[used.message] = used if parent or not used.tokens else used._replace(context=used.tokens)
        newest = rows[-1][1] if rows else since
        since = min([newest, *(one for one in unfinished if one > newest - UNFINISHED_MS)])
        self.memory.update(mark=mark, since=since)
        return [one for one in found.values() if one.tokens]


def _used(name: str, done: float, told: Mapping[str, Any], step: Mapping[str, Any]) -> Usage:
    """What a step used: its input is what the cache did not give, its thoughts are none of the output."""
    figures = step.get("tokens")
    figures = figures if isinstance(figures, dict) else {}
    cache = figures.get("cache")
    cache = cache if isinstance(cache, dict) else {}
    try:
        return Usage(
            name,
            done / 1000,
            words(told.get("modelID")),
            tokens(figures, "input"),
            tokens(figures, "output") + tokens(figures, "reasoning"),
            tokens(cache, "read"),
            tokens(cache, "write"),
            # it says 0 of a model whose price it does not know
            cost=dollars(step.get("cost")) or None,
        )
    except ValueError:
        return Usage(name, done / 1000)


class OpenCodeAdapter(Adapter):
    """OpenCode since 1.18. Its transcript is called ``DATABASE#FOLDER``, as one database holds all sessions."""

    name = "opencode"
    keeps_transcript = True

    def records(self) -> Records:
        """Its sessions' messages."""
        return OpenCodeMessages()

    def transcript(self, pid: int) -> str:
        """The database and the folder of that process."""
        folder = folder_of(pid)
        if not folder:
            return ""
        path = _database(environment_of(pid))
        return f"{path}#{folder}" if os.path.exists(path) else ""

    def arrived(self, record: str) -> Iterator[tuple[str, str, float]] | None:
        """The last prompts of the sessions in the folder."""
        path, _, folder = record.partition("#")
        try:
            rows = _ask(path, _TEXTS, folder, MOST_TEXTS)
        except sqlite3.Error:
            rows = []
        texts = ((_object(text), created / 1000) for text, created in rows)
        return ((TURN, part["text"], at) for part, at in texts if isinstance(part.get("text"), str))

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its messages' steps."""
        return OpenCodeUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """The folders of its sessions, each as a transcript of the one database."""
        path = _database(env)
        try:
            rows = _ask(path, "SELECT DISTINCT directory FROM session")
        except sqlite3.Error:
            # it is being made, or is none of its databases
            rows = []
        for (folder,) in rows:
            if f"{folder}/".startswith(f"{root}/"):
                yield Transcript(f"{path}#{folder}", folder)

    def last_session(self, work_dir: str, env: Mapping[str, str]) -> str:
        """The newest session in that folder."""
        try:
            path = _database(env)
            rows = _ask(path, f"{_SESSION} ORDER BY time_updated DESC LIMIT 1", os.path.realpath(work_dir), 0)
        except sqlite3.Error:
            return ""
        return str(rows[0][0]) if rows else ""


ADAPTER = OpenCodeAdapter()
