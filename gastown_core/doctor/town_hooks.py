"""Checks the agents' hook files; settings that a user added to them are not reported."""

from __future__ import annotations

from gastown_core.doctor.check import Check, Finding
from gastown_core.town.hook_files import install
from gastown_core.town.hook_states import BLOCKED, DAMAGED, out_of_step
from gastown_core.town.liveness import live_sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place, Seat

WHY = "the program tells less of itself: its state is read from its screen"


class HooksCheck(Check):
    """The hook files of the town's agents."""

    name = "hooks"
    about = "hook files are in step"
    mends = "writes the hook files that are missing, older or damaged"

    def __init__(self) -> None:
        self._seats: dict[str, Seat] = {}

    def detect(self, place: Place) -> list[Finding]:
        """Return changed or damaged files; those that the next start rewrites count only while the agent runs."""
        found = []
        live = live_sessions(place.root) or ()
        for seat in place.seats():
            if seat.entry.address.rig and not place.covers(seat.entry.address.rig):
                continue
            for one in out_of_step(place.root, seat.entry, seat.preset, runs=seat.entry.session in live):
                key = f"{one.agent} {one.runtime}"
                self._seats[key] = seat
                can_mend = one.state not in (DAMAGED, BLOCKED)
                remedy = "gt hooks sync" if can_mend else "gt hooks repair" if one.state == DAMAGED else "gt hooks diff"
                what = f"{one.path} of {one.agent} is {one.state}"
                found.append(
                    Finding(self.name, what, one.why or WHY, remedy, (one.agent,), act=key if can_mend else "")
                )
        return found

    def acts(self, findings: list[Finding]) -> list[str]:
        """Name the agents whose files would be written."""
        return [f"write the hook files of {key}" for key in dict.fromkeys(one.act for one in findings if one.act)]

    def fix(self, findings: list[Finding], root: str = "") -> list[str]:
        """Write the files; return what could not be."""
        left = []
        for key in dict.fromkeys(one.act for one in findings if one.act):
            seat = self._seats[key]
            left += install(root, seat.entry, seat.preset)
        return left


CHECKS = [HooksCheck()]
