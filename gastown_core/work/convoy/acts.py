"""Actions on one convoy: create it from an epic, close or land it by hand, watch it, clean up its worktrees."""

from __future__ import annotations

import os

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import ConflictError, GastownError, NotFoundError, UsageError
from gastown_core.events.log import append_event
from gastown_core.git import worktree
from gastown_core.git.repo import Git
from gastown_core.model.address import POLECAT
from gastown_core.model.bead import CLOSED, EPIC, TOMBSTONE
from gastown_core.model.hook_life import ARCHIVED
from gastown_core.model.metadata import read_dispatch
from gastown_core.model.record import Record
from gastown_core.town.branches import bead_of_branch
from gastown_core.town.hook_record import record_hook
from gastown_core.town.identity import rig_prefix
from gastown_core.town.inventory import read_inventory
from gastown_core.town.liveness import live_sessions
from gastown_core.town.polecat_pool import hold
from gastown_core.town.rigs import bare_repo
from gastown_core.work.convoy.landing import OWNED, land_one, mail_address, tell
from gastown_core.work.convoy.staging import work_below
from gastown_core.work.convoys import get_convoy
from gastown_core.work.hook.hook import hooked_work
from gastown_core.work.scheduler.dispatch import branch_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry
    from gastown_core.work.convoys import Convoy
MAIL, NUDGE = "mail", "nudge"
_FIELD = {MAIL: "watchers", NUDGE: "nudge_watchers"}


class Subscription(Record):
    """A convoy's watcher; ``status`` is ``subscribed``, ``already_watching``, ``removed`` or ``not_watching``."""

    convoy_id: str
    address: str
    watch_type: str
    status: str


def members_of_epic(ledger: TownLedger, epic_id: str) -> tuple[str, list[str]]:
    """Return the epic's title and the ids of the work below it. Raises NotFoundError, UsageError if there is none."""
    epic = ledger.excerpt(epic_id)
    if epic is None or epic.status == TOMBSTONE:
        raise NotFoundError(f"no bead {epic_id}")
    if epic.issue_type != EPIC:
        raise UsageError(f"{epic_id} is a {epic.issue_type}, not an epic", "", "name the beads themselves")
    ids = [bead.id for bead in work_below(ledger, epic)]
    if not ids:
        raise UsageError(f"{epic_id} has no work below it", "only tasks, bugs, features and chores are work")
    return epic.title, ids


def open_members(convoy: Convoy) -> list[str]:
    """Return the ids of members that are not closed, missing ones too."""
    return [bead_id for bead_id, bead in convoy.members if bead is None or bead.status != CLOSED]


def close_convoy(
    root: str,
    ledger: TownLedger,
    convoy_id: str,
    *,
    actor: str,
    reason: str = "",
    notify: str = "",
    force: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Close a convoy by hand; its members are not changed. Return False if it was already closed.

    Raises ConflictError if members are open, unless forced.  Its listeners are notified once.
    """
    convoy = get_convoy(ledger, convoy_id)
    bead = convoy.bead
    if bead.is_closed:
        return False
    still = open_members(convoy)
    if still and not force:
        shown = ", ".join(still[:5]) + (f" and {len(still) - 5} more" if len(still) > 5 else "")
        raise ConflictError(
            f"{bead.id} has {len(still)} open member{'' if len(still) == 1 else 's'}",
            shown,
            "gt convoy close --force closes it anyway; its work stays open",
        )
    extra = [notify] if notify else []
    if not still and convoy.members:
        return land_one(root, ledger, bead.id, actor=actor, reason=reason or "closed by hand", extra=extra, clock=clock)
    with ledger.store_for("hq-x").write(actor) as batch:
        batch.close(bead.id, reason or "closed by hand", force=True)
    payload = {"convoy": bead.id, "title": bead.title, "reason": reason, "open": len(still)}
    append_event(root, "convoy_closed", actor, payload, clock=clock)
    _tell_closed(root, ledger, convoy, still, reason, actor=actor, extra=extra, clock=clock)
    return True


def _tell_closed(
    root: str,
    ledger: TownLedger,
    convoy: Convoy,
    still: list[str],
    reason: str,
    *,
    actor: str,
    extra: list[str],
    clock: Clock,
) -> None:
    """Notify the listeners of the progress, and of what stays open."""
    bead = convoy.bead
    count = convoy.progress
    body = (
        f"{bead.id} was closed by {actor}: {count.done} of {count.total} done.{f' Reason: {reason}' if reason else ''}"
    )
    if still:
        body += "\n\nStill open:\n" + "\n".join(f"- {bead_id}" for bead_id in still)
    banner = f"Convoy {bead.id} was closed at {count.done}/{count.total}"
    tell(
        root,
        ledger,
        bead,
        f"🚚 Convoy closed: {bead.title}",
        body,
        banner=banner,
        sender=actor,
        extra=extra,
        informs=True,
        clock=clock,
    )


def watch(ledger: TownLedger, convoy_id: str, address: str, *, way: str = MAIL, actor: str) -> Subscription:
    """Notify ``address`` when the convoy lands or stalls. Raises UsageError without an address."""
    return _set_watch(ledger, convoy_id, address, way, actor, on=True)


def unwatch(ledger: TownLedger, convoy_id: str, address: str, *, way: str = MAIL, actor: str) -> Subscription:
    """Stop notifying ``address``."""
    return _set_watch(ledger, convoy_id, address, way, actor, on=False)


def _set_watch(ledger: TownLedger, convoy_id: str, address: str, way: str, actor: str, *, on: bool) -> Subscription:
    if not address.strip() or "," in address:
        raise UsageError(f"{address!r} is no address", "", "overseer, mayor/, RIG/NAME, RIG/crew/NAME")
    mailbox = mail_address(address)
    convoy = get_convoy(ledger, convoy_id).bead
    field = _FIELD[way]
    with ledger.store_for("hq-x").write(actor) as batch:
        bead = batch.get(convoy.id) or convoy
        have = [word.strip() for word in bead.fields.get(field, "").split(",") if word.strip()]
        there = mailbox in (mail_address(word) for word in have)
        if there != on:
            now = [*have, mailbox] if on else [word for word in have if mail_address(word) != mailbox]
            batch.set_fields(convoy.id, {field: ", ".join(now) or None})
    status = ("already_watching" if there else "subscribed") if on else ("removed" if there else "not_watching")
    return Subscription(convoy.id, mailbox, way, status)


class Leftover(Record):
    """A closed member's idle worktree; removal would lose ``files`` (uncommitted) and ``commits`` (on no remote).

    ``rescue`` is the ref they were saved to, ``kept`` why the worktree was not removed.
    """

    agent: str
    branch: str
    path: str
    bead: str
    files: int = 0
    commits: int = 0
    rescue: str = ""
    kept: str = ""


class Landed(Record):
    """What landing did, or would do; ``still_open`` are members that were not closed."""

    convoy: str
    title: str
    total: int
    done: bool
    still_open: tuple[str, ...]
    worktrees: tuple[Leftover, ...]

    def as_json(self) -> dict[str, Any]:
        """As ``gt convoy land --json`` prints it."""
        return {**self._asdict(), "worktrees": [one._asdict() for one in self.worktrees]}


def land(
    root: str,
    ledger: TownLedger,
    convoy_id: str,
    *,
    actor: str,
    force: bool = False,
    keep_worktrees: bool = False,
    dry_run: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Landed:
    """Close an owned convoy with the reason "Landed by owner" and remove its members' idle worktrees.

    Raises UsageError for a system-managed convoy, ConflictError while members are open (unless forced) or if it is
    already closed.  A dry run changes nothing.
    """
    convoy = get_convoy(ledger, convoy_id)
    bead = convoy.bead
    if OWNED not in bead.labels:
        raise UsageError(
            f"{bead.id} lands by itself",
            "it is system-managed: it closes when its last member does",
            f"gt convoy close {bead.id} ends it early",
        )
    if bead.is_closed:
        raise ConflictError(f"{bead.id} has landed already", bead.text("close_reason"))
    still = open_members(convoy)
    if still and not force and not dry_run:
        raise ConflictError(
            f"{bead.id} has {len(still)} open member{'' if len(still) == 1 else 's'}",
            ", ".join(still[:5]),
            "wait for them; gt convoy land --force lands it without them",
        )
    found = [] if keep_worktrees else _leftovers(root, ledger, convoy, frozenset(still))
    if dry_run:
        return Landed(bead.id, bead.title, len(convoy.members), False, tuple(still), tuple(found))
    done = land_one(root, ledger, bead.id, actor=actor, reason="Landed by owner", clock=clock)
    cleared = [_clear(root, ledger, one, actor, clock) for one in found]
    return Landed(bead.id, bead.title, len(convoy.members), done, tuple(still), tuple(cleared))


def _leftovers(root: str, ledger: TownLedger, convoy: Convoy, still_open: frozenset[str]) -> list[Leftover]:
    """Return worktrees of polecats that are on a branch of a closed member."""
    members = ledger.get_many(bead_id for bead_id, _ in convoy.members)
    branches = {read_dispatch(bead).branch: bead_id for bead_id, bead in members.items()}
    found = []
    for entry in read_inventory(root).agents:
        if entry.address.role != POLECAT or not os.path.exists(os.path.join(entry.work_dir, ".git")):
            continue
        branch = branch_under(entry.work_dir)
        bead_id = branches.get(branch, "") or bead_of_branch(branch)
        if not branch or bead_id not in members or bead_id in still_open:
            continue
        lost = worktree.unsaved(Git(entry.work_dir), entry.address.name)
        found.append(Leftover(entry.address.path, branch, entry.work_dir, bead_id, lost.files, lost.commits))
    return found


def _clear(root: str, ledger: TownLedger, one: Leftover, actor: str, clock: Clock) -> Leftover:
    """Remove one worktree unless its polecat has other work or is running."""
    entry = next((e for e in read_inventory(root).agents if e.address.path == one.agent), None)
    if entry is None:
        return one._replace(kept="it is gone already")
    rig = entry.address.rig
    prefix = rig_prefix(root, rig)
    try:
        with hold(root, rig, prefix, entry.address.name):
            kept = _in_use(root, ledger, entry, prefix)
            if kept:
                return one._replace(kept=kept)
            saved = worktree.remove(bare_repo(root, rig), entry.work_dir, rescue_as=entry.address.name, now=clock.now())
    except GastownError as error:
        return one._replace(kept=str(error))
    record_hook(root, ledger, entry.address, prefix, ARCHIVED, actor=actor, bead=one.bead, clock=clock, hook_bead="")
    return one._replace(rescue=saved)


def _in_use(root: str, ledger: TownLedger, entry: RosterEntry, prefix: str) -> str:
    work = hooked_work(ledger, entry.address, prefix)
    if work:
        return f"{work[0].id} is on its hook"
    live = live_sessions(root)
    return "its session runs" if live is not None and entry.session in live else ""
