"""Compaction of wisps: deletes old closed ones, promotes wanted or stuck ones, and files a daily report bead."""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, format_seconds, parse_duration
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS
from gastown_core.model.record import Record
from gastown_core.molecules.pour import delete_all
from gastown_core.molecules.root_bead import molecule_of, step_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
HOUR = 3600.0
TTL_S = {
    "heartbeat": 6 * HOUR,
    "ping": 6 * HOUR,
    "patrol": 24 * HOUR,
    "gc_report": 24 * HOUR,
    "recovery": 7 * 24 * HOUR,
    "error": 7 * 24 * HOUR,
    "escalation": 7 * 24 * HOUR,
    "": 24 * HOUR,
}
"""Lifetime in seconds by ``wisp_type``; the empty key is for wisps without a type."""
KEEP_LABELS = ("keep", "gt:keep")
INFRA_TYPES = frozenset("agent rig role message merge-request convoy".split())
"""Types of records that other components maintain."""
INFRA_LABELS = frozenset("gt:agent gt:message gt:merge-request gt:role gt:rig".split())
QUEUE_LABEL = "gt:sling-context"
"""Label of a sling that is queued, maybe for days."""
PROMOTE, DELETE, SKIP = "promote", "delete", "skip"


class Decided(Record):
    """The decision on one wisp, and its reason."""

    id: str
    title: str
    wisp_type: str
    act: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return the object that ``gt compact --json`` lists."""
        return {"id": self.id, "title": self.title, "reason": self.reason, "wisp_type": self.wisp_type}


class Compaction(Record):
    """What was, or would be, done; ``orphaned`` counts edges of wisps to missing beads."""

    decided: tuple[Decided, ...]
    orphaned: int = 0
    errors: tuple[str, ...] = ()

    def of(self, act: str) -> list[Decided]:
        """Return the wisps with this decision."""
        return [one for one in self.decided if one.act == act]

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``gt compact --json`` prints."""
        return {
            "promoted": [one.as_json() for one in self.of(PROMOTE)],
            "deleted": [one.as_json() for one in self.of(DELETE)],
            "skipped": len(self.of(SKIP)),
            "orphaned_wisp_deps": self.orphaned,
            "errors": list(self.errors),
        }


def lifetimes(root: str, rig: str, rig_labels: tuple[str, ...] = ()) -> dict[str, float]:
    """TTL_S overridden by the labels of the rig's bead, then by its local file; invalid durations are ignored."""
    found = dict(TTL_S)
    for label in rig_labels:
        if label.startswith("wisp_ttl_"):
            kind, _, text = label.removeprefix("wisp_ttl_").partition(":")
            _set(found, kind, text)
    local = read_json(os.path.join(root, ".beads-wisp", "config", f"{rig or 'hq'}.json")) or {}
    values = local.get("values")
    own = values.get("wisp_ttl") if isinstance(values, dict) else None
    for kind, text in own.items() if isinstance(own, dict) and "wisp_ttl" not in (local.get("blocked") or ()) else ():
        _set(found, str(kind), text)
    return found


def _set(found: dict[str, float], kind: str, text: object) -> None:
    span = parse_duration(text)
    if span is not None:
        found["" if kind in ("untyped", "default") else kind] = span


def decide(
    wisp: Bead, now: float, ttl_s: Mapping[str, float], *, is_referenced: bool = False, moved_at: float = 0.0
) -> Decided:
    """Return the decision on a wisp; ``moved_at`` is when one of its members last changed."""
    kind = wisp.text("wisp_type")
    span = ttl_s.get(kind, ttl_s[""])
    is_old = now - max(wisp.updated_at, moved_at) > span
    act, reason = SKIP, "young"
    if _is_of_others(wisp):
        reason = "kept by other rules"
    elif step_of(wisp)[0] or "gt:step" in wisp.labels:
        act, reason = (DELETE, "step past its lifetime") if is_old else (SKIP, "young")
    elif wisp.comments:
        act, reason = PROMOTE, "has comments"
    elif any(label in KEEP_LABELS for label in wisp.labels):
        act, reason = PROMOTE, "labelled keep"
    elif is_old and is_referenced:
        act, reason = PROMOTE, "a permanent bead refers to it"
    elif is_old:
        act, reason = (DELETE, "closed, past its lifetime") if wisp.is_closed else (PROMOTE, "stuck: open too long")
    return Decided(wisp.id, wisp.title, kind, act, reason)


def _is_of_others(wisp: Bead) -> bool:
    """Return whether another component maintains it: agents, mail, merge requests, queued slings."""
    if wisp.raw.get("no_history") or wisp.issue_type in INFRA_TYPES or wisp.is_pinned:
        return True
    labels = set(wisp.labels)
    return bool(labels & INFRA_LABELS) or (QUEUE_LABEL in labels and not wisp.is_closed)


def compact(
    root: str, ledger: TownLedger, *, rig: str = "", actor: str = "gt", dry_run: bool = False
) -> dict[str, Compaction]:
    """Compact the wisps of every store (or of one rig), each in one write; returns the results by store."""
    out = {}
    for name, store in ledger.stores().items():
        if rig and name != rig:
            continue
        labels = _rig_labels(store)
        try:
            ttl_s = lifetimes(root, "" if name == "town" else name, labels)
            out[name] = compact_store(store, ttl_s, actor=actor, dry_run=dry_run)
        except GastownError as error:
            out[name] = Compaction((), errors=(f"{name}: {error}",))
    return out


def _rig_labels(store: BeadStore) -> tuple[str, ...]:
    query = BeadQuery(labels_any=("gt:rig",), include_wisps=True)
    return tuple(label for one in store.excerpts(query) for label in one.labels)


def compact_store(
    store: BeadStore, ttl_s: Mapping[str, float], *, actor: str = "gt", dry_run: bool = False
) -> Compaction:
    """As ``compact``, for one store."""
    now = store.clock.now()
    wisps = store.find(BeadQuery(only_wisps=True))
    ids = {wisp.id for wisp in wisps}
    referred = {target for source, target, kind in store.all_edges() if target in ids and source not in ids}
    moved: dict[str, float] = {}
    for wisp in wisps:
        molecule = step_of(wisp)[0]
        moved[molecule] = max(moved.get(molecule, 0.0), wisp.updated_at)
    decided = [
        decide(wisp, now, ttl_s, is_referenced=wisp.id in referred, moved_at=moved.get(wisp.id, 0.0)) for wisp in wisps
    ]
    decided = _while_work_goes_on(store, wisps, decided)
    decided = _with_their_molecule(wisps, decided)
    known = store.statuses(edge.target for wisp in wisps for edge in wisp.edges)
    orphaned = sum(edge.target not in known and not _is_foreign(store, edge.target) for w in wisps for edge in w.edges)
    if not dry_run and any(one.act != SKIP for one in decided):
        with store.write(actor) as batch:
            for one in decided:
                if one.act == PROMOTE:
                    batch.update(one.id, {"ephemeral": None, "wisp_type": None})
                    batch.comment(one.id, f"Made permanent: {one.reason}")
            delete_all(batch, [one.id for one in decided if one.act == DELETE], "compacted")
    return Compaction(tuple(decided), orphaned)


def _with_their_molecule(wisps: list[Bead], decided: list[Decided]) -> list[Decided]:
    """Let each step and gate share its molecule's fate, since its own last change says little."""
    fate = {one.id: one.act for one in decided}
    out = []
    for wisp, one in zip(wisps, decided, strict=True):
        molecule = step_of(wisp)[0] or (wisp.parent if wisp.issue_type == "gate" else "")
        act = fate.get(molecule, "")
        if act == DELETE:
            one = one._replace(act=DELETE, reason="its molecule is deleted")
        elif act and one.act != SKIP:
            one = one._replace(act=SKIP, reason="its molecule is kept")
        out.append(one)
    return out


def _while_work_goes_on(store: BeadStore, wisps: list[Bead], decided: list[Decided]) -> list[Decided]:
    """Keep molecules whose work is not closed, however long it takes."""
    carriers = {wisp.id: kept.bead for wisp in wisps if (kept := molecule_of(wisp)) is not None and kept.bead}
    known = store.statuses(carriers.values())
    return [
        one._replace(act=SKIP, reason="its work is not closed")
        if known.get(carriers.get(one.id, ""), CLOSED) != CLOSED and one.act != SKIP
        else one
        for one in decided
    ]


def _is_foreign(store: BeadStore, bead_id: str) -> bool:
    return not bead_id.startswith(f"{store.prefix.rstrip('-')}-")


# -- gc ------------------------------------------------------------------------------------------------------


def collectable(
    store: BeadStore,
    *,
    age_s: float = HOUR,
    closed: bool = False,
    everything: bool = False,
    without: tuple[str, ...] = (),
) -> list[Bead]:
    """Return wisps for ``bd mol wisp gc``: open and unchanged for longer than ``age_s`` (``everything``: of any age).

    With ``closed``, the closed ones instead.  Skips pinned wisps, types in ``without`` and records that other
    components maintain; members of a molecule go with their root.
    """
    now = store.clock.now()
    found = []
    for wisp in store.find(BeadQuery(only_wisps=True, sort="oldest")):
        if _is_of_others(wisp) or _has_open_work(store, wisp):
            continue
        if wisp.issue_type in without or wisp.is_closed != closed:
            continue
        if wisp.status in (HOOKED, IN_PROGRESS) or step_of(wisp)[0] or (wisp.issue_type == "gate" and wisp.parent):
            continue
        if everything or now - _last_moved(store, wisp) > age_s:
            found.append(wisp)
    return found


def _has_open_work(store: BeadStore, wisp: Bead) -> bool:
    """Return whether it is the molecule of a work bead that is not closed."""
    kept = molecule_of(wisp)
    work = store.get(kept.bead) if kept is not None and kept.bead else None
    return work is not None and not work.is_closed


def _last_moved(store: BeadStore, wisp: Bead) -> float:
    if wisp.issue_type != "molecule":
        return wisp.updated_at
    from gastown_core.molecules.listing import last_activity

    return last_activity(store, wisp.id)[0]


GROUPS = {
    "Heartbeats": ("heartbeat", "ping"),
    "Patrols": ("patrol", "gc_report"),
    "Errors": ("error", "recovery", "escalation"),
    "Untyped": ("",),
}
MANY_HEARTBEATS, FEW, MOST_PROMOTED = 1000, 10, 0.5
LABEL = "gt:compaction-report"


class CompactionReport(Record):
    """The figures of one date; ``rows`` maps a group to (deleted, promoted, active)."""

    date: str
    rows: dict[str, tuple[int, int, int]]
    anomalies: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``gt compact report --json`` prints."""
        rows = {
            name: {"deleted": deleted, "promoted": promoted, "active": active}
            for name, (deleted, promoted, active) in self.rows.items()
        }
        return {"date": self.date, "categories": rows, "anomalies": list(self.anomalies)}

    def text(self) -> str:
        """Return the figures as a table, then the anomalies."""
        lines = [f"{'':<12}{'deleted':>9}{'promoted':>10}{'active':>8}"]
        lines += [f"{name:<12}{row[0]:>9}{row[1]:>10}{row[2]:>8}" for name, row in self.rows.items()]
        return "\n".join([*lines, "", *(f"! {one}" for one in self.anomalies)]).rstrip()


def report(done: Mapping[str, Compaction], date: str) -> CompactionReport:
    """Return the figures of a compaction, with anomalies."""
    decided = [one for compaction in done.values() for one in compaction.decided]
    rows = {}
    for name, kinds in GROUPS.items():
        acts = [one.act for one in decided if one.wisp_type in kinds]
        rows[name] = (acts.count(DELETE), acts.count(PROMOTE), acts.count(SKIP))
    odd = []
    if rows["Heartbeats"][0] > MANY_HEARTBEATS:
        odd.append(f"{rows['Heartbeats'][0]} heartbeats deleted: does an agent report too often?")
    if not any(rows["Patrols"]):
        odd.append("no patrol wisps: are the patrols running?")
    touched = [one for one in decided if one.act != SKIP]
    promoted = sum(one.act == PROMOTE for one in touched)
    if len(touched) > FEW and promoted > len(touched) * MOST_PROMOTED:
        odd.append(f"{promoted} of {len(touched)} were promoted: wisps get stuck or receive comments")
    odd += [error for compaction in done.values() for error in compaction.errors]
    return CompactionReport(date, rows, tuple(odd))


def today(clock: Clock = SYSTEM_CLOCK) -> str:
    """Return the date as ``2026-11-21`` (UTC)."""
    return format_seconds(clock.now())[:10]


def is_filed(ledger: TownLedger, date: str) -> str:
    """Return the id of the report for that date, empty if there is none."""
    query = BeadQuery(labels_all=(LABEL, f"date:{date}"), include_wisps=True)
    found = ledger.store_for("hq-x").find(query)
    return found[0].id if found else ""


def file_report(ledger: TownLedger, told: CompactionReport, *, actor: str) -> str:
    """Store the report as a closed event bead; returns its id."""
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.create(
            {
                "title": f"Compaction Report {told.date}",
                "description": told.text(),
                "issue_type": "event",
                "event_kind": "wisp.compaction",
                "status": CLOSED,
                "close_reason": "a record",
                "labels": [LABEL, f"date:{told.date}"],
            }
        )
    return bead.id
