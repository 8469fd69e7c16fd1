"""When the commons was last reached, and why not since: kept beside the clone, so that every face can say how old its words are."""

from __future__ import annotations

from gastown_core.clock import backoff, format_age
from gastown_core.errors import GastownError, SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.model.record import Record
from gastown_core.wasteland.membership import CONTACT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.wasteland.membership import Membership

LONGEST_S = 6 * 3600.0
"""The longest pause after failures."""
_TIMES = ("reached_at", "failed_at", "failing_since")


class Contact(Record):
    """The last exchange with a commons; times are Unix seconds, 0: never. ``error`` is empty if the last one reached it."""

    reached_at: float = 0.0
    failed_at: float = 0.0
    failing_since: float = 0.0
    failures: int = 0
    error: str = ""

    def due_at(self, every_s: float) -> float:
        """Return when to look again: ``every_s`` after it was reached, and later with each failure in a row."""
        if self.error:
            return self.failed_at + max(every_s, backoff(every_s, self.failures, LONGEST_S))
        return self.reached_at + every_s

    def is_due(self, every_s: float, now: float) -> bool:
        """Whether to look now; times from the future, which a clock put back leaves, count for nothing."""
        return not max(self.reached_at, self.failed_at) <= now < self.due_at(every_s)

    def words(self, now: float, *, is_short: bool = False) -> str:
        """Return how old what is known of the commons is, and why it was not reached since; text of others, not cleaned.

        ``is_short``: without the reason.
        """
        last = f"as of {_ago(now, self.reached_at)}" if self.reached_at else ""
        if not self.error:
            return last
        since = "now" if now - self.failing_since < 60 else f"for {format_age(now - self.failing_since)}"
        why = "" if is_short else f": {self.error}"
        return f"unreachable {since}{why}" + (f"; {last}" if last else "")

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return self._asdict()


def read_contact(member: Membership) -> Contact:
    """Return what is known; a damaged file counts as none."""
    try:
        kept = read_json(member.path + CONTACT) or {}
    except SettingsError:
        return Contact()
    told: dict[str, Any] = {
        name: float(value) for name in _TIMES if isinstance(value := kept.get(name), int | float) and value >= 0
    }
    failures, error = kept.get("failures"), kept.get("error")
    told["error"] = error if isinstance(error, str) else ""
    told["failures"] = failures if isinstance(failures, int) and failures > 0 else int(bool(told["error"]))
    return Contact(**told)


def note_contact(member: Membership, now: float, error: str = "") -> None:
    """Note that the commons was reached now, or why it was not."""
    known = read_contact(member)
    if error:
        since = known.failing_since if known.error else now
        found = known._replace(failed_at=now, failing_since=since, failures=known.failures + 1, error=error[:500])
    else:
        found = Contact(reached_at=now)
    try:
        write_json(member.path + CONTACT, found.as_json(), mode=0o600)
    except (GastownError, OSError):
        # a full disk must not end the exchange itself
        return


def _ago(now: float, moment: float) -> str:
    # not by the second: a face that shows it would be drawn anew each second
    return "now" if now - moment < 60 else f"{format_age(now - moment)} ago"
