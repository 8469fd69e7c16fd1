"""pi: what its sessions' files tell of usage. It has no status record, and its hooks are not used."""

from __future__ import annotations

import glob
import os

from gastown_core.runtimes.adapter import Adapter, words
from gastown_core.runtimes.usage import Transcript, Usage, UsageReader, dollars, moment, object_of, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


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
            # it says 0 of a model whose price it does not know
            cost=(dollars(cost.get("total")) or None) if isinstance(cost, dict) else None,
        )
        yield used._replace(context=used.tokens)


class PiAdapter(Adapter):
    """pi 0.73: known by process and screen, but for its usage."""

    name = "pi"

    def usage_reader(self, memory: dict[str, Any]) -> UsageReader | None:
        """Its messages' ``usage``."""
        return PiUsage(memory)

    def transcripts(self, root: str, env: Mapping[str, str]) -> Iterator[Transcript]:
        """All its sessions: their first line tells the folder."""
        home = env.get("PI_CODING_AGENT_DIR") or os.path.join(
            env.get("HOME") or os.path.expanduser("~"), ".pi", "agent"
        )
        sessions = os.path.join(glob.escape(home), "sessions")
        for pattern in ("*.jsonl", os.path.join("*", "*.jsonl")):
            yield from (Transcript(path) for path in glob.iglob(os.path.join(sessions, pattern)))


ADAPTER = PiAdapter()
