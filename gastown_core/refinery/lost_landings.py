"""Landed work that is no longer on its target, since somebody pushed the target back or rewrote it.

The ledger says that it is merged and its beads are closed, so nobody would look for it: a person is told once of each landing,
and the commits get rescue refs, without which git would delete them some day.
"""

from __future__ import annotations

import contextlib
import os

from gastown_core.errors import SettingsError
from gastown_core.files.atomic import read_json, write_json
from gastown_core.git.worktree import RESCUE
from gastown_core.messaging.escalation import escalate, settle
from gastown_core.model.merge_request import MERGED, read_request
from gastown_core.refinery.place import note_name
from gastown_core.refinery.records import recent
from gastown_core.refinery.recovery import landed_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.model.merge_request import MergeRequest
    from gastown_core.refinery.place import Refinery

LOOK_BACK = 50
"""Among how many of the rig's last batches they are looked for."""
NAMED = 8
"""How many of them the alarm names."""


def tell_lost(place: Refinery, target: str) -> int:
    """Tell a person which landings the target lacks as it was fetched, how many; the alarm ends when it has all of them again.

    Raises GitError, StoreError.
    """
    tip = place.git.commit_of(f"refs/remotes/origin/{target}")
    landings = {one.head: one.merged for one in recent(place.path, LOOK_BACK) if one.target == target and one.head}
    gone = _not_on(place, tip, landings) if tip and landings else set()
    told = _told(place, target)
    if not gone:
        if told:
            settle(
                place.root,
                place.ledger,
                _key(place, target),
                f"{target} has them again",
                actor=place.actor,
                clock=place.clock,
            )
            os.unlink(_note(place, target))
        return 0
    ids = [one for head, merged in landings.items() if head in gone for one in merged if one not in told]
    lost = _lost(place, ids, tip)
    if lost:
        for head in gone.intersection(landings):
            place.git.run("update-ref", f"{RESCUE}/landed/{head[:12]}", head)
        _tell(place, target, lost, tip)
    if ids:
        # also those that are there in another form: each was looked for once, which takes some git calls
        write_json(_note(place, target), {"target": target, "told": [*told, *ids]}, mode=0o600)
    return len(lost)


def _not_on(place: Refinery, tip: str, heads: Iterable[str]) -> set[str]:
    """The commits that these heads have and ``tip`` lacks, in one git call."""
    said = place.git.run("rev-list", "--ignore-missing", "--max-count=2000", *heads, f"^{tip}")
    return set(said.split())


def _lost(place: Refinery, ids: list[str], tip: str) -> list[MergeRequest]:
    """Those of the requests that count as merged, and whose change the target lacks in any form."""
    found = map(read_request, place.store.get_many(ids).values())
    return [one for one in found if one.close_reason == MERGED and not landed_as(place, one, tip)]


def _tell(place: Refinery, target: str, lost: list[MergeRequest], tip: str) -> None:
    named = [f"{one.id} ({one.source_issue}, commit {(one.landing_commit or one.merge_commit)[:12]})" for one in lost]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    count = f"{len(lost)} landed request{' is' if len(lost) == 1 else 's are'}"
    escalate(
        place.root,
        place.ledger,
        "high",
        f"{place.rig}: {count} no longer on {target}",
        sender=place.actor,
        reason=f"somebody pushed {target} back or rewrote it (it is at {tip[:12]}), and the work of these is closed as merged: "
        f"{', '.join(named[:NAMED])}{more}. Put it back with git cherry-pick COMMIT on {target}, or open it again with bd reopen BEAD; "
        f"the commits are kept in the rig's repository below {RESCUE}/landed",
        about=place.rig,
        key=_key(place, target),
        clock=place.clock,
    )


def _key(place: Refinery, target: str) -> str:
    return f"lost-landings:{place.rig}:{target}"


def _note(place: Refinery, target: str) -> str:
    return place.file(note_name("lost", target))


def _told(place: Refinery, target: str) -> list[str]:
    """The requests that were looked for, of which a person was told if they are gone."""
    with contextlib.suppress(SettingsError):
        told = (read_json(_note(place, target)) or {}).get("told")
        return [str(one) for one in told] if isinstance(told, list) else []
    return []
