"""What the agent reports to the town: heartbeats, events, and its own transcript."""

from __future__ import annotations

import json
import os
import time

from gastown_core.clock import SYSTEM_CLOCK, format_micros, format_seconds
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.files.atomic import link_on_the_way
from gastown_core.files.jsonl import append_lines
from gastown_core.runtimes.heartbeat import read_heartbeat, write_heartbeat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_agent.identity import Identity

BEAT_EVERY_S = 20.0


def local_minute(moment: float) -> str:
    """Return a local time such as ``17:05``."""
    return time.strftime("%H:%M", time.localtime(moment))


class Session:
    """The reporting side of one run; outside a town it only writes the transcript."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.bead = ""
        self.muted = False
        self._beat_at = 0.0
        self._last: tuple[str, str, float] = ("", "", 0.0)
        self.turn = 0
        if identity.town and identity.session:
            last = read_heartbeat(identity.town, identity.session)
            self.turn = last.turn if last else 0

    def beat(self, state: str, context: str = "", *, until: float = 0.0, prompt: str = "") -> None:
        """Write a heartbeat, unless muted or outside a town; note in the transcript a write that fails."""
        self._last = (state, context, until)
        self._beat_at = SYSTEM_CLOCK.now()
        town, session = self.identity.town, self.identity.session
        if self.muted or not town or not session:
            return
        try:
            write_heartbeat(
                town,
                session,
                state,
                context=context,
                bead=self.bead,
                until=until,
                turn=self.turn,
                prompt=prompt,
                run=os.environ.get("GT_RUN", ""),
            )
        except (GastownError, OSError) as error:
            self.note("error", str(error))

    def keep_alive(self) -> None:
        """Repeat the last heartbeat if it is old and its state is working."""
        if self._last[0] == "working" and SYSTEM_CLOCK.now() - self._beat_at >= BEAT_EVERY_S:
            self.beat(*self._last[:2], until=self._last[2])

    def start_turn(self, text: str) -> None:
        """Count a new turn and report it at once, so that the sender of the text can see that it arrived."""
        self.turn += 1
        self.beat("working", text.split("\n", 1)[0][:80], prompt=text)
        self.note("user", text)

    def event(self, kind: str, **payload: object) -> None:
        """Append an event to the town's log."""
        if self.identity.town:
            append_event(self.identity.town, kind, self.identity.actor, payload)

    def limited_until(self, moment: float) -> None:
        """Report in heartbeat and log a rate limit that ends at ``moment``."""
        self.beat("limited", "rate limited", until=moment)
        words = {"until": local_minute(moment), "until_at": format_seconds(moment)}
        self.event("limited", bead=self.bead, **words, message="requests are rejected (429)")

    def note(self, kind: str, text: str) -> None:
        """Append a line to ``<work dir>/.runtime/transcript.jsonl``, unless a symbolic link is on that path."""
        if link_on_the_way(self.identity.work_dir, ".runtime/transcript.jsonl"):
            return
        folder = os.path.join(self.identity.work_dir, ".runtime")
        record = {"at": format_micros(SYSTEM_CLOCK.now()), "kind": kind, "text": text, "turn": self.turn}
        try:
            os.makedirs(folder, exist_ok=True)
            line = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")
            append_lines(os.path.join(folder, "transcript.jsonl"), [line], mode=0o600)
        except (GastownError, OSError):
            # a worktree that was taken away ends the notes, not the agent
            return
