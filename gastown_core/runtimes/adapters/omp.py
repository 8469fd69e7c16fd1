"""oh-my-pi (omp): the log of its session, in the format of pi.

``~/.omp/agent/sessions/--FOLDER--/*_<session>.jsonl`` is made at the first prompt and has a line for each message once it is
whole.  While a refused request is retried nothing is logged.  No extension is installed.
"""

from __future__ import annotations

import glob
import os

from gastown_core.runtimes.adapter import TURN, Adapter, Records, texts_in
from gastown_core.runtimes.adapters.pi import PiLogs, PiUsage, id_of, log_of, newest
from gastown_core.runtimes.usage import Transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gastown_core.runtimes.adapter import Program
    from gastown_core.runtimes.usage import UsageReader


class OmpLogs(PiLogs):
    """The newest log in the folder of sessions that is called after the agent's."""

    def place(self, program: Program) -> str:
        """The folder of the sessions of that working directory."""
        return _sessions(program.env, program.work_dir)


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

    def transcript(self, pid: int) -> str:
        """The log that was written last since that process began, in the folder where it runs."""
        return log_of(pid, _sessions)

    def given(self, line: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """A prompt."""
        message = line.get("message")
        if line.get("type") == "message" and isinstance(message, dict) and message.get("role") == "user":
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


ADAPTER = OmpAdapter()
