"""The report on a day's compaction: figures by kind of wisp, what is odd, kept as a bead."""

from __future__ import annotations

from gastown_core.beads.store import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.formulas.compaction import DELETE, PROMOTE, SKIP, Compaction
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock

GROUPS = {
    "Heartbeats": ("heartbeat", "ping"),
    "Patrols": ("patrol", "gc_report"),
    "Errors": ("error", "recovery", "escalation"),
    "Untyped": ("",),
}
MANY_HEARTBEATS, FEW, MOST_PROMOTED = 1000, 10, 0.5
LABEL = "gt:compaction-report"


class Report(Record):
    """The figures of one day (or week); ``rows`` is group → (deleted, promoted, active)."""

    date: str
    rows: dict[str, tuple[int, int, int]]
    anomalies: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``gt compact report --json`` prints it."""
        rows = {
            name: {"deleted": deleted, "promoted": promoted, "active": active}
            for name, (deleted, promoted, active) in self.rows.items()
        }
        return {"date": self.date, "categories": rows, "anomalies": list(self.anomalies)}

    def text(self) -> str:
        """The figures as a table, then what is odd."""
        lines = [f"{'':<12}{'deleted':>9}{'promoted':>10}{'active':>8}"]
        lines += [f"{name:<12}{row[0]:>9}{row[1]:>10}{row[2]:>8}" for name, row in self.rows.items()]
        return "\n".join([*lines, "", *(f"! {one}" for one in self.anomalies)]).rstrip()


def report(done: Mapping[str, Compaction], date: str) -> Report:
    """The figures of a compaction, with what is odd about them."""
    decided = [one for compaction in done.values() for one in compaction.decided]
    rows = {}
    for name, kinds in GROUPS.items():
        acts = [one.act for one in decided if one.wisp_type in kinds]
        rows[name] = (acts.count(DELETE), acts.count(PROMOTE), acts.count(SKIP))
    odd = []
    if rows["Heartbeats"][0] > MANY_HEARTBEATS:
        odd.append(f"{rows['Heartbeats'][0]} heartbeats deleted: who beats so often?")
    if not any(rows["Patrols"]):
        odd.append("no patrol left a wisp: are the patrols running?")
    touched = [one for one in decided if one.act != SKIP]
    promoted = sum(one.act == PROMOTE for one in touched)
    if len(touched) > FEW and promoted > len(touched) * MOST_PROMOTED:
        odd.append(f"{promoted} of {len(touched)} were promoted: wisps get stuck, or are commented on too freely")
    odd += [error for compaction in done.values() for error in compaction.errors]
    return Report(date, rows, tuple(odd))


def today(clock: Clock = SYSTEM_CLOCK) -> str:
    """The date as ``2026-11-21`` (UTC)."""
    return format_seconds(clock.now())[:10]


def is_filed(ledger: TownLedger, date: str) -> str:
    """Id of the report of that date, empty if there is none."""
    query = BeadQuery(labels_all=(LABEL, f"date:{date}"), include_wisps=True)
    found = ledger.store_for("hq-x").find(query)
    return found[0].id if found else ""


def file_report(ledger: TownLedger, told: Report, *, actor: str) -> str:
    """Keep the report as a closed event bead; its id. There is one a date."""
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.create(
            {
                "title": f"Compaction Report {told.date}",
                "description": told.text(),
                "issue_type": "event",
                "event_kind": "wisp.compaction",
                "status": "closed",
                "close_reason": "a record",
                "labels": [LABEL, f"date:{told.date}"],
            }
        )
    return bead.id
