"""oh-my-pi (omp): the log of its session, in the format of pi.

``~/.omp/agent/sessions/--FOLDER--/*_<session>.jsonl`` is made at the first prompt and has a line for each message once it is
whole.  While a refused request is retried nothing is logged: an extension of ours tells that, each prompt as it is accepted,
and hands over the nudges that wait, with a prompt or as the reason to go on.
"""

from __future__ import annotations

import glob
import os

from gastown_core.clock import SYSTEM_CLOCK, parse_moment
from gastown_core.runtimes.adapter import (
    BUSY,
    CONTEXT,
    CONTINUE,
    ENDED,
    IDLE,
    LIMITED,
    STARTING,
    TRANSCRIPT,
    TURN,
    WAITING,
    Adapter,
    Heard,
    HookFile,
    Records,
    Said,
    first_question,
    is_limit,
    texts_in,
    words,
)
from gastown_core.runtimes.adapters.pi import OURS, PiLogs, PiUsage, extension, id_of, log_of, newest
from gastown_core.runtimes.usage import Transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gastown_core.runtimes.adapter import Program
    from gastown_core.runtimes.usage import UsageReader

EXTENSION_FILE = ".omp/hooks/pre/gastown.ts"
"""Its own folder for extensions leaves out what git ignores, which this file is; hooks are bound as extensions are."""
CONTINUATION = "session-stop-continuation"
"""What the log calls a text that the extension gave at the end of a turn."""
_TURNS = """\
  pi.on("session_stop", (_event: any, ctx: any) => {
    const text = ask("session_stop", about(ctx, {})).trim();
    return text ? { continue: true, additionalContext: text } : undefined;
  });
  pi.on("agent_end", (event: any, ctx: any) => {
    if (!event.willContinue) tell("agent_end", about(ctx, {}));
  });
  pi.on("auto_retry_start", (event: any, ctx: any) =>
    tell("auto_retry_start", about(ctx, { error: event.errorMessage, delay_ms: event.delayMs, attempt: event.attempt })));
  pi.on("auto_retry_end", (event: any, ctx: any) => tell("auto_retry_end", about(ctx, { success: event.success })));
"""


class OmpLogs(PiLogs):
    """The newest log in the folder of sessions that is called after the agent's."""

    def place(self, program: Program) -> str:
        """The folder of the sessions of that working directory."""
        return _sessions(program.env, program.work_dir)

    def after(self, said: Said | None, line: Mapping[str, object]) -> Said | None:
        """The state after one more message; what the extension gave at a turn's end begins another, a call may ask a person."""
        if line.get("type") == "custom_message" and line.get("customType") == CONTINUATION:
            return Said(BUSY, parse_moment(line.get("timestamp")) or 0.0, TRANSCRIPT)
        asked = _question(line.get("message"))
        if asked:
            return Said(WAITING, parse_moment(line.get("timestamp")) or 0.0, TRANSCRIPT, asked)
        return super().after(said, line)


def _question(message: object) -> str:
    """What a message of the model asks a person with its tool for that; empty if nothing."""
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "assistant" else None
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "toolCall" and part.get("name") == "ask":
            given = part.get("arguments")
            return first_question(given) or "a question"
    return ""


def _home(env: Mapping[str, str]) -> str:
    return env.get("PI_CODING_AGENT_DIR") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".omp", "agent")


def _sessions(env: Mapping[str, str], work_dir: str) -> str:
    """The folder of the sessions of a working directory."""
    name = os.path.realpath(work_dir).lstrip("/").replace("/", "-").replace(":", "-")
    return os.path.join(_home(env), "sessions", f"--{name}--")


class OmpAdapter(Adapter):
    """omp since 17.3."""

    name = "omp"
    keeps_transcript = True

    def records(self) -> Records:
        """Its sessions' logs."""
        return OmpLogs()

    def hook_files(self, role: str) -> tuple[HookFile, ...]:
        """An extension, which omp finds by its place."""
        return (HookFile(EXTENSION_FILE, text=extension(self.name, _TURNS), is_local=True),)

    def hear(self, event: str, told: Mapping[str, object]) -> Heard:
        """What an event of the extension means; how a turn ended is in the log."""
        heard = Heard(session_id=words(told.get("session_id")), transcript=words(told.get("transcript_path"), 1000))
        if event == "session_start":
            return heard._replace(state=STARTING)
        if event == "before_agent_start":
            prompt = told.get("prompt")
            return heard._replace(state=BUSY, prompt=prompt if isinstance(prompt, str) else "", carries=CONTEXT)
        if event == "session_stop":
            return heard._replace(state=IDLE, is_final=True, carries=CONTINUE)
        if event == "agent_end":
            return heard._replace(state=IDLE, is_final=True)
        if event == "auto_retry_start":
            return _retry(told, heard)
        if event == "auto_retry_end":
            return heard._replace(state=BUSY) if told.get("success") else heard
        return heard._replace(state=ENDED)

    def reply(self, event: str, text: str) -> str:
        """The text itself: the extension gives it to the conversation."""
        return text if event in ("before_agent_start", "session_stop") else ""

    def transcript(self, pid: int) -> str:
        """The log that was written last since that process began, in the folder where it runs."""
        return log_of(pid, _sessions)

    def given(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """A prompt, or what the extension gave."""
        message = line.get("message")
        if line.get("type") == "custom_message" and line.get("customType") in (OURS, CONTINUATION):
            yield from ((TURN, text) for text in texts_in(line.get("content")))
        elif line.get("type") == "message" and isinstance(message, dict) and message.get("role") == "user":
            yield from ((TURN, text) for text in texts_in(message.get("content")))

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its messages' ``usage``."""
        return PiUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """Yield all sessions; the first line of each names its folder."""
        sessions = os.path.join(glob.escape(_home(env)), "sessions")
        yield from (Transcript(path) for path in glob.iglob(os.path.join(sessions, "*", "*.jsonl")))

    def last_session(self, work_dir: str, env: Mapping[str, str]) -> str:
        """The newest session in that folder."""
        return id_of(newest(_sessions(env, work_dir))[1])


def _retry(told: Mapping[str, object], heard: Heard) -> Heard:
    """A refused request that is sent again after a while."""
    why, delay_ms = words(told.get("error")) or "a request failed", told.get("delay_ms")
    until = SYSTEM_CLOCK.now() + delay_ms / 1000 if isinstance(delay_ms, int | float) else 0.0
    detail = f"{why}; it tries again (attempt {told.get('attempt')})"
    return heard._replace(state=LIMITED if is_limit(why) else BUSY, detail=detail, until=until)


ADAPTER = OmpAdapter()
