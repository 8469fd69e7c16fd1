"""What an agent leaves at a handoff: its worktree, its work, its mail and the ready work, as text for its successor.

Sections and their sizes: tmux-and-messaging.md section 7.  What cannot be read is named in its place.
"""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, words_of
from gastown_core.git.repo import Git
from gastown_core.git.worktree import count_stashes, status, unpushed
from gastown_core.model.bead import IN_PROGRESS, OPEN
from gastown_core.town.identity import rig_prefix
from gastown_core.work.hook.hook import assignee_forms, hooked_work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

CHANGED, UNTRACKED, COMMITS, MAIL, READY, HELD = 10, 5, 5, 10, 10, 5
"""How many of each are listed."""


def collect_state(root: str, entry: RosterEntry, *, clock: Clock = SYSTEM_CLOCK) -> str:
    """Return the state as Markdown sections; sections without content are left out."""
    from gastown_core.beads.ledger import TownLedger

    ledger = TownLedger(root)
    sections: dict[str, Callable[[], list[str]]] = {
        "Workspace": lambda: _workspace(entry),
        "Hooked work": lambda: _hooked(root, ledger, entry),
        "Inbox": lambda: _inbox(ledger, entry),
        "Ready work": lambda: _ready(root, ledger, entry, clock.now()),
        "In progress": lambda: _in_progress(root, ledger, entry),
    }
    out = []
    for title, read in sections.items():
        try:
            lines = read()
        except (GastownError, OSError) as error:
            lines = [f"cannot be read: {words_of(error)}"]
        if lines:
            out.append("\n".join([f"## {title}", "", *lines]))
    return "\n\n".join(out)


def _workspace(entry: RosterEntry) -> list[str]:
    git = Git(entry.work_dir)
    if not os.path.exists(os.path.join(entry.work_dir, ".git")):
        # the folder of a role that has no clone of its own; the town's repository is not its workspace
        return []
    tree = status(git)
    ahead = unpushed(git)
    stashes = count_stashes(git)
    lines = [f"branch {git.branch() or '(none)'}"]
    lines += _some("changed", tree.changed, CHANGED) + _some("untracked", tree.untracked, UNTRACKED)
    lines += [f"{stashes} stash{'' if stashes == 1 else 'es'}"] if stashes else []
    lines += [f"{len(ahead)} commit{'' if len(ahead) == 1 else 's'} on no remote"] if ahead else []
    log = git.attempt("log", f"--max-count={COMMITS}", "--format=%h %s")
    return [*lines, *(f"commit {line}" for line in log.out.splitlines())]


def _some(word: str, paths: tuple[str, ...], most: int) -> list[str]:
    more = [f"and {len(paths) - most} more {word}"] if len(paths) > most else []
    return [f"{word} {path}" for path in paths[:most]] + more


def _hooked(root: str, ledger: TownLedger, entry: RosterEntry) -> list[str]:
    prefix = rig_prefix(root, entry.address.rig) if entry.address.rig else ""
    return [f"{bead.id} [{bead.status}] {bead.title}" for bead in hooked_work(ledger, entry.address, prefix)]


def _inbox(ledger: TownLedger, entry: RosterEntry) -> list[str]:
    query = BeadQuery(
        labels_all=("gt:message",),
        labels_none=("read",),
        statuses=(OPEN,),
        assignees=assignee_forms(entry.address),
        include_wisps=True,
        sort="created",
        limit=MAIL,
    )
    return [f"{bead.id} {bead.title}" for bead in ledger.store_for("hq-x").headlines(query)]


def _store_id(root: str, entry: RosterEntry) -> str:
    return f"{rig_prefix(root, entry.address.rig)}-x" if entry.address.rig else "hq-x"


def _ready(root: str, ledger: TownLedger, entry: RosterEntry, now: float) -> list[str]:
    store = ledger.store_for(_store_id(root, entry))
    return [
        f"{bead.id} P{bead.priority} {bead.title}" for bead in store.ready_excerpts(BeadQuery(limit=READY), now)[:READY]
    ]


def _in_progress(root: str, ledger: TownLedger, entry: RosterEntry) -> list[str]:
    store = ledger.store_for(_store_id(root, entry))
    found = store.excerpts(BeadQuery(statuses=(IN_PROGRESS,), sort="updated", limit=HELD))
    return [f"{bead.id} {bead.title} ({bead.assignee or 'nobody'})" for bead in found]
