"""Recovery after a killed run: the engine records an intent before it pushes; the next run finishes or drops it."""

from __future__ import annotations

import contextlib
import os
from functools import partial

from gastown_core.errors import ConflictError, GitError, SettingsError, StoreError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.files.plain import open_plain
from gastown_core.git.landed import landed_requests
from gastown_core.git.worktree import changes_nothing
from gastown_core.model.flights import flights_of
from gastown_core.model.json_text import decode_json
from gastown_core.model.merge_request import read_request
from gastown_core.model.record import Record
from gastown_core.model.refinery import HELD, IDLE
from gastown_core.process_table import lives
from gastown_core.refinery import aftermerge, claims, failure
from gastown_core.refinery.aftermerge import Landed
from gastown_core.refinery.hold import INFRASTRUCTURE, HoldError, lift
from gastown_core.refinery.merge_queue import open_requests
from gastown_core.refinery.owed_records import RECORD, keep_owed, note_killed, note_landing, owed_targets
from gastown_core.refinery.place import all_merge_locks, merge_lock, slug
from gastown_core.refinery.push import is_on
from gastown_core.refinery.pushed import note_push
from gastown_core.refinery.room import why_no_room
from gastown_core.refinery.side_work import aside
from gastown_core.refinery.stack import merge_trees
from gastown_core.refinery.state_file import read_state
from gastown_core.refinery.tips import existing, remote_heads
from gastown_core.refinery.worktrees import Worktrees, abandoned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery
    from gastown_core.refinery.records import BatchResult


class Intent(Record):
    """A push in progress: ``requests`` maps each request to the commit that it handed in."""

    batch: str
    target: str
    base: str
    head: str
    requests: dict[str, str]


def write_intent(place: Refinery, intent: Intent) -> None:
    """Write the intent durably to disk, before the push."""
    write_json(_path(place, intent.target), intent._asdict(), mode=0o600)


def note_ahead(place: Refinery, intent: Intent, result: BatchResult) -> None:
    """Note on disk what is pushed next, and how the batch is to be recorded then. Raises HoldError if that cannot be written."""
    try:
        note_landing(place, result)
        note_push(place, intent.target, intent.base, intent.head)
        write_intent(place, intent)
    except StoreError as error:
        raise HoldError(INFRASTRUCTURE, why_no_room(place) or f"{error}; {error.hint}") from error


def read_intent(place: Refinery, target: str) -> Intent | None:
    """The intent that a run left behind, None if there is none; one that cannot be read is dropped.

    What was pushed is then still found by the commits that the ledger records.
    """
    path = _path(place, target)
    try:
        found: dict[str, Any] = read_json(path) or {}
        if found:
            return Intent(**{key: found[key] for key in Intent._fields})
    except (SettingsError, KeyError):
        drop_intent(place, target)
    return None


def drop_intent(place: Refinery, target: str) -> None:
    """Delete the intent: everything that follows from the push is done, or the push did not happen."""
    # a folder in its place holds the next push, which says so
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        os.unlink(_path(place, target))


def _path(place: Refinery, target: str) -> str:
    return place.file(f"intent-{slug(target)}.json")


def recover(place: Refinery, target: str, worktrees: Worktrees) -> list[str]:
    """Repair the queue of ``target`` after a killed run; the caller holds its lock. Returns the requests found merged.

    Raises GitError if the remote cannot be reached.
    """
    worktrees.clear()
    mine = [one for one in _requests(place, target) if one.is_claimed and one.assignee == place.actor]
    if mine:
        claims.give_back(place.store, [one.id for one in mine], actor=place.actor)
    intent = read_intent(place, target)
    if intent is None and not _requests(place, target):
        return []
    tip = fetch_target(place, target)
    merged = _by_intent(place, target, tip) if intent is not None else []
    return merged + _by_record(place, target, tip)


def repair(place: Refinery) -> None:
    """Repair what killed runs left, of every target, where nothing is to be merged now: what they claimed is in the queue again.

    A target whose remote cannot be reached, or into which another process merges, is left for the next time.
    """
    found = open_requests(place.ledger, place.prefix, place.rig)
    claimed = [one.target or place.default for one in found if one.is_claimed and one.assignee == place.actor]
    for target in dict.fromkeys([*claimed, *open_intents(place), *owed_targets(place)]):
        with contextlib.suppress(ConflictError, GitError), merge_lock(place, target):
            recover(place, target, Worktrees(place.git, os.path.join(place.folder, "trees", slug(target))))
            aside(place, RECORD, partial(keep_owed, place, target), 0)


def tell_what_was_lost(place: Refinery) -> None:
    """Tell of the requests that a killed run had sent back, and of which it had told nobody; note its batches for the record."""
    state = read_state(place.path)
    if state is None or state.phase in (IDLE, HELD) or lives(state.pid, state.pid_start):
        return
    for one in flights_of(state):
        failure.tell_what_was_lost(place, one.requests, one.batch)
    # its state is lost when another engine writes its own
    aside(place, RECORD, lambda: note_killed(place, state), None)


def clear_abandoned(place: Refinery) -> None:
    """Remove what killed runs left of gate worktrees, also of targets that nothing waits for, unless anything merges now."""
    if folders := abandoned(place.path):
        # what cannot be removed is tried again with the target's next batch, which says why, and named by gt doctor
        with contextlib.suppress(ConflictError, GitError), all_merge_locks(place.path):
            for folder in folders:
                Worktrees(place.git, folder).clear()


def _requests(place: Refinery, target: str) -> list[MergeRequest]:
    found = open_requests(place.ledger, place.prefix, place.rig)
    return [one for one in found if (one.target or place.default) == target]


def fetch_target(place: Refinery, target: str) -> str:
    """The target's commit at the remote, fetched; empty if the remote has no such branch. Raises GitError."""
    tip = remote_heads(place.git).get(target, "")
    ref = f"refs/remotes/origin/{target}"
    if tip and tip in existing(place.git, [tip]):
        place.git.run("update-ref", ref, tip)
    elif tip:
        place.git.run("fetch", "--quiet", "origin", f"+refs/heads/{target}:{ref}")
    return tip


def _by_intent(place: Refinery, target: str, tip: str) -> list[str]:
    intent = read_intent(place, target)
    if intent is None:
        return []
    there = tip and intent.head in existing(place.git, [intent.head]) and is_on(place.git, intent.head, tip)
    landed = []
    if there:
        commits = landed_requests(place.git, intent.head, intent.base)
        for request_id, handed_in in intent.requests.items():
            bead = place.store.get(request_id)
            if bead is not None and not bead.is_closed:
                proof = commits.get(request_id)
                landed.append(Landed(read_request(bead), proof.commit if proof else intent.head, handed_in))
        aftermerge.finish(place, landed, batch=intent.batch, again=True)
        lift(place, target, f"{target} is green again at {intent.head[:8]}")
    drop_intent(place, target)
    return [one.request.id for one in landed]


def _by_record(place: Refinery, target: str, tip: str) -> list[str]:
    """Open requests whose recorded squash is on the target: pushed by a person, or by a run whose intent was lost."""
    waiting = [one for one in _requests(place, target) if one.landing_commit]
    if not waiting or not tip:
        return []
    have = existing(place.git, [one.landing_commit for one in waiting])
    there = [
        Landed(one, one.landing_commit, one.commit_sha)
        for one in waiting
        if one.landing_commit in have and is_on(place.git, one.landing_commit, tip)
    ]
    if there:
        aftermerge.finish(place, there, again=True)
        lift(place, target, f"{target} has them")
    return [one.request.id for one in there]


def landed_as(place: Refinery, request: MergeRequest, tip: str) -> str:
    """The commit that proves the request on the target at ``tip``: its recorded squash, its own commit, or ``tip`` itself
    if that already contains the whole change; empty if the target lacks it."""
    have = existing(place.git, [request.landing_commit, request.commit_sha])
    for commit in (request.landing_commit, request.commit_sha):
        if commit in have and is_on(place.git, commit, tip):
            return commit
    own = request.commit_sha
    if own not in have or changes_nothing(place.git, tip, own):
        return ""
    worktrees = Worktrees(place.git, os.path.join(place.folder, "trees", "note"))
    tree, _ = merge_trees(place.git, worktrees, tip, own)
    worktrees.close()
    return tip if tree == place.git.run("rev-parse", f"{tip}^{{tree}}") else ""


def open_intents(place: Refinery) -> list[str]:
    """Targets for which a run left an intent."""
    try:
        names = [name for name in os.listdir(place.folder) if name.startswith("intent-") and name.endswith(".json")]
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        try:
            with open(open_plain(os.path.join(place.folder, name)), encoding="utf-8") as handle:
                found.append(str(decode_json(handle.read())["target"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
