"""Convoys: named bundles of work across rigs, and how far they are.

A convoy is a bead of the town's store; its members are ``tracks`` edges, written as ``external:<prefix>:<id>`` when
the bead lives in a rig.  What a member is like is always read from its own store, never from the convoy.
"""

from __future__ import annotations

from collections import namedtuple

from gastown_core.beads.store import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, IN_REVIEW, OPEN, Edge, set_fields, unwrap_external

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NamedTuple

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import Batch
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead

    class Progress(NamedTuple):
        """Members by stage; ``missing`` ones exist in no store, and a convoy of only those is never complete."""

        total: int
        done: int
        in_review: int
        running: int
        missing: int

    class Convoy(NamedTuple):
        """A convoy bead with its members in the order they were added; a missing member is None under its id."""

        bead: Bead
        members: tuple[tuple[str, Bead | None], ...]
        progress: Progress
else:
    Progress = namedtuple("Progress", "total done in_review running missing")
    Convoy = namedtuple("Convoy", "bead members progress")


def member_ids(convoy: Bead) -> tuple[str, ...]:
    """Plain ids of the tracked beads, in the order they were added."""
    return tuple(edge.target for edge in convoy.edges if edge.type == "tracks")


def progress(convoy: Bead, lookup: Callable[[str], Bead | None]) -> Progress:
    """How far the convoy is; ``lookup`` gives a member's own bead, None if there is none."""
    return _count([lookup(bead_id) for bead_id in member_ids(convoy)])


def _count(members: Iterable[Bead | None]) -> Progress:
    total = done = review = running = missing = 0
    for bead in members:
        total += 1
        if bead is None:
            missing += 1
        elif bead.status == CLOSED:
            done += 1
        elif bead.status == IN_REVIEW or "gt:in-review" in bead.labels:
            review += 1
        elif bead.status in (HOOKED, IN_PROGRESS):
            running += 1
    return Progress(total, done, review, running, missing)


def list_convoys(ledger: TownLedger, *, statuses: tuple[str, ...] = (OPEN,)) -> list[Convoy]:
    """Convoys with these statuses (empty: all), the newest first; members of all of them are read in one go."""
    query = BeadQuery(types=("convoy",), statuses=statuses, sort="created")
    convoys = ledger.store_for("hq-x").find(query)
    convoys.sort(key=lambda bead: (-bead.created_at, bead.id))
    return _with_members(ledger, convoys)


def _with_members(ledger: TownLedger, convoys: list[Bead]) -> list[Convoy]:
    wanted = {bead_id for convoy in convoys for bead_id in member_ids(convoy)}
    known: Mapping[str, Bead] = ledger.get_many(sorted(wanted)) if wanted else {}
    out = []
    for convoy in convoys:
        members = tuple((bead_id, known.get(bead_id)) for bead_id in member_ids(convoy))
        out.append(Convoy(convoy, members, _count(bead for _, bead in members)))
    return out


def get_convoy(ledger: TownLedger, convoy_id: str) -> Convoy:
    """One convoy by id, or by a part of it that fits only one. Raises NotFoundError, UsageError."""
    store = ledger.store_for("hq-x")
    bead = store.get(convoy_id)
    if bead is None:
        bead = store.get(store.resolve(convoy_id))
    if bead is None or bead.issue_type != "convoy":
        raise NotFoundError(f"{convoy_id} is no convoy", "", "gt convoy list shows them")
    return _with_members(ledger, [bead])[0]


def current_convoy(ledger: TownLedger) -> Convoy | None:
    """What ``show`` without an id means: the only open convoy, else the one touched last; None if there is none."""
    convoys = list_convoys(ledger)
    return max(convoys, key=lambda one: one.bead.updated_at, default=None)


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
    clock: Clock = SYSTEM_CLOCK,
) -> Bead:
    """Make a convoy over ``beads`` (full ids; none at all is fine) and append ``convoy_created``.

    Raises UsageError for an empty title, NotFoundError naming every unknown bead; nothing is made then.
    """
    if not title.strip():
        raise UsageError("a convoy needs a name")
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
    fields: dict[str, Any] = {
        "title": title.strip(),
        "issue_type": "convoy",
        "description": f"Convoy tracking {count}\n\n" + set_fields("", lines),
        "labels": ["gt:owned"] if owned else [],
        "dependencies": [Edge(wrap(ledger, bead_id), "tracks", "", "", "") for bead_id in ids],
    }
    with ledger.store_for("hq-x").write(owner) as batch:
        bead = batch.create(fields, kind="cv")
    payload = {"convoy": bead.id, "title": bead.title, "members": ids}
    append_event(root, "convoy_created", owner, payload, clock=clock)
    return bead


def add_to_convoy(
    root: str, ledger: TownLedger, convoy_id: str, beads: Iterable[str], *, actor: str, clock: Clock = SYSTEM_CLOCK
) -> list[str]:
    """Track further beads; returns those that are new. A closed convoy opens again. Raises NotFoundError."""
    convoy = get_convoy(ledger, convoy_id)
    have = set(member_ids(convoy.bead))
    ids = [bead_id for bead_id in _existing(ledger, beads) if bead_id not in have]
    if not ids:
        return []
    with ledger.store_for("hq-x").write(actor) as batch:
        for bead_id in ids:
            batch.add_edge(convoy.bead.id, wrap(ledger, bead_id), "tracks")
        current = batch.get(convoy.bead.id)
        if current is not None and current.is_closed:
            batch.reopen(convoy.bead.id, "more work was added")
    append_event(root, "convoy_added", actor, {"convoy": convoy.bead.id, "beads": ids}, clock=clock)
    return ids


def tracking(ledger: TownLedger, bead_id: str) -> list[Bead]:
    """Open convoys that track the bead."""
    query = BeadQuery(types=("convoy",), exclude_statuses=(CLOSED,))
    return [convoy for convoy in ledger.store_for("hq-x").find(query) if bead_id in member_ids(convoy)]


def close_convoy(batch: Batch, convoy_id: str, reason: str) -> None:
    """Close it within a batch of the town's store."""
    batch.close(convoy_id, reason, force=True)


def wrap(ledger: TownLedger, bead_id: str) -> str:
    """The edge target for a bead: itself in the town's store, ``external:<prefix>:<id>`` in a rig's."""
    store = ledger.store_for(bead_id)
    if store.beads_dir == ledger.store_for("hq-x").beads_dir:
        return bead_id
    return f"external:{store.prefix.rstrip('-')}:{bead_id}"


def _existing(ledger: TownLedger, beads: Iterable[str]) -> list[str]:
    """The ids in order, each once. Raises NotFoundError naming those that exist nowhere."""
    ids = list(dict.fromkeys(unwrap_external(bead_id) for bead_id in beads))
    known = ledger.get_many(ids) if ids else {}
    missing = [bead_id for bead_id in ids if bead_id not in known]
    if missing:
        raise NotFoundError(f"no bead {', '.join(missing)}", "", "bd list shows the beads of this folder's ledger")
    return ids


def as_json(convoy: Convoy) -> dict[str, Any]:
    """The convoy as ``gt convoy list|show --json`` prints it."""
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
        "tracked": [_member_json(bead_id, member) for bead_id, member in convoy.members],
        "tracked_count": count.total,
        "completed": count.done,
        "in_review": count.in_review,
        "running": count.running,
        "total": count.total,
    }


def _member_json(bead_id: str, bead: Bead | None) -> dict[str, Any]:
    if bead is None:
        return {
            "id": bead_id,
            "title": "",
            "status": "missing",
            "assignee": "",
            "issue_type": "",
            "dependency_type": "tracks",
        }
    return {
        "id": bead.id,
        "title": bead.title,
        "status": bead.status,
        "assignee": bead.assignee,
        "issue_type": bead.issue_type,
        "dependency_type": "tracks",
        "priority": bead.priority,
        "labels": list(bead.labels),
    }
