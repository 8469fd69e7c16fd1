"""Whether agents can start without a person: program, log-in, key, trust, bypassed permissions, root, set-up, hooks.

Each kind of obstacle is a check.  A fix is offered for set-up flags, and for the trust in folders that the town made.
"""

from __future__ import annotations

import os

from gastown_core.doctor.check import Check, Edit, Finding
from gastown_core.doctor.checked_town import Place, Seat
from gastown_core.runtimes.readiness.obstacle import BYPASS, KEY, LOGIN, PROGRAM, REVIEW, ROOT, SETUP, TRUST, Obstacle

ABOUT = {
    PROGRAM: "the programs of the town's runtimes are installed and new enough",
    SETUP: "their first-run set-up is done and their settings can be read",
    LOGIN: "they are logged in",
    KEY: "the key in the environment is approved",
    ROOT: "they accept the user they run as",
    BYPASS: "bypassed permissions are accepted",
    TRUST: "the folders of the town are trusted",
    REVIEW: "no hook waits for a review",
}

MENDS = {
    SETUP: "sets the flags of the first run",
    BYPASS: "accepts bypassed permissions",
    TRUST: "trusts folders that the town made",
}
"""What ``--fix`` writes into the programs' settings, after it has shown it."""


class StartCheck(Check):
    """One kind of obstacle, over all agents of the town."""

    def __init__(self, name: str) -> None:
        self.name, self.about, self.mends = name, ABOUT[name], MENDS.get(name, "")

    def detect(self, place: Place) -> list[Finding]:
        """Return each obstacle of this kind once, with the agents that it stops."""
        merged: dict[str, Finding] = {}
        for seat, found in place.obstacles():
            if found.kind != self.name:
                continue
            known = merged.get(found.what)
            if known is None:
                merged[found.what] = _finding(place.root, found, seat)
            elif seat.label not in known.about:
                merged[found.what] = known._replace(about=(*known.about, seat.label))
        return list(merged.values())


def _finding(root: str, found: Obstacle, seat: Seat) -> Finding:
    edit, agent = found.edit, seat.label
    if edit is not None and edit.folder and not _is_ours(root, edit.folder):
        remedy = found.remedy.partition(", or gt doctor agents --fix")[0]
        return Finding(
            found.kind, found.what, found.why, f"{remedy} (the folder is not of this town's making)", (agent,)
        )
    # there is no folder yet to start it in by hand
    waits = seat.to_come and edit is not None and edit.folder
    return Finding(
        found.kind,
        found.what,
        found.why,
        "gt doctor agents --fix, or answer it when it asks" if waits else found.remedy,
        (agent,),
        Edit(edit.path, edit.change) if edit is not None else None,
    )


def _is_ours(root: str, folder: str) -> bool:
    """Return whether the folder is the town's or inside it."""
    top = os.path.realpath(root)
    return folder == top or folder.startswith(top + os.sep)


CHECKS = [StartCheck(name) for name in ABOUT]
