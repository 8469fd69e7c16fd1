"""Checks that the town's registers and settings can be read and are valid."""

from __future__ import annotations

import os

from gastown_core.doctor.check import Check, Finding
from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.town.inventory import survey
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.doctor.checked_town import Place

DEFAULTS = "the defaults count meanwhile"


class SettingsCheck(Check):
    """Registers and settings of the town and its rigs."""

    name = "settings"
    about = "registers and settings are readable and right"

    def detect(self, place: Place) -> list[Finding]:
        """Return each file that cannot be read, and each wrong value."""
        root = place.root
        inventory = survey(root)
        found = [Finding(self.name, fault, DEFAULTS, "mend the file that is named") for fault in inventory.faults]
        found += _shapes(root)
        scopes = [
            ("town", ""),
            ("daemon", ""),
            *(("rig", rig.name) for rig in inventory.rigs if place.covers(rig.name)),
        ]
        for scope, rig in scopes:
            about = (rig,) if rig else ()
            try:
                settings = load_settings(root, scope, rig)
            except GastownError as error:
                found.append(_finding(error, about))
                continue
            remedy = f"gt config set KEY VALUE{f' --rig {rig}' if rig else ''}"
            for problem in settings.problems():
                found.append(Finding(self.name, f"{problem} ({settings.path})", DEFAULTS, remedy, about))
        readers: list[Callable[[], object]] = [lambda: _routes(root), lambda: _answers(root)]
        for read in readers:
            try:
                read()
            except GastownError as error:
                found.append(_finding(error))
        return found


SHAPES = (("rigs.json", "rigs"), ("daemon.json", "patrols"))
"""Registers in ``mayor/``, each with its part that must be an object."""


def _shapes(root: str) -> list[Finding]:
    """Return registers that are JSON of another form than the town reads."""
    found = []
    for name, key in SHAPES:
        path = os.path.join(root, "mayor", name)
        try:
            part = (read_json(path) or {}).get(key, {})
        except GastownError as error:
            found.append(_finding(error))
            continue
        if not isinstance(part, dict):
            found.append(Finding(SettingsCheck.name, f"{key} in {path} is not an object", DEFAULTS, "mend that file"))
    return found


def _finding(error: GastownError, about: tuple[str, ...] = ()) -> Finding:
    return Finding(SettingsCheck.name, error.what, error.why or DEFAULTS, error.hint or "mend the file", about)


def _routes(root: str) -> None:
    from gastown_core.messaging.escalation_routes import load_routes

    load_routes(root)


def _answers(root: str) -> None:
    from gastown_core.messaging.standing_answers import rules_of

    rules_of(root)


CHECKS = [SettingsCheck()]
