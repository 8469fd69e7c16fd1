"""pi: the log of its session, and an extension of ours that runs ``gt signal``.

``~/.pi/agent/sessions/--FOLDER--/*_<session>.jsonl`` has a line for each message once it is whole, with ``stopReason`` where the
model spoke.  The extension tells what the log lacks: the session's id before its first turn, and each prompt as it is
accepted; it hands over the nudges that wait.
"""

from __future__ import annotations

import glob
import os

from gastown_core.clock import parse_moment
from gastown_core.process_table import began_at, environment_of, folder_of
from gastown_core.runtimes.adapter import (
    BUSY,
    CONTEXT,
    CONTINUE,
    ENDED,
    IDLE,
    STARTING,
    TRANSCRIPT,
    TURN,
    Adapter,
    Heard,
    HookFile,
    Records,
    Said,
    texts_in,
    words,
)
from gastown_core.runtimes.session_log import SLACK_S, SessionLogs, failed
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, dollars, moment, object_of, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gastown_core.runtimes.adapter import Program

EXTENSION_FILE = ".pi/extensions/gastown.ts"
OURS = "gastown"
"""What the log calls a text that the extension gave."""
_EXTENSION = """\
// Written by Gas Town: tells it how this session goes. It does nothing outside a session of a town.
import { spawn, spawnSync } from "node:child_process";

export default function (pi: any) {
  if (!process.env.GT_SESSION) return;
  const gt = process.env.GT_BIN || "gt";
  const words = (event: string) => ["signal", event, "--runtime", "RUNTIME"];
  const about = (ctx: any, more: object) =>
    JSON.stringify({ session_id: ctx.sessionManager.getSessionId(), transcript_path: ctx.sessionManager.getSessionFile(), ...more });

  const tell = (event: string, told: string) => {
    const child = spawn(gt, words(event), { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.stdin.end(told);
  };
  const ask = (event: string, told: string) =>
    spawnSync(gt, words(event), { input: told, encoding: "utf8", timeout: 5000, stdio: ["pipe", "pipe", "ignore"] }).stdout || "";

  pi.on("session_start", (event: any, ctx: any) => tell("session_start", about(ctx, { reason: event.reason })));
  pi.on("before_agent_start", (event: any, ctx: any) => {
    const text = ask("before_agent_start", about(ctx, { prompt: event.prompt })).trim();
    return text ? { message: { customType: "gastown", content: text, display: true } } : undefined;
  });
MORE  pi.on("session_shutdown", (event: any, ctx: any) => {
    ask("session_shutdown", about(ctx, { reason: event.reason }));
  });
}
"""
_AGENT_END = """\
  // what waits begins a turn of its own once the program rests, but not after one that a person or an error ended
  const give = (ctx: any, looks: number) => {
    if (!ctx.isIdle() && looks > 0) return void setTimeout(() => give(ctx, looks - 1), 20);
    if (!ctx.isIdle() || ctx.hasPendingMessages()) return tell("agent_end", about(ctx, {}));
    const text = ask("agent_end", about(ctx, { is_free: true })).trim();
    if (text) pi.sendMessage({ customType: "gastown", content: text, display: true }, { triggerTurn: true });
  };
  pi.on("agent_end", (event: any, ctx: any) => {
    const last = (event.messages || []).filter((one: any) => one.role === "assistant").pop();
    if (last?.stopReason === "stop") setTimeout(() => give(ctx, 50), 0);
    else tell("agent_end", about(ctx, {}));
  });
"""


def extension(runtime: str, more: str = _AGENT_END) -> str:
    """The extension of ours for pi, or for one that takes its extensions; ``more`` says how turns end."""
    return _EXTENSION.replace("RUNTIME", runtime).replace("MORE", more)


class PiLogs(SessionLogs):
    """The newest log in the folder of sessions that is called after the agent's."""

    def place(self, program: Program) -> str:
        """The folder of the sessions of that working directory."""
        return _sessions(program.env, program.work_dir)

    def find(self, program: Program) -> str:
        """The log that was written last since the program began."""
        written, path = newest(self.place(program))
        return path if written >= began_at(program.pid) - SLACK_S else ""

    def session_id(self, path: str) -> str:
        """Return the id, which follows the timestamp in the file's name."""
        return id_of(path)

    def after(self, said: Said | None, line: Mapping[str, object]) -> Said | None:
        """The state after one more message; what the extension gave at a turn's end begins another."""
        message, at = line.get("message"), parse_moment(line.get("timestamp")) or 0.0
        if line.get("type") == "custom_message" and line.get("customType") == OURS:
            return Said(BUSY, at, TRANSCRIPT)
        if line.get("type") != "message" or not isinstance(message, dict):
            return said
        role, stop = message.get("role"), message.get("stopReason")
        if role in ("user", "toolResult") or (role == "assistant" and stop == "toolUse"):
            return said if said is not None and said.state == BUSY else Said(BUSY, at, TRANSCRIPT)
        if role != "assistant":
            return said
        if stop == "error":
            return failed(at, words(message.get("errorMessage")))
        return Said(IDLE, at, TRANSCRIPT, "interrupted" if stop == "aborted" else "", is_final=True)


def _home(env: Mapping[str, str]) -> str:
    return env.get("PI_CODING_AGENT_DIR") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".pi", "agent")


def _sessions(env: Mapping[str, str], work_dir: str) -> str:
    """The folder of the sessions of a working directory."""
    name = os.path.realpath(work_dir).lstrip("/").replace("/", "-").replace(":", "-")
    return env.get("PI_CODING_AGENT_SESSION_DIR") or os.path.join(_home(env), "sessions", f"--{name}--")


def newest(folder: str) -> tuple[float, str]:
    """(last write, path) of the log that was written last; (0, "") if there is none."""
    try:
        with os.scandir(folder) as entries:
            logs = [(one.stat().st_mtime, one.path) for one in entries if one.name.endswith(".jsonl")]
    except OSError:
        # made with the first session
        logs = []
    return max(logs, default=(0.0, ""))


def log_of(pid: int, sessions: Callable[[Mapping[str, str], str], str]) -> str:
    """Return the log of a running program, empty if it has none; ``sessions`` finds the folder of a working directory."""
    folder = folder_of(pid)
    if not folder:
        return ""
    written, path = newest(sessions(environment_of(pid), folder))
    return path if written >= began_at(pid) - SLACK_S else ""


def id_of(path: str) -> str:
    """Return the session id, which follows the timestamp in the file's name."""
    return os.path.basename(path).removesuffix(".jsonl").rpartition("_")[2]


class PiUsage(UsageReader):
    """A line for each message; its ids are short, so the session's stands before them."""

    def read(self, line: bytes) -> Iterator[Usage]:
        """The message of a line with ``usage``."""
        if b'"usage"' not in line and ("cwd" in self.memory or b'"cwd"' not in line):
            return
        value = object_of(line)
        if value.get("type") == "session":
            self.note_folder(value.get("cwd"))
            self.memory["session"] = words(value.get("id"))
        message = value.get("message")
        figures = message.get("usage") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(figures, dict):
            return
        name = message.get("responseId") or f"{self.memory.get('session', '')}:{value.get('id')}"
        cost = figures.get("cost")
        used = Usage(
            str(name),
            moment(value.get("timestamp")),
            words(message.get("model")),
            tokens(figures, "input"),
            tokens(figures, "output"),
            tokens(figures, "cacheRead"),
            tokens(figures, "cacheWrite"),
            # the program reports 0 for a model whose price it does not know
            cost=(dollars(cost.get("total")) or None) if isinstance(cost, dict) else None,
        )
        # a refused or interrupted message reports no tokens
        if used.tokens:
            yield used._replace(context=used.tokens)


class PiAdapter(Adapter):
    """pi since 0.73."""

    name = "pi"
    keeps_transcript = True

    def records(self) -> Records:
        """Its sessions' logs."""
        return PiLogs()

    def hook_files(self, role: str) -> tuple[HookFile, ...]:
        """An extension, which pi finds by its place."""
        return (HookFile(EXTENSION_FILE, text=extension(self.name), is_local=True),)

    def hear(self, event: str, told: Mapping[str, object]) -> Heard:
        """What an event of the extension means; how a turn ended stands in the log."""
        heard = Heard(session_id=words(told.get("session_id")), transcript=words(told.get("transcript_path"), 1000))
        if event == "session_start":
            return heard._replace(state=STARTING if told.get("reason") == "startup" else "")
        if event == "before_agent_start":
            prompt = told.get("prompt")
            return heard._replace(state=BUSY, prompt=prompt if isinstance(prompt, str) else "", carries=CONTEXT)
        if event == "agent_end":
            free = CONTINUE if told.get("is_free") is True else ""
            return heard._replace(state=IDLE, is_final=True, carries=free)
        return heard._replace(state=ENDED) if told.get("reason") == "quit" else heard

    def reply(self, event: str, text: str) -> str:
        """The text itself: the extension adds it to the conversation, or begins a turn with it."""
        return text if event in ("before_agent_start", "agent_end") else ""

    def transcript(self, pid: int) -> str:
        """The log that was written last since that process began, in the folder where it runs."""
        return log_of(pid, _sessions)

    def given(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """A prompt, or what the extension added."""
        message = line.get("message")
        if line.get("type") == "custom_message" and line.get("customType") == OURS:
            yield from ((TURN, text) for text in texts_in(line.get("content")))
        elif line.get("type") == "message" and isinstance(message, dict) and message.get("role") == "user":
            yield from ((TURN, text) for text in texts_in(message.get("content")))

    def usage_reader(self, memory: dict[str, object]) -> UsageReader | None:
        """Its messages' ``usage``."""
        return PiUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """Yield all sessions; the first line of each names its folder."""
        sessions = os.path.join(glob.escape(_home(env)), "sessions")
        for pattern in ("*.jsonl", os.path.join("*", "*.jsonl")):
            yield from (Transcript(path) for path in glob.iglob(os.path.join(sessions, pattern)))

    def last_session(self, work_dir: str, env: Mapping[str, str]) -> str:
        """The newest session in that folder."""
        return id_of(newest(_sessions(env, work_dir))[1])


ADAPTER = PiAdapter()
