"""The signals that a runtime may provide, and the interface of its adapter.

A program reports its state in up to three ways: a record or log that it keeps, hooks that it runs (``gt signal``), and its
window's title.  An adapter knows where these are and what they mean; it never looks at a screen.  A runtime without an
adapter has its process and its screen only.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from gastown_core.runtimes.usage import Transcript, UsageReader

BUSY, IDLE, WAITING, LIMITED, FAILED, STARTING, ENDED = "busy idle waiting limited failed starting ended".split()
RECORD, HOOK, TRANSCRIPT, TITLE = "record", "hook", "transcript", "title"
SAID_SOURCES = (RECORD, HOOK, TRANSCRIPT, TITLE)
CONTEXT, CONTINUE = "context", "continue"
"""How an event may carry text back: with the submitted prompt, or as the reason to continue after a turn."""

BLANK = "its screen is empty"
"""What is said of a screen without a single character: nothing can be asked there."""

TAKEN, TURN = "taken", "turn"
"""The state of a text in a transcript: queued by the program; part of the conversation."""

LIMIT_WORDS = ("429", "rate limit", "rate_limit", "usage limit", "quota", "overloaded", "529", "too many requests")
"""What an error says that passes with time."""

TURN_END_S = 3.0
"""The record and the hook of one end of a turn are at most this far apart."""


class Said(Record):
    """What a program reports about itself: its state since ``at``, the source, and its words.

    ``until`` is when a limit ends, 0 if unknown.  ``is_final`` says that the turn is over and nothing of it runs
    on: what failed is not tried again by itself.
    """

    state: str
    at: float
    source: str
    detail: str = ""
    until: float = 0.0
    session_id: str = ""
    is_final: bool = False


class Heard(Record):
    """What one event of a program means; an empty ``state`` leaves the state as it is.

    ``prompt`` is a text that the program accepted, ``carries`` how the event may take text back (empty: it cannot).
    ``is_reminder``: it comes later than the event that first told this state, and knows less about it.
    """

    state: str = ""
    detail: str = ""
    until: float = 0.0
    session_id: str = ""
    transcript: str = ""
    prompt: str = ""
    carries: str = ""
    is_final: bool = False
    is_reminder: bool = False


class Program(Record):
    """A live program of an agent: its session, the first process of its pane, its folder and its variables.

    ``title`` is what it calls its window, ``output_at`` when it last wrote to it.
    """

    session: str
    pid: int
    work_dir: str
    env: Mapping[str, str]
    title: str = ""
    output_at: float = 0.0


class HookFile(Record):
    """A file in which a runtime finds its hooks, relative to the agent's folder.

    ``settings`` are merged into a JSON file that may hold a user's own; ``text`` is a file that is ours alone.
    ``is_local`` says that the file is a user's own by convention, and not a part of the project.
    """

    path: str
    settings: Mapping[str, Any] | None = None
    text: str = ""
    is_local: bool = False


class Records:
    """The records that a runtime's programs keep, read again only when they changed. This base class has none."""

    def folders(self) -> set[str]:
        """Paths whose change may bring news."""
        return set()

    def look(self, programs: Iterable[Program], now: float) -> dict[str, Said]:
        """Session → what its program reports now."""
        return {}


class Adapter:
    """One runtime's signals. A runtime overrides only those that it provides."""

    name = ""
    tool_event = ""
    """The event before each tool call whose reply refuses the call; empty if the program has none."""
    permission_event = ""
    """The event whose hook may decide a request for permission while the question is shown; empty if there is none."""
    keeps_transcript = False
    """Whether its transcripts can be read here."""

    def own_env(self, root: str, session: str) -> dict[str, str]:
        """Return variables that make the session's program report more of its state."""
        return {}

    def own_words(self, folders: Sequence[str], args: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """Arguments beside ``args`` without which its program could not write to ``folders`` outside of its own."""
        return []

    def begin_turn(self, env: Mapping[str, str]) -> None:
        """Tidy what the program writes of itself; run by the hook of a submitted prompt."""

    def records(self) -> Records:
        """A reader of the programs' own records, with a memory of its own."""
        return Records()

    def hook_files(self, role: str) -> tuple[HookFile, ...]:
        """The files that make the program run ``gt signal``."""
        return ()

    def hear(self, event: str, told: Mapping[str, object]) -> Heard:
        """What an event means, with the JSON that the program gave."""
        return Heard()

    def reply(self, event: str, text: str) -> str:
        """What to print so that ``text`` reaches the agent; empty if the event cannot carry it."""
        return ""

    def request(self, told: Mapping[str, object]) -> tuple[str, bool]:
        """What a request for permission is for, as it is shown, and whether it is rather a question; empty if it cannot be told."""
        return "", False

    def decision(self, told: Mapping[str, object], is_yes: bool, text: str) -> str:
        """What the hook of the request prints for a yes or a no, with a person's own words; empty if it cannot say that."""
        return ""

    def transcript(self, pid: int) -> str:
        """The transcript of the program in that process or one below it; empty if it has none yet, or none is found."""
        return ""

    def given(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """The texts that one line of a transcript shows as given by a person or a hook, each as TAKEN or TURN."""
        return iter(())

    def arrived(self, record: str) -> Iterator[tuple[str, str, float]] | None:
        """(kind, text, moment) of the texts in a transcript that is no file of JSON lines; None for one that is."""
        return None

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Return a reader of usage in its transcripts, with the memory of an earlier one; None if they contain none."""
        return None

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """The transcripts below that home which may be of sessions in the folder ``root`` or below it."""
        return iter(())

    def session_in(self, path: str, lines: Sequence[Mapping[str, object]]) -> str:
        """The id of the session that a transcript is of, by its name or first lines; empty if it is part of another."""
        return ""

    def spoken(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What one line of a transcript says as (``user`` or ``agent``, text)."""
        return iter(())

    def told(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What one line of a transcript says, as ``spoken``, and calls of tools as (``tool`` or ``result``, text)."""
        return self.spoken(line)

    def fork_words(self, session_id: str, question: str) -> list[str]:
        """The words after the program that fork a session, which may then only read; with a question, for one answer.

        Empty where the program cannot.
        """
        return []

    def ask_words(self) -> list[str]:
        """The words after the program for one answer to what stands on its standard input, without changing anything."""
        return []

    def last_session(self, work_dir: str, env: Mapping[str, str]) -> str:
        """The id of the newest session in that folder, by the program's own files; empty if none is found."""
        return ""


def together(record: Said | None, hook: Said | None) -> Said | None:
    """One word out of two: the program's own record counts, with what a hook adds to it.

    A record knows neither why a turn ended nor what is asked for; the hook of that moment does.
    """
    if record is None or hook is None:
        return record or hook
    if hook.at < record.at - TURN_END_S:
        return record
    # the hook knows how the turn ended, and whether something of it runs on
    ended_otherwise = hook.state in (LIMITED, FAILED) or (hook.state == IDLE and not hook.is_final)
    if record.state == IDLE and ended_otherwise:
        return hook
    if record.state == BUSY and hook.state == LIMITED and not hook.is_final and hook.at >= record.at:
        # a log is silent while a request is tried again
        return hook
    if record.state == hook.state == WAITING and hook.detail:
        return record._replace(detail=hook.detail)
    return record


def is_limit(text: str) -> bool:
    """Return whether an error's text is about a rate limit."""
    lowered = text.lower()
    return any(word in lowered for word in LIMIT_WORDS)


def texts_in(content: object) -> Iterator[str]:
    """The texts in a message's content: a text, or parts of which some are texts (results of tools are not)."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                yield part
            elif isinstance(part, dict) and part.get("type", "text") in ("text", "input_text", "output_text"):
                text = part.get("text")
                if isinstance(text, str):
                    yield text


def call_words(name: object, given: object) -> str:
    """A tool's call in one line, ``Bash: npm test``: its name, and of what it was given that which says most."""
    shown = given if isinstance(given, str) else ""
    if isinstance(given, dict):
        keys = ("command", "cmd", "file_path", "path", "pattern", "query", "url", "prompt", "description")
        value = next((given[key] for key in keys if given.get(key)), given)
        shown = (
            " ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else str(value)
        )
    called = name if isinstance(name, str) else "a tool"
    return f"{called}: {shown}" if shown else called


def first_question(given: object) -> str:
    """The first of the ``questions`` that a tool was given to ask; empty if there is none."""
    questions = given.get("questions") if isinstance(given, dict) else None
    first = questions[0] if isinstance(questions, list) and questions else None
    return words(first.get("question")) if isinstance(first, dict) else ""


def words(value: object, limit: int = 200) -> str:
    """A value out of a program's JSON on one line, cut to ``limit``; empty if it is no text."""
    if not isinstance(value, str):
        return ""
    text = " ".join(value.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
