"""Convoys: named bundles of beads across rigs, and their progress.

A convoy is a bead of the town's store; its members are ``tracks`` edges, written as ``external:<prefix>:<id>`` if the
bead belongs to a rig.  A member's state is always read from its own store, never from the convoy.
"""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK, format_age
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import (
    CLOSED,
    HOOKED,
    IN_PROGRESS,
    IN_REVIEW,
    OPEN,
    TRACKS,
    Edge,
    is_convoy,
    known_priority,
    unwrap_external,
)
from gastown_core.model.fields import set_fields
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt, Outline
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead
    from gastown_core.model.obstacle import Obstacle

    E = TypeVar("E", Bead, Excerpt)


class ConvoyProgress(Record):
    """Number of members by stage; ``missing`` ones are in no store and keep the convoy from being complete."""

    total: int
    done: int
    in_review: int
    running: int
    missing: int


class Convoy(Record):
    """A convoy bead with its members in the order they were added; a missing member is (id, None)."""

    bead: Bead
    members: tuple[tuple[str, Outline | None], ...]
    progress: ConvoyProgress


class ConvoyRow(Record):
    """A convoy for lists; ``created_at`` in Unix seconds."""

    id: str
    title: str
    status: str
    created_at: float
    total: int
    done: int
    in_review: int


def member_ids(convoy: Bead | Excerpt) -> tuple[str, ...]:
    """Return the ids of the tracked beads, in the order they were added."""
    return tuple(edge.target for edge in convoy.edges if edge.type == TRACKS)


def progress(convoy: Bead | Excerpt, lookup: Callable[[str], Outline | Bead | None]) -> ConvoyProgress:
    """Return the convoy's progress; ``lookup`` returns a member's bead, None if there is none."""
    members = map(lookup, member_ids(convoy))
    return _count(_stage(bead) for bead in members)


def _stage(bead: Outline | Bead | None) -> str | None:
    if bead is None:
        return None
    from gastown_core.model.merge_request import OLD_IN_REVIEW

    in_review = bead.status != CLOSED and OLD_IN_REVIEW in bead.labels
    return IN_REVIEW if in_review else bead.status


def _count(statuses: Iterable[str | None]) -> ConvoyProgress:
    """Count members by status; None is a member that does not exist."""
    counts: dict[str | None, int] = {}
    for status in statuses:
        counts[status] = counts.get(status, 0) + 1
    at = counts.get
    running = at(HOOKED, 0) + at(IN_PROGRESS, 0)
    return ConvoyProgress(sum(counts.values()), at(CLOSED, 0), at(IN_REVIEW, 0), running, at(None, 0))


def list_rows(ledger: TownLedger, *, statuses: tuple[str, ...] = (OPEN,)) -> list[ConvoyRow]:
    """Return convoys with these statuses (empty: all), newest first, from the index alone."""
    convoys = _newest_first(ledger.store_for("hq-x").excerpts, statuses)
    members = {one.id: member_ids(one) for one in convoys}
    known = ledger.statuses(dict.fromkeys(bead_id for some in members.values() for bead_id in some))
    counts = {bead_id: _count(map(known.get, some)) for bead_id, some in members.items()}
    return [ConvoyRow(one.id, one.title, one.status, one.created_at, *counts[one.id][:3]) for one in convoys]


def list_convoys(ledger: TownLedger, *, statuses: tuple[str, ...] = (OPEN,)) -> list[Convoy]:
    """Return convoys with these statuses (empty: all), newest first; all their members are read in one query."""
    return _with_members(ledger, _newest_first(ledger.store_for("hq-x").find, statuses))


def _newest_first(find: Callable[[BeadQuery], list[E]], statuses: tuple[str, ...]) -> list[E]:
    found = find_convoys(find, BeadQuery(statuses=statuses))
    return sorted(found, key=lambda one: (-one.created_at, one.id))


def find_convoys(find: Callable[[BeadQuery], list[E]], query: BeadQuery) -> list[E]:
    """Return the convoys among what ``find`` returns, oldest first: by type, and those that some tools only label so."""
    found = find(query._replace(types=("convoy",)))
    found += (one for one in find(query._replace(labels_any=("gt:convoy",))) if one.issue_type != "convoy")
    return sorted(found, key=lambda one: (one.created_at, one.id))


def _with_members(ledger: TownLedger, convoys: list[Bead]) -> list[Convoy]:
    ids = [member_ids(convoy) for convoy in convoys]
    known = ledger.outlines(dict.fromkeys(bead_id for some in ids for bead_id in some))
    return [
        Convoy(convoy, tuple((bead_id, known.get(bead_id)) for bead_id in some), progress(convoy, known.get))
        for convoy, some in zip(convoys, ids, strict=True)
    ]


def get_convoy(ledger: TownLedger, convoy_id: str) -> Convoy:
    """Return a convoy by id or a unique part of it. Raises NotFoundError, UsageError."""
    store = ledger.store_for("hq-x")
    bead = store.get(convoy_id)
    if bead is None:
        bead = store.get(store.resolve(convoy_id))
    if bead is None or not is_convoy(bead):
        raise NotFoundError(f"{convoy_id} is not a convoy", "", "gt convoy list shows the convoys")
    return _with_members(ledger, [bead])[0]


def current_convoy(ledger: TownLedger) -> Convoy | None:
    """Return the open convoy changed last, else the last changed one of any status; None if there is none."""
    town = ledger.store_for("hq-x")
    for statuses in ((OPEN,), ()):
        found = _newest_first(town.excerpts, statuses)
        if found:
            return get_convoy(ledger, max(found, key=lambda one: one.updated_at).id)
    return None


def create_convoy(
    root: str,
    ledger: TownLedger,
    title: str,
    beads: Iterable[str],
    *,
    owner: str,
    notify: str = "",
    watchers: Iterable[str] = (),
    merge: str = "",
    base_branch: str = "",
    molecule: str = "",
    owned: bool = False,
    status: str = OPEN,
    labels: Iterable[str] = (),
    clock: Clock = SYSTEM_CLOCK,
) -> Bead:
    """Create a convoy of ``beads`` (full ids; may be empty) and append ``convoy_created``.

    Raises UsageError for an empty title, NotFoundError naming every unknown bead, and creates nothing.
    """
    if not title.strip():
        raise UsageError("a convoy needs a name")
    from gastown_core.events.log import append_event

    ids = _existing(ledger, beads)
    count = f"{len(ids)} issue{'' if len(ids) == 1 else 's'}"
    lines = {
        "Owner": owner,
        "Notify": notify or None,
        "Merge": merge or None,
        "Molecule": molecule or None,
        "base_branch": base_branch or None,
        "Watchers": ", ".join(watchers) or None,
    }
    fields: dict[str, object] = {
        "title": title.strip(),
        "issue_type": "convoy",
        "description": f"Convoy tracking {count}\n\n" + set_fields("", lines),
        "status": status,
        "labels": [*labels, *(["gt:owned"] if owned else [])],
        "dependencies": [Edge(wrap(ledger, bead_id), TRACKS, "", "", "") for bead_id in ids],
    }
    with ledger.store_for("hq-x").write(owner) as batch:
        bead = batch.create(fields, kind="cv")
    payload = {"convoy": bead.id, "title": bead.title, "members": ids}
    append_event(root, "convoy_created", owner, payload, clock=clock)
    return bead


def add_to_convoy(
    root: str, ledger: TownLedger, convoy_id: str, beads: Iterable[str], *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """Track more beads; return the new ones. A closed convoy is reopened. Raises NotFoundError."""
    from gastown_core.events.log import append_event

    convoy = get_convoy(ledger, convoy_id)
    have = set(member_ids(convoy.bead))
    ids = [bead_id for bead_id in _existing(ledger, beads) if bead_id not in have]
    if not ids:
        return []
    with ledger.store_for("hq-x").write(actor) as batch:
        for bead_id in ids:
            batch.add_edge(convoy.bead.id, wrap(ledger, bead_id), TRACKS)
        current = batch.get(convoy.bead.id)
        if current is not None and current.is_closed:
            batch.reopen(convoy.bead.id, "more work was added")
    append_event(root, "convoy_added", actor, {"convoy": convoy.bead.id, "beads": ids}, clock=clock)
    return ids


def tracking(ledger: TownLedger, bead_id: str, *, with_closed: bool = False) -> list[Bead]:
    """Return the convoys that track the bead and are not closed, staged ones too; on request closed ones as well."""
    town = ledger.store_for("hq-x")
    ids = [source for source, kind in town.dependents(bead_id) if kind == TRACKS]
    found = town.get_many(ids).values() if ids else ()
    return [convoy for convoy in found if convoy.issue_type == "convoy" and (with_closed or not convoy.is_closed)]


def wrap(ledger: TownLedger, bead_id: str) -> str:
    """Return the edge target for a bead: its id in the town's store, ``external:<prefix>:<id>`` in a rig's."""
    store = ledger.store_for(bead_id)
    if store.beads_dir == ledger.store_for("hq-x").beads_dir:
        return bead_id
    return f"external:{store.prefix.rstrip('-')}:{bead_id}"


def _existing(ledger: TownLedger, beads: Iterable[str]) -> list[str]:
    """Return the ids in order without duplicates. Raises NotFoundError naming the unknown ones."""
    ids = list(dict.fromkeys(unwrap_external(bead_id) for bead_id in beads))
    known = ledger.get_many(ids) if ids else {}
    missing = [bead_id for bead_id in ids if bead_id not in known]
    if missing:
        raise NotFoundError(f"no bead {', '.join(missing)}", "", "bd list shows the beads of this folder's ledger")
    return ids


def as_json(
    convoy: Convoy, holds: Mapping[str, Obstacle] | None = None, ages: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the convoy as in ``gt convoy list|show --json``; ``holds`` adds what holds each member.

    ``ages`` are seconds since the last change of members in progress.
    """
    bead, count = convoy.bead, convoy.progress
    fields = bead.fields
    is_owned = "gt:owned" in bead.labels
    return {
        "id": bead.id,
        "title": bead.title,
        "status": bead.status,
        "created_at": bead.text("created_at"),
        "owner": fields.get("owner", ""),
        "notify": fields.get("notify", ""),
        "owned": is_owned,
        "lifecycle": "caller-managed" if is_owned else "system-managed",
        "merge_strategy": fields.get("merge", ""),
        "watchers": [word.strip() for word in fields.get("watchers", "").split(",") if word.strip()],
        "base_branch": fields.get("base_branch", ""),
        "tracked": [
            _member_json(bead_id, member) | (_hold_json(bead_id, holds, ages or {}) if holds is not None else {})
            for bead_id, member in convoy.members
        ],
        "tracked_count": count.total,
        "completed": count.done,
        "in_review": count.in_review,
        "running": count.running,
        "total": count.total,
    }


def _hold_json(bead_id: str, holds: Mapping[str, Obstacle], ages: Mapping[str, float]) -> dict[str, object]:
    hold = holds.get(bead_id)
    told = {"blocked": hold is not None and hold.code == "blocked", "held": hold.text if hold is not None else ""}
    return {**told, "worker_age": format_age(ages[bead_id]) if bead_id in ages else ""}


def _member_json(bead_id: str, bead: Outline | None) -> dict[str, object]:
    if bead is None:
        return {
            "id": bead_id,
            "title": "",
            "status": "missing",
            "assignee": "",
            "issue_type": "",
            "dependency_type": TRACKS,
        }
    return {
        "id": bead.id,
        "title": bead.title,
        "status": bead.status,
        "assignee": bead.assignee,
        "worker": bead.assignee if "/" in bead.assignee else "",
        "issue_type": bead.issue_type,
        "dependency_type": TRACKS,
        "priority": known_priority(bead.priority),
        "labels": bead.labels.split("\x1f") if bead.labels else [],
    }
