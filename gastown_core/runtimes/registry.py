"""Which runtime an agent gets: names looked up in the settings, first hit in the documented order. (signatures first)"""

from __future__ import annotations

from collections import namedtuple

from gastown_core.runtimes.preset import Preset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple

    class Resolution(NamedTuple):
        """What was chosen: ``alias`` as named in the settings, the preset, where it was named, and warnings on the way."""

        alias: str
        preset: Preset
        source: str
        warnings: tuple[str, ...]
else:
    Resolution = namedtuple("Resolution", "alias preset source warnings")


def find_preset(name: str, registries: Sequence[Mapping[str, Any]]) -> Preset | None:
    """The preset called ``name``: first of ``registries`` (``agents`` mappings, nearest first) that has it, else built-in."""
    raise NotImplementedError


def resolve(
    role: str,
    worker_name: str = "",
    override: str = "",
    rig_settings: Mapping[str, Any] | None = None,
    town_settings: Mapping[str, Any] | None = None,
    rig_agents: Mapping[str, Any] | None = None,
    town_agents: Mapping[str, Any] | None = None,
) -> Resolution:
    """The runtime of an agent.

    ``rig_settings``/``town_settings`` are the two ``settings/config.json`` objects, ``rig_agents``/``town_agents`` the
    two ``settings/agents.json`` objects.  Raises UsageError with near matches if ``override`` is unknown.
    """
    raise NotImplementedError


def all_presets(
    rig_settings: Mapping[str, Any] | None = None,
    town_settings: Mapping[str, Any] | None = None,
    rig_agents: Mapping[str, Any] | None = None,
    town_agents: Mapping[str, Any] | None = None,
) -> list[Preset]:
    """Every preset known there, built-ins first, each name once (an override replaces its built-in)."""
    raise NotImplementedError


def parse_command(command: str, name: str) -> dict[str, Any]:
    """The ``agents`` entry for ``gt config agent set NAME "COMMAND"``: command and args split as a shell would.

    Raises UsageError for an empty command or an unclosed quote.
    """
    raise NotImplementedError
