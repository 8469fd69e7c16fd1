"""The record of a plugin's run: an ephemeral closed bead of the town's ledger; history and gates are queries over them.

The labels are those of daemon-and-health.md section 12: ``type:plugin-run``, ``plugin:NAME``, ``result:…``, ``rig:NAME``.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.model.metadata import metadata_of
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
    from gastown_core.plugins.plugin import Plugin

LABEL = "type:plugin-run"
SUCCESS, FAILURE = "success", "failure"
META = "plugin_run"


class Run(Record):
    """A finished run: its bead, result, start and length in seconds, what started it, and its last words."""

    id: str
    plugin: str
    result: str
    at: float
    secs: float
    trigger: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return it as ``gt plugin history --json`` prints it."""
        from gastown_core.clock import format_seconds

        return {**self._asdict(), "at": format_seconds(self.at)}


def record_run(
    ledger: TownLedger,
    plugin: Plugin,
    result: str,
    *,
    at: float,
    secs: float,
    trigger: str,
    detail: str,
    actor: str,
) -> str:
    """Store a run; returns its bead. Raises StoreError."""
    labels = {LABEL, f"plugin:{plugin.full_name}", f"result:{result}", *plugin.labels}
    if plugin.rig:
        labels.add(f"rig:{plugin.rig}")
    meta = {"result": result, "at": at, "secs": round(secs, 3), "trigger": trigger}
    fields = {
        "title": f"Plugin run: {plugin.full_name}",
        "description": detail,
        "issue_type": "task",
        "labels": sorted(labels),
        "metadata": {META: meta},
    }
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.create(fields, kind="wisp")
        batch.close(bead.id, result, force=True)
    return bead.id


def runs_of(ledger: TownLedger, plugin: Plugin, limit: int = 10) -> list[Run]:
    """Return the runs of a plugin that are still kept, newest first."""
    wanted = (LABEL, f"plugin:{plugin.full_name}")
    query = BeadQuery(labels_all=wanted, include_wisps=True, sort="created", limit=limit)
    found = [_run(plugin, bead) for bead in ledger.store_for("hq-x").find(query)]
    return sorted(found, key=lambda run: -run.at)


def last_run(ledger: TownLedger, plugin: Plugin) -> Run | None:
    """Return a plugin's newest run, None if none is kept."""
    return next(iter(runs_of(ledger, plugin, 1)), None)


def _run(plugin: Plugin, bead: Bead) -> Run:
    kept = metadata_of(bead).section(META).kept
    results = [label.removeprefix("result:") for label in bead.labels if label.startswith("result:")]
    at, secs = kept.get("at"), kept.get("secs")
    return Run(
        bead.id,
        plugin.full_name,
        results[0] if results else "",
        float(at) if isinstance(at, int | float) else bead.created_at,
        float(secs) if isinstance(secs, int | float) else 0.0,
        str(kept.get("trigger") or ""),
        bead.text("description"),
    )
