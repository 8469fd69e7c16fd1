"""Checks for rigs whose ``gt rig add`` was interrupted."""

from __future__ import annotations

from gastown_core.doctor.check import Check, Finding
from gastown_core.town.rigs import interrupted_rigs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place


class RigsCheck(Check):
    """Rigs whose adding was interrupted."""

    name = "rigs"
    about = "no rig was left half added"

    def detect(self, place: Place) -> list[Finding]:
        """Return the folders that an interrupted ``gt rig add`` left."""
        return [
            Finding(
                self.name,
                f"{name} is half a rig",
                "gt rig add was killed before it was done",
                f"gt rig add {name} URL starts anew and removes what was left",
                (name,),
            )
            for name in interrupted_rigs(place.root)
        ]


CHECKS = [RigsCheck()]
