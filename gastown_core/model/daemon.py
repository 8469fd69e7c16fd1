"""The state of a town's daemon, as every front end shows it."""

from __future__ import annotations

from gastown_core.clock import format_age, format_seconds
from gastown_core.model.record import Record

RUNS, FAILS, LATE, SILENT, DIED, STOPPED, NEVER = "runs", "fails", "late", "silent", "died", "stopped", "never"
"""Running; running with a failing duty; running, and a duty has not run for long; alive but no heartbeat; killed or crashed; stopped; never started."""
AT_WORK = frozenset((RUNS, FAILS, LATE))
STEADY_S = 60.0
"""A duty that has failed for less than this is not reported in the header; one failure may be a fluke."""


class DaemonView(Record):
    """The daemon at one moment; ``since`` is when it started, ended or last reported (Unix seconds, 0 if unknown).

    ``failing`` holds (duty, error, since when) for each duty whose last run failed, ``late`` (duty, what, since when)
    for each that has not run in three of its periods, or whose run does not end, whatever the daemon says of itself.
    """

    state: str = NEVER
    pid: int = 0
    since: float = 0.0
    failing: tuple[tuple[str, str, float], ...] = ()
    late: tuple[tuple[str, str, float], ...] = ()
    load: float = 0.0
    """The share of one core that it used lately, 0 if unknown."""
    paused: tuple[tuple[str, str], ...] = ()
    """(duty, why) of each that a person has paused."""
    why: str = ""
    """Why it is silent, where that is known."""

    @property
    def is_at_work(self) -> bool:
        """Whether it performs its duties."""
        return self.state in AT_WORK

    @property
    def is_gone(self) -> bool:
        """Whether none runs: nothing is dispatched or merged by itself."""
        return self.state in (DIED, STOPPED, NEVER)

    def short(self, now: float) -> str:
        """The problem in a few words, for a header: ``daemon died 5m ago``; empty if all is well or none ever ran."""
        if self.state == FAILS:
            names = [name for name, _, since in self.failing if since and now - since >= STEADY_S]
            return f"daemon: {names[0]} fails" if names else ""
        if self.state == LATE:
            name, what, since = self.late[0]
            return f"daemon: {name} {what} for {format_age(max(1.0, now - since))}"
        word = {DIED: "died", STOPPED: "stopped", SILENT: "silent"}.get(self.state, "")
        if not word:
            return ""
        age = format_age(max(1.0, now - self.since)) if self.since else ""
        return f"daemon {word} {age}{' ago' if age and self.state != SILENT else ''}".rstrip()

    def words(self, now: float) -> str:
        """Return the state as a sentence that says what to do."""
        age = format_age(max(1.0, now - self.since)) if self.since else ""
        ago = f" {age} ago" if age else ""
        if self.state == SILENT:
            who = f"process {self.pid}" if self.pid else "process unknown"
            if self.why:
                return f"the daemon ({who}) sent no heartbeat for {age}: {self.why}"
            return f"the daemon ({who}) sent no heartbeat for {age}; check gt daemon logs, then run gt daemon restart"
        idle = "nothing is dispatched or merged; run gt daemon start"
        if self.state == DIED:
            return f"the daemon died: its last heartbeat was{ago or ' long ago'}; {idle}"
        if self.state == STOPPED:
            return f"the daemon was stopped{ago}; {idle}"
        if self.state == NEVER:
            return "no daemon has run in this town; run gt up to start it"
        failing = "; ".join(f"{name} fails: {error}" for name, error, _ in self.failing)
        late = "; ".join(f"{name} {what} for {format_age(max(1.0, now - since))}" for name, what, since in self.late)
        but = "; ".join(part for part in (late, failing) if part)
        hint = "; check gt daemon logs, then run gt daemon restart" if late else ""
        rests = "".join(f"; {name} is {why}" for name, why in self.paused)
        return f"the daemon ({self.pid}) is running" + (f", but {but}{hint}" if but else "") + rests

    def as_json(self) -> dict[str, object]:
        """Return the object that ``--json`` prints."""
        told: dict[str, object] = {"state": self.state, "running": self.is_at_work or self.state == SILENT}
        if self.pid:
            told["pid"] = self.pid
        if self.since:
            told["since"] = format_seconds(self.since)
        if self.failing:
            told["failing"] = [{"duty": name, "error": error} for name, error, _ in self.failing]
        if self.paused:
            told["paused"] = [{"duty": name, "why": why} for name, why in self.paused]
        if self.late:
            told["late"] = [
                {"duty": name, "what": what, "since": format_seconds(since)} for name, what, since in self.late
            ]
        return told
