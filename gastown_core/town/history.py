"""What happened in a town, from all that remembers it: git, the ledgers, the event log and the town log."""

from __future__ import annotations

import os

from gastown_core.beads.query import BeadQuery
from gastown_core.errors import GastownError, UsageError, words_of
from gastown_core.events.log import DISORDER_S, events_since, log_path, newest_events
from gastown_core.events.town_log import newest_log_lines
from gastown_core.git.repo import Git
from gastown_core.model.event import describe
from gastown_core.model.record import Record
from gastown_core.town.inventory import read_inventory
from gastown_core.town.rig_register import bare_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.model.event import TownEvent

GIT, BEADS, EVENTS, TOWN_LOG = "git", "beads", "events", "townlog"
HOOK_KINDS = ("sling", "hook", "unhook", "hook_state", "done")
MOST_COMMITS = 100
_FORMAT = "%H%x00%an%x00%ae%x00%at%x00%s"


class Commit(Record):
    """A commit: hash, author, mail, author date in Unix seconds, subject."""

    hash: str
    author: str
    email: str
    at: float
    subject: str


class HistoryEntry(Record):
    """One thing that happened; ``id`` names the commit or bead, empty if there is none."""

    at: float
    source: str
    kind: str
    actor: str
    summary: str
    id: str = ""


def commits_in(folder: str, *, since: float = 0.0, limit: int = 0, mail_domain: str = "") -> list[Commit]:
    """Return the newest commits of all branches, by author date; with ``mail_domain``, of authors with such an address.

    Raises GitError if ``folder`` is not a repository.
    """
    words = ["log", "--branches", "--remotes", "--author-date-order", f"--format={_FORMAT}"]
    if since:
        words.append(f"--since={since:.0f}")
    if mail_domain:
        words += ["--fixed-strings", f"--author=@{mail_domain}>"]
    if limit:
        words.append(f"--max-count={limit}")
    found = []
    for line in Git(folder).run(*words).splitlines():
        parts = line.split("\0")
        if len(parts) == 5 and parts[3].isdigit():
            found.append(Commit(parts[0], parts[1], parts[2], float(parts[3]), parts[4]))
    return sorted(found, key=lambda commit: -commit.at)


def commits_from(
    folder: str, root: str | None, *, since: float = 0.0, limit: int = 0, mail_domain: str = ""
) -> list[Commit]:
    """Return the newest commits of the repository around ``folder``; in the town itself, those of all its rigs.

    The subject of a rig's commit then begins with the rig.  Raises UsageError outside of both.
    """
    git = Git(folder)
    top = git.attempt("rev-parse", "--show-toplevel")
    is_rig = top.code == 0 and (root is None or os.path.realpath(top.out.strip()) != os.path.realpath(root))
    if is_rig or (git.is_repository() and root is None):
        return commits_in(folder, since=since, limit=limit, mail_domain=mail_domain)
    if root is None:
        raise UsageError("this is neither a repository nor a town", folder, "run it in a clone of a rig, or in a town")
    found: list[Commit] = []
    for rig in read_inventory(root).rigs:
        bare = bare_folder(rig.path, rig.name)
        mine = commits_in(bare, since=since, limit=limit, mail_domain=mail_domain) if os.path.isdir(bare) else []
        found += [one._replace(subject=f"{rig.name}: {one.subject}") for one in mine]
    found.sort(key=lambda commit: -commit.at)
    return found[:limit] if limit else found


def newest_beads(ledger: TownLedger, *, since: float = 0.0, limit: int = 0) -> list[Excerpt]:
    """Return the beads changed last in all readable stores, newest first."""
    query = BeadQuery(sort="updated", limit=limit, updated_since=since or None)
    found = [bead for store in ledger.stores().values() for bead in store.excerpts(query)]
    found.sort(key=lambda bead: (-bead.updated_at, bead.id))
    return found[:limit] if limit else found


def hook_events(root: str, *, since: float = 0.0, limit: int = 0) -> list[TownEvent]:
    """Return the newest events of work coming to and leaving hooks, newest first."""
    found: list[TownEvent] = []
    for event in events_since(log_path(root), since):
        if event.type in HOOK_KINDS:
            found.append(event)
            if limit and len(found) >= limit:
                break
    return found


def audit(
    root: str, ledger: TownLedger, *, actor: str = "", since: float = 0.0, limit: int = 0
) -> tuple[list[HistoryEntry], dict[str, str]]:
    """Return what happened, newest first, of actors whose name contains ``actor``; and why a source could not be read.

    Of git, the newest ``MOST_COMMITS`` commits of each rig count; of beads, their creation and their end.
    """
    wanted = actor.lower()
    readers: dict[str, Callable[[], Iterable[HistoryEntry]]] = {
        GIT: lambda: _commits(root, since),
        BEADS: lambda: _beads(ledger, since),
        EVENTS: lambda: _newest(_events(root), since, wanted, limit),
        TOWN_LOG: lambda: _newest(_log(root), since, wanted, limit),
    }
    found: list[HistoryEntry] = []
    failed: dict[str, str] = dict(ledger.missing)
    for name, read in readers.items():
        try:
            found += [entry for entry in read() if entry.at >= since and wanted in entry.actor.lower()]
        except (GastownError, OSError) as error:
            failed[name] = words_of(error)
    found.sort(key=lambda entry: (-entry.at, entry.source, entry.id))
    return found[:limit] if limit else found, failed


def _commits(root: str, since: float) -> Iterator[HistoryEntry]:
    for rig in read_inventory(root).rigs:
        for commit in commits_in(bare_folder(rig.path, rig.name), since=since, limit=MOST_COMMITS):
            yield HistoryEntry(
                commit.at, GIT, "commit", commit.author, f"{rig.name}: {commit.subject}", commit.hash[:10]
            )


def _beads(ledger: TownLedger, since: float) -> Iterator[HistoryEntry]:
    for store in ledger.stores().values():
        for bead in store.find(BeadQuery(updated_since=since or None, sort="updated", limit=0 if since else 500)):
            yield HistoryEntry(
                bead.created_at, BEADS, "bead_created", str(bead.raw.get("created_by") or ""), bead.title, bead.id
            )
            if bead.closed_at:
                yield HistoryEntry(bead.closed_at, BEADS, "bead_closed", bead.assignee, bead.title, bead.id)


def _events(root: str) -> Iterator[HistoryEntry]:
    for event in newest_events(log_path(root)):
        bead = event.payload.get("bead")
        yield HistoryEntry(
            event.ts, EVENTS, event.type, event.actor, describe(event), bead if isinstance(bead, str) else ""
        )


def _log(root: str) -> Iterator[HistoryEntry]:
    for line in newest_log_lines(root):
        yield HistoryEntry(line.at, TOWN_LOG, line.kind, line.agent, line.detail)


def _newest(entries: Iterator[HistoryEntry], since: float, actor: str, limit: int) -> Iterator[HistoryEntry]:
    """Yield entries that come newest first, until they are too old or enough."""
    count = 0
    for entry in entries:
        if since and 0 < entry.at < since:
            if entry.at < since - DISORDER_S:
                return
            continue
        if actor in entry.actor.lower():
            yield entry
            count += 1
            if limit and count >= limit:
                return
