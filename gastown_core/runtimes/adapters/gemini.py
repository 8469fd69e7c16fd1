"""Gemini CLI: its window's title, its debug log, and hooks in the project's settings where the project has none of its own.

The title says ``◇ Ready``, ``✦ Working…`` or ``✋ Action Required`` within a few tenths of a second, also after Escape.  While a
request is tried again it says that it works, and after an error that it is ready: the debug log says what is so.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.runtimes.adapter import (
    BUSY,
    CONTEXT,
    ENDED,
    IDLE,
    STARTING,
    TITLE,
    TURN,
    TURN_END_S,
    WAITING,
    Adapter,
    Heard,
    HookFile,
    Records,
    Said,
    first_question,
    texts_in,
    words,
)
from gastown_core.runtimes.adapters.gemini_log import ANSWER_S, VARIABLE, GeminiLog, begin_turn
from gastown_core.runtimes.hook_commands import signal_command
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, moment, object_of, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gastown_core.runtimes.adapter import Program

EVENTS = ("SessionStart", "BeforeAgent", "AfterAgent", "Notification", "SessionEnd")
TITLES = (("◇", "Ready", IDLE), ("✦", "Working", BUSY), ("✋", "Action Required", WAITING))
"""Sign and word of a title, and what they mean."""
TIMEOUT_MS = 10_000
DRAWS_S = 1.5
"""How long it goes on drawing after Escape."""


class GeminiTitles(Records):
    """The windows' titles, since when they are shown, and the refused requests in the logs."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, str, float]] = {}
        self._log = GeminiLog()
        self._folders: set[str] = set()

    def folders(self) -> set[str]:
        """The folders of the debug logs."""
        return self._folders

    def look(self, programs: Iterable[Program], now: float) -> dict[str, Said]:
        """What each title says; a program that has not named its window yet is starting."""
        said = {}
        self._folders = {os.path.dirname(path) for program in programs if (path := program.env.get(VARIABLE))}
        for program in programs:
            state = title_state(program.title)
            log = program.env.get(VARIABLE, "")
            refused = self._log.look(log) if log else None
            key = (program.pid, state)
            known = self._since.get(program.session)
            if known is None or known[:2] != key:
                at = now if known is not None else self._since_when(state, log, program.output_at or now)
                known = self._since[program.session] = (*key, at)
            detail = "a permission" if state == WAITING else ""
            told = Said(state, known[2], TITLE, detail, is_final=state == IDLE)
            said[program.session] = with_refusal(told, refused, now)
        return said

    def _since_when(self, state: str, log: str, output_at: float) -> float:
        """Since when a title is shown that is seen for the first time: at the latest since the last output.

        It goes on drawing after a turn, so a rest counts from the turn's end in the log.  Escape in a tool is not in the
        log: then from as long before the last output as it draws.
        """
        ended_at, worked_at = self._log.turn(log)
        if state != IDLE or not (ended_at or worked_at):
            return output_at
        return min(output_at, ended_at or max(worked_at, output_at - DRAWS_S))


def with_refusal(told: Said, refused: Said | None, now: float) -> Said:
    """What a title says, with the last refusal in the log: one that is tried again until then, or that ended the turn."""
    if refused is None:
        return told
    if not refused.is_final:
        return refused if told.state == BUSY and now < refused.until + ANSWER_S else told
    # the title follows at once; later it is another turn's
    return refused if told.state == IDLE and told.at < refused.at + TURN_END_S else told


def title_state(title: str) -> str:
    """What a title means."""
    return next((state for sign, word, state in TITLES if sign in title and word in title), STARTING)


class GeminiUsage(UsageReader):
    """A message is written down again when its calls are done, and all of them when a session is resumed."""

    def read(self, line: bytes) -> Iterator[Usage]:
        """The messages with ``tokens``."""
        if b'"tokens"' not in line:
            return
        value = object_of(line)
        changed = value.get("$set")
        kept = changed.get("messages") if isinstance(changed, dict) else None
        for message in kept if isinstance(kept, list) else [value]:
            if isinstance(message, dict):
                yield from _used(message)


def _used(message: Mapping[str, object]) -> Iterator[Usage]:
    """What a message used: what was read from the cache is a part of the input, thoughts are none of the output."""
    figures, name = message.get("tokens"), message.get("id")
    if message.get("type") != "gemini" or not isinstance(figures, dict) or not isinstance(name, str):
        return
    read = tokens(figures, "cached")
    used = Usage(
        name,
        moment(message.get("timestamp")),
        words(message.get("model")),
        max(tokens(figures, "input") - read, 0) + tokens(figures, "tool"),
        tokens(figures, "output") + tokens(figures, "thoughts"),
        read,
    )
    if used.tokens:
        yield used._replace(context=used.tokens)


class GeminiAdapter(Adapter):
    """Gemini CLI since 0.61; its hooks name its transcript."""

    name = "gemini"
    keeps_transcript = True

    def own_env(self, root: str, session: str) -> dict[str, str]:
        """Where it writes its debug log."""
        return {VARIABLE: os.path.join(root, "logs", f"gemini-{session}.log")}

    def begin_turn(self, env: Mapping[str, str]) -> None:
        """Empty a debug log that has become long."""
        if env.get(VARIABLE):
            begin_turn(env[VARIABLE])

    def records(self) -> Records:
        """Its windows' titles and its debug log."""
        return GeminiTitles()

    def hook_files(self, role: str) -> tuple[HookFile, ...]:
        """Hooks in the folder's settings."""
        hooks = {}
        for event in EVENTS:
            command = signal_command(event, self.name)
            one = {"name": f"gastown {event}", "type": "command", "command": command, "timeout": TIMEOUT_MS}
            hooks[event] = [{"hooks": [one]}]
        return (HookFile(".gemini/settings.json", {"hooks": hooks}),)

    def hear(self, event: str, told: Mapping[str, object]) -> Heard:
        """What a hook event means."""
        heard = Heard(session_id=words(told.get("session_id")), transcript=words(told.get("transcript_path"), 1000))
        if event == "BeforeAgent":
            prompt = told.get("prompt")
            return heard._replace(state=BUSY, prompt=prompt if isinstance(prompt, str) else "", carries=CONTEXT)
        if event == "AfterAgent":
            return heard._replace(state=IDLE, is_final=True)
        if event == "Notification" and told.get("notification_type") == "ToolPermission":
            return heard._replace(state=WAITING, detail=_request(told))
        return heard._replace(state=ENDED) if event == "SessionEnd" else heard

    def reply(self, event: str, text: str) -> str:
        """JSON that adds ``text`` to a prompt."""
        if event != "BeforeAgent":
            return ""
        from json import dumps

        return dumps({"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}})

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its messages' tokens."""
        return GeminiUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """The chats of the folders in its list of projects."""
        home = os.path.join(env.get("HOME") or os.path.expanduser("~"), ".gemini")
        try:
            projects = (read_json(os.path.join(home, "projects.json")) or {}).get("projects")
        except GastownError:
            return
        for folder, name in projects.items() if isinstance(projects, dict) else ():
            if isinstance(name, str) and os.sep not in name and f"{folder}/".startswith(f"{root}/"):
                chats = os.path.join(home, "tmp", name, "chats")
                yield from (Transcript(os.path.join(chats, chat), folder) for chat in _chats(chats))

    def given(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """A prompt."""
        if line.get("type") == "user":
            yield from ((TURN, text) for text in texts_in(line.get("content")))

    def session_in(self, path: str, lines: Sequence[Mapping[str, object]]) -> str:
        """Read it from the transcript's first line."""
        told = lines[0].get("sessionId") if lines else ""
        return told if isinstance(told, str) else ""

    def spoken(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Messages of both."""
        who = {"user": "user", "gemini": "agent"}.get(str(line.get("type")))
        if who is not None:
            yield from ((who, text) for text in texts_in(line.get("content")))

    def ask_words(self) -> list[str]:
        """Plan mode reads and does not change; what it is asked about stands on its standard input."""
        return ["--approval-mode", "plan", "--skip-trust", "-p", "Answer the question on standard input."]


def _chats(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(".jsonl")]
    except OSError:
        # made with the first prompt
        return []


def _request(told: Mapping[str, object]) -> str:
    """What is asked for: ``Shell: touch x``, or the first question of its own."""
    details = told.get("details")
    if isinstance(details, dict):
        asked = (
            first_question(details)
            or words(details.get("command"))
            or words(details.get("fileName"))
            or words(details.get("title"))
        )
        if asked:
            return asked
    return words(told.get("message")) or "a permission"


ADAPTER = GeminiAdapter()
