"""Claude Code: a status record for each process, and hooks.

``$CLAUDE_CONFIG_DIR/sessions/<pid>.json`` says busy, idle, waiting or shell within a few tenths of a second, also after
Escape, which no hook tells; a killed process leaves it behind.  While a request is tried again it says busy.  Shell is
idle while a command runs in the background: one that was begun there, or one that Escape moved there.  The hooks add
what the record lacks: what permission is asked for, how a turn failed, which text was accepted.
"""

from __future__ import annotations

import glob
import os

from gastown_core.files.mark import Mark, mark_of
from gastown_core.files.plain import read_plain
from gastown_core.model.json_text import decode_json
from gastown_core.process_table import began_at, environment_of, family_of, lives
from gastown_core.runtimes.adapter import (
    BUSY,
    CONTEXT,
    CONTINUE,
    ENDED,
    FAILED,
    IDLE,
    LIMITED,
    RECORD,
    STARTING,
    TAKEN,
    TURN,
    WAITING,
    Adapter,
    Heard,
    HookFile,
    Records,
    Said,
    call_words,
    texts_in,
    words,
)
from gastown_core.runtimes.hook_commands import handoff_command, prime_command, signal_command, tool_command
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, dollars, moment, object_of, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from gastown_core.runtimes.adapter import Program

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PermissionRequest",
    "Notification",
    "PreCompact",
    "Stop",
    "StopFailure",
    "SessionEnd",
)
HELD_S = 24 * 3600
"""How long the hook of a request for permission may wait for a person; the question on the screen has no limit."""
SETTINGS_FILE = ".claude/settings.local.json"
"""The user's place in a folder: accepting the bypass mode counts here and not in ``settings.json``."""

LIMITS = frozenset(("rate_limit", "overloaded", "server_error", "overloaded_error", "rate_limit_error"))
"""Errors of a turn that pass with time."""


class ClaudeRecords(Records):
    """The status records of every configuration folder that an agent of the town uses."""

    def __init__(self) -> None:
        self._folders: set[str] = set()
        self._seen: dict[str, tuple[Mark, dict[str, object]]] = {}
        self._owners: dict[tuple[int, str], tuple[str, str]] = {}

    def folders(self) -> set[str]:
        """The ``sessions`` folders of the programs that were looked at."""
        return self._folders

    def look(self, programs: Iterable[Program], now: float) -> dict[str, Said]:
        """What each program says; one without a record is starting, or stands at a dialog before its first prompt."""
        programs = list(programs)
        self._folders = {_sessions_folder(program.env) for program in programs}
        records = [record for folder in self._folders for record in self._read(folder)]
        by_pid = {record["pid"]: record for record in records}
        said = {}
        for program in programs:
            record = by_pid.get(program.pid) or self._of_session(program, records)
            if record is None or not _is_of_living(record):
                said[program.session] = Said(STARTING, began_at(program.pid) or now, RECORD, "no status record yet")
            elif told := said_of(record):
                said[program.session] = told
        return said

    def _read(self, folder: str) -> list[dict[str, Any]]:
        found, paths = [], set()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            # made with the first session
            entries = []
        for entry in entries:
            if not entry.name.endswith(".json"):
                continue
            record = self._record(entry)
            paths.add(entry.path)
            if record:
                found.append(record)
        for path in [path for path in self._seen if os.path.dirname(path) == folder and path not in paths]:
            del self._seen[path]
        return found

    def _record(self, entry: os.DirEntry[str]) -> dict[str, object]:
        """The record in a file, read again only if the file changed; empty for one that is none."""
        known = self._seen.get(entry.path)
        try:
            status = entry.stat()
            mark = mark_of(status)
            if known is not None and known[0] == mark:
                return known[1]
            value = decode_json(read_plain(entry.path))
        except (OSError, ValueError):
            # it went, or is being written: the next change tells
            return {}
        record = value if isinstance(value, dict) and isinstance(value.get("pid"), int) else {}
        self._seen[entry.path] = (mark, record)
        return record

    def _of_session(self, program: Program, records: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The record of a program below the pane's own process: that of the same session and town."""
        mine = (program.session, os.path.realpath(program.env.get("GT_TOWN_ROOT", "")))
        for record in records:
            if self._owner(record) == mine:
                return record
        return None

    def _owner(self, record: Mapping[str, Any]) -> tuple[str, str]:
        """Session and town of the process that wrote a record; an environment not had yet is asked for again."""
        key = (record["pid"], str(record.get("procStart")))
        known = self._owners.get(key)
        if known is not None:
            return known
        # empty while the process passes through exec, or when it is gone
        env = environment_of(record["pid"]) if lives(record["pid"]) else {}
        owner = (env.get("GT_SESSION", ""), os.path.realpath(env.get("GT_TOWN_ROOT", "")))
        if env:
            self._owners[key] = owner
        return owner


def _sessions_folder(env: Mapping[str, str]) -> str:
    home = env.get("CLAUDE_CONFIG_DIR") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".claude")
    return os.path.join(home, "sessions")


def _is_of_living(record: Mapping[str, object]) -> bool:
    """Whether the very process that wrote it still lives; ``procStart`` is in ticks where there is ``/proc``."""
    started = str(record.get("procStart") or "")
    pid = record.get("pid")
    return isinstance(pid, int) and lives(pid, float(started) if started.isdigit() else 0.0)


def said_of(record: Mapping[str, object]) -> Said | None:
    """What a status record says; None if it is in a word not known here, so that its hooks and its screen count."""
    status = record.get("status")
    told = record.get("statusUpdatedAt") or record.get("updatedAt") or record.get("startedAt")
    at = told / 1000 if isinstance(told, int | float) else 0.0
    session_id = words(record.get("sessionId"))
    if status == "waiting":
        return Said(WAITING, at, RECORD, words(record.get("waitingFor")) or "an answer", session_id=session_id)
    if status == "shell":
        return Said(IDLE, at, RECORD, "its turn ended, a command of it runs on", session_id=session_id)
    if status is None:
        return Said(STARTING, at, RECORD, session_id=session_id)
    if status not in (BUSY, IDLE):
        return None
    return Said(str(status), at, RECORD, session_id=session_id, is_final=status == IDLE)


class ClaudeAdapter(Adapter):
    """Claude Code of the versions 2.1.197 to 2.1.332, and what they have in common with others."""

    name = "claude"
    tool_event = "PreToolUse"
    permission_event = "PermissionRequest"
    keeps_transcript = True

    def records(self) -> Records:
        """Its status records."""
        return ClaudeRecords()

    def hook_files(self, role: str) -> tuple[HookFile, ...]:
        """One settings file; the commands do nothing in a session that is not the town's, but for the briefing."""
        hooks: dict[str, list[object]] = {event: [_hook(signal_command(event, self.name))] for event in EVENTS}
        hooks[self.tool_event] = [_hook(tool_command(self.tool_event, self.name))]
        hooks[self.permission_event] = [_hook(signal_command(self.permission_event, self.name), HELD_S)]
        # the next briefing, after the compaction, gives the note back
        hooks["PreCompact"] = [*hooks["PreCompact"], _hook(handoff_command())]
        hooks["SessionStart"] = [_hook(prime_command()), *hooks["SessionStart"]]
        settings = {"editorMode": "normal", "skipDangerousModePermissionPrompt": True, "hooks": hooks}
        return (HookFile(SETTINGS_FILE, settings, is_local=True),)

    def hear(self, event: str, told: Mapping[str, object]) -> Heard:
        """What a hook event means. Compacting takes nothing from the agent: it goes on with its turn."""
        heard = Heard(session_id=words(told.get("session_id")), transcript=words(told.get("transcript_path"), 1000))
        if event == "SessionStart":
            return heard._replace(state=STARTING if told.get("source") == "startup" else "")
        if event == "UserPromptSubmit":
            prompt = told.get("prompt")
            return heard._replace(state=BUSY, prompt=prompt if isinstance(prompt, str) else "", carries=CONTEXT)
        if event in ("PermissionRequest", "Notification"):
            return _asked(event, told, heard)
        if event == "Stop":
            return _ended_turn(told, heard)
        if event == "StopFailure":
            return _failed(told, heard)
        if event == "SessionEnd":
            # ``/clear`` ends a session, too, and begins another in the same process
            return heard if told.get("reason") in ("clear", "resume") else heard._replace(state=ENDED)
        return heard._replace(state=BUSY, detail="compacts its context") if event == "PreCompact" else heard

    def reply(self, event: str, text: str) -> str:
        """JSON that adds ``text`` to a prompt, makes the turn go on with it, or refuses a tool call with it."""
        from json import dumps

        if event == self.tool_event:
            refusal = {"hookEventName": event, "permissionDecision": "deny", "permissionDecisionReason": text}
            return dumps({"hookSpecificOutput": refusal})
        if event == "UserPromptSubmit":
            return dumps({"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}})
        return dumps({"decision": "block", "reason": text}) if event == "Stop" else ""

    def request(self, told: Mapping[str, object]) -> tuple[str, bool]:
        """The command, file or address, or the question to the user, whole."""
        return _subject(told), told.get("tool_name") == "AskUserQuestion"

    def decision(self, told: Mapping[str, object], is_yes: bool, text: str) -> str:
        """Allow, or deny with the words as the reason; words are also the answer to a question to the user."""
        from json import dumps

        decided: dict[str, object] = {"behavior": "allow"} if is_yes else {"behavior": "deny", "message": text}
        if told.get("tool_name") == "AskUserQuestion":
            given = told.get("tool_input")
            answers = {_subject(told): text}
            decided = {
                "behavior": "allow",
                "updatedInput": {**(given if isinstance(given, dict) else {}), "answers": answers},
            }
        return dumps({"hookSpecificOutput": {"hookEventName": self.permission_event, "decision": decided}})

    def transcript(self, pid: int) -> str:
        """By the session that its status record names."""
        return next((path for one in family_of(pid) if (path := _transcript_of(one))), "")

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its messages' ``usage``."""
        return ClaudeUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """Sessions' files and those of their subagents, in the folders that are called after one below ``root``."""
        projects = os.path.join(os.path.dirname(_sessions_folder(env)), "projects")
        start = glob.escape(os.path.join(projects, _folder_name(root)))
        for below in ("*.jsonl", os.path.join("*", "subagents", "*.jsonl")):
            yield from (Transcript(path) for path in glob.iglob(os.path.join(f"{start}*", below)))

    def given(self, line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """A prompt, a prompt that is queued, and what joined a running turn or was added by a prompt hook."""
        kind = line.get("type")
        if kind == "queue-operation" and line.get("operation") == "enqueue":
            yield from ((TAKEN, text) for text in texts_in(line.get("content")))
        elif kind == "attachment" and isinstance(line.get("attachment"), dict):
            for key in ("prompt", "content"):
                yield from ((TURN, text) for text in texts_in(line["attachment"].get(key)))
        elif kind == "user" and isinstance(line.get("message"), dict):
            yield from ((TURN, text) for text in texts_in(line["message"].get("content")))

    def session_in(self, path: str, lines: Sequence[Mapping[str, object]]) -> str:
        """A session's file is called after it; those of subagents lie in a folder of their own."""
        folder, name = os.path.split(path)
        return "" if os.path.basename(folder) == "subagents" else name.removesuffix(".jsonl")

    def spoken(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Messages of both; what hooks and commands added is among the user's."""
        message = line.get("message")
        if line.get("type") in ("user", "assistant") and isinstance(message, dict) and not line.get("isSidechain"):
            who = "agent" if line["type"] == "assistant" else "user"
            yield from ((who, text) for text in texts_in(message.get("content")))

    def told(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Messages of both with the calls of tools, in the order of the message's parts."""
        message = line.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list) or line.get("isSidechain"):
            yield from self.spoken(line)
            return
        who = "agent" if line.get("type") == "assistant" else "user"
        for part in content:
            kind = part.get("type") if isinstance(part, dict) else ""
            if kind == "tool_use":
                yield "tool", call_words(part.get("name"), part.get("input"))
            elif kind == "tool_result":
                yield from (("result", text) for text in texts_in(part.get("content")))
            elif line.get("type") in ("user", "assistant"):
                yield from ((who, text) for text in texts_in([part]))

    def fork_words(self, session_id: str, question: str) -> list[str]:
        """Plan mode reads and does not change; one answer leaves no session behind."""
        words = ["--permission-mode", "plan", "--fork-session", "--resume", session_id]
        return [*words, "--no-session-persistence", "-p", "--", question] if question else words

    def ask_words(self) -> list[str]:
        """It reads what it is to answer from its standard input."""
        return ["--permission-mode", "plan", "--no-session-persistence", "-p"]


class ClaudeUsage(UsageReader):
    """One message is a line for each of its blocks, all with the figures of the whole; subagents have files of their own."""

    def read(self, line: bytes) -> Iterator[Usage]:
        """The message of an ``assistant`` line."""
        tells_usage = b'"usage"' in line and b'"assistant"' in line
        if not tells_usage and ("cwd" in self.memory or b'"cwd"' not in line):
            return
        value = object_of(line)
        self.note_folder(value.get("cwd"))
        message = value.get("message")
        if value.get("type") != "assistant" or not isinstance(message, dict):
            return
        figures, name = message.get("usage"), message.get("id") or value.get("uuid")
        if not isinstance(figures, dict) or not isinstance(name, str) or message.get("model") == NO_MODEL:
            return
        used = Usage(
            name,
            moment(value.get("timestamp")),
            words(message.get("model")),
            tokens(figures, "input_tokens"),
            tokens(figures, "output_tokens"),
            tokens(figures, "cache_read_input_tokens"),
            tokens(figures, "cache_creation_input_tokens"),
            cost=dollars(value.get("costUSD")),
        )
        yield used if value.get("isSidechain") else used._replace(context=used.tokens)


NO_MODEL = "<synthetic>"
"""The model of a message that the program wrote by itself, such as an error."""


def _folder_name(path: str) -> str:
    """How a folder's sessions are called below ``projects``, as far as such names are not cut."""
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in path)[:LONGEST_NAME]


LONGEST_NAME = 180
"""Longer names of folders are cut, and a digest follows."""


def _transcript_of(pid: int) -> str:
    """``projects/*/<session>.jsonl`` of the process with that number, empty if there is none."""
    folder = _sessions_folder(environment_of(pid))
    try:
        record = decode_json(read_plain(os.path.join(folder, f"{pid}.json")))
    except (OSError, ValueError):
        return ""
    session = str(record.get("sessionId") or "") if isinstance(record, dict) and _is_of_living(record) else ""
    projects = os.path.join(os.path.dirname(folder), "projects")
    if not session or os.sep in session:
        return ""
    return next(iter(glob.glob(os.path.join(glob.escape(projects), "*", f"{glob.escape(session)}.jsonl"))), "")


def _hook(command: str, limit_s: int = 0) -> dict[str, object]:
    return {"hooks": [{"type": "command", "command": command, **({"timeout": limit_s} if limit_s else {})}]}


def _asked(event: str, told: Mapping[str, object], heard: Heard) -> Heard:
    if event == "PermissionRequest":
        return heard._replace(state=WAITING, detail=_request(told))
    kind = told.get("notification_type")
    if kind in ("permission_prompt", "agent_needs_input", "elicitation_dialog"):
        # six seconds after the PermissionRequest, whose words name the command or the question
        is_reminder = kind != "elicitation_dialog"
        return heard._replace(state=WAITING, detail=words(told.get("message")), is_reminder=is_reminder)
    return heard


def _request(told: Mapping[str, object]) -> str:
    """What is asked for: the tool and what it would do, or the question to the user."""
    tool, given = words(told.get("tool_name")), told.get("tool_input")
    if not isinstance(given, dict):
        return tool
    questions = given.get("questions")
    if isinstance(questions, list) and questions and isinstance(questions[0], dict):
        return words(questions[0].get("question"))
    said = words(_subject(told))
    return f"{tool}: {said}" if said else tool


def _subject(told: Mapping[str, object]) -> str:
    """The command, file or address of a request, or the question; whole, and empty if there is none."""
    given = told.get("tool_input")
    if not isinstance(given, dict):
        return ""
    questions = given.get("questions")
    if isinstance(questions, list) and questions:
        # an answer in words is for one question
        only = questions[0] if len(questions) == 1 and isinstance(questions[0], dict) else {}
        return str(only.get("question") or "")
    said = next((given[key] for key in ("command", "file_path", "url", "query", "description") if given.get(key)), "")
    return said if isinstance(said, str) else ""


def _ended_turn(told: Mapping[str, object], heard: Heard) -> Heard:
    running = told.get("background_tasks")
    if isinstance(running, list) and running:
        count = "one task" if len(running) == 1 else f"{len(running)} tasks"
        return heard._replace(state=IDLE, detail=f"its turn ended, {count} of it runs on", is_final=False)
    # one that was made to go on already is not made to go on again and again
    return heard._replace(state=IDLE, carries="" if told.get("stop_hook_active") else CONTINUE, is_final=True)


def _failed(told: Mapping[str, object], heard: Heard) -> Heard:
    kind = words(told.get("error"))
    text = words(told.get("last_assistant_message")).removeprefix("API Error: ")
    if kind in LIMITS:
        return heard._replace(state=LIMITED, detail=text or kind, is_final=True)
    return heard._replace(state=FAILED, detail=text or kind or "its turn failed", is_final=True)


ADAPTER = ClaudeAdapter()
