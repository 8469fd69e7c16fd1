"""Quarantine: a test that keeps changing its mind may be red without blame for some days, and has an issue of its own.

It goes on running.  The quarantine ends with its time, or when the issue is closed; afterwards the test's history begins
anew.  A test that is not on the target yet is never put in.
"""

from __future__ import annotations

import contextlib

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import format_local
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.model.bead import CLOSED
from gastown_core.model.refinery import QuarantinedTest
from gastown_core.refinery.flaky_tests import FLIPS, quarantine, read_tests, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.refinery.flaky_tests import FlakyTest
    from gastown_core.refinery.place import Refinery

LABEL = "gt:flaky-test"


def review(place: Refinery) -> list[QuarantinedTest]:
    """End the quarantines that are over, and begin those that the ledger of tests asks for; which there are then.

    No fault of it stops a merge.
    """
    with contextlib.suppress(GastownError, OSError):
        now, found = place.clock.now(), read_tests(place.path)
        kept = [one for one in found if one.until]
        beads = place.store.get_many(one.bead for one in kept if one.bead)
        for one in kept:
            bead = beads.get(one.bead)
            is_solved = bead is None or bead.is_closed
            if is_solved or one.until <= now:
                _end(place, one, f"{one.bead} is closed" if is_solved else "its time is over")
        for one in found:
            if not one.until and _is_wanted(place, one):
                _begin(place, one)
    return [QuarantinedTest(one.test, one.gate, one.until, one.bead) for one in read_tests(place.path) if one.until]


def _is_wanted(place: Refinery, one: FlakyTest) -> bool:
    return place.policy.quarantine_s > 0 and one.changed >= FLIPS and not one.is_new


def _begin(place: Refinery, one: FlakyTest) -> None:
    now = place.clock.now()
    until = now + place.policy.quarantine_s
    bead = _issue(place, one, until)
    quarantine(place.path, one._replace(since=now, until=until, bead=bead))
    said = {**_names(place, one, bead), "until": until, "reason": f"changed its mind on {one.changed} trees"}
    append_event(place.root, "test_quarantined", place.actor, said, clock=place.clock)


def _end(place: Refinery, one: FlakyTest, why: str) -> None:
    release(place.path, one.gate, one.test, place.clock.now())
    payload = {**_names(place, one, one.bead), "reason": why}
    append_event(place.root, "test_released", place.actor, payload, clock=place.clock)


def _names(place: Refinery, one: FlakyTest, bead: str) -> dict[str, object]:
    return {"rig": place.rig, "gate": one.gate, "test": one.test, "bead": bead}


def _issue(place: Refinery, one: FlakyTest, until: float) -> str:
    """The open issue of the test, made where there is none."""
    title = f"Flaky test: {one.test}"
    query = BeadQuery(labels_all=(LABEL,), exclude_statuses=(CLOSED,))
    with place.store.write(place.actor) as batch:
        known = next((bead.id for bead in place.store.find(query) if bead.title == title), "")
        if known:
            return known
        lines = [
            f"{one.test} of gate {one.gate} was red and green on the same tree, on {one.changed} trees:",
            f"{one.reds} of {one.runs} runs were red by chance.",
            "",
            f"Until {format_local(until)} it may be red without blame. Mend it and close this: then it counts again.",
        ]
        fields = {
            "title": title,
            "description": "\n".join(lines),
            "issue_type": "bug",
            "priority": 2,
            "labels": [LABEL],
        }
        return batch.create(fields).id
