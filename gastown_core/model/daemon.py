"""How a town's daemon is, as every face shows it."""

from __future__ import annotations

from gastown_core.clock import format_age, format_seconds
from gastown_core.model.record import Record

RUNS, FAILS, SILENT, DIED, STOPPED, NEVER = "runs", "fails", "silent", "died", "stopped", "never"
"""It runs; it runs and a duty fails; it lives and says nothing; it was killed or crashed; it was ended; it never ran."""
AT_WORK = frozenset((RUNS, FAILS))
STEADY_S = 60.0
"""A duty that fails for less than this may have stumbled once; it is no matter for the header."""


class DaemonView(Record):
    """The daemon at one moment; ``since`` is when it started, ended, or last spoke (Unix seconds, 0 if unknown).

    ``failing`` are (duty, error, since when) of duties whose last run failed.
    """

    state: str = NEVER
    pid: int = 0
    since: float = 0.0
    failing: tuple[tuple[str, str, float], ...] = ()

    @property
    def is_at_work(self) -> bool:
        """Whether it sees to its duties."""
        return self.state in AT_WORK

    def short(self, now: float) -> str:
        """What is wrong in a few words, for a header: ``daemon died 5m ago``; empty if all is well, or none ever ran."""
        if self.state == FAILS:
            names = [name for name, _, since in self.failing if since and now - since >= STEADY_S]
            return f"daemon: {names[0]} fails" if names else ""
        word = {DIED: "died", STOPPED: "stopped", SILENT: "silent"}.get(self.state, "")
        if not word:
            return ""
        age = format_age(max(1.0, now - self.since)) if self.since else ""
        return f"daemon {word} {age}{' ago' if age and self.state != SILENT else ''}".rstrip()

    def words(self, now: float) -> str:
        """The same in a sentence that says what to do."""
        age = format_age(max(1.0, now - self.since)) if self.since else ""
        ago = f" {age} ago" if age else ""
        if self.state == SILENT:
            who = f"process {self.pid}" if self.pid else "nothing tells which process it is"
            return f"the daemon ({who}) has said nothing for {age}; look at gt daemon logs, then gt daemon restart"
        idle = "nothing is dispatched or merged; gt daemon start begins again"
        if self.state == DIED:
            return f"the daemon died: its last heartbeat was{ago or ' long ago'}; {idle}"
        if self.state == STOPPED:
            return f"the daemon was stopped{ago}; {idle}"
        if self.state == NEVER:
            return "no daemon has run in this town; gt up starts it"
        failing = "; ".join(f"{name} fails: {error}" for name, error, _ in self.failing)
        return f"the daemon ({self.pid}) runs" + (f", but {failing}" if failing else "")

    def as_json(self) -> dict[str, object]:
        """As ``--json`` prints it."""
        told: dict[str, object] = {"state": self.state, "running": self.is_at_work or self.state == SILENT}
        if self.pid:
            told["pid"] = self.pid
        if self.since:
            told["since"] = format_seconds(self.since)
        if self.failing:
            told["failing"] = [{"duty": name, "error": error} for name, error, _ in self.failing]
        return told
