"""Which runtime an agent gets, by the settings of town and rig."""

from __future__ import annotations

from gastown_core.town.settings import load_agents, load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.address import Address
    from gastown_core.runtimes.registry import Resolution


def choose_runtime(root: str, address: Address, override: str = "") -> Resolution:
    """Return an agent's runtime by the settings. Raises UsageError if ``override`` is unknown."""
    from gastown_core.runtimes.registry import resolve

    rig = address.rig
    return resolve(
        address.role,
        worker_name=address.name,
        override=override,
        rig_settings=load_settings(root, "rig", rig).value if rig else None,
        town_settings=load_settings(root).value,
        rig_agents=load_agents(root, rig) if rig else None,
        town_agents=load_agents(root),
    )
