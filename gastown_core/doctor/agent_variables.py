"""Checks that agents get the present variables; a tmux server keeps those it was started with."""

from __future__ import annotations

from gastown_core.doctor.check import Check, Finding
from gastown_core.doctor.checked_town import Place
from gastown_core.runtimes.readiness import readiness_of


class VariablesCheck(Check):
    """The variables of the town's runtimes, here and in the tmux server."""

    name = "variables"
    about = "agents get the variables that are set here"

    def detect(self, place: Place) -> list[Finding]:
        """Return the variables that differ, without their values; none if no server runs."""
        if not place.server_env:
            return []
        concerned: dict[str, dict[str, None]] = {}
        for seat in place.starts():
            for name in readiness_of(seat.preset.screens).variables:
                if name not in seat.preset.env and place.own_env.get(name, "") != place.server_env.get(name, ""):
                    concerned.setdefault(name, {})[seat.label] = None
        return [_finding(place, name, tuple(agents)) for name, agents in concerned.items()]


def _finding(place: Place, name: str, agents: tuple[str, ...]) -> Finding:
    if name not in place.server_env:
        what = f"{name} is set here and does not reach agents"
    elif name not in place.own_env:
        what = f"{name} is not set here and still reaches agents"
    else:
        what = f"{name} has another value here than the one that agents get"
    return Finding(
        VariablesCheck.name,
        what,
        "the town's tmux server gives its sessions the variables that it was started with",
        "gt down && gt up, in a shell with the variables that agents are to have",
        agents,
    )


CHECKS = [VariablesCheck()]
