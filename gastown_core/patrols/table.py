"""THE table of patrols: which there are in a town, by what limits they judge, and who acts on what they find."""

from __future__ import annotations

from gastown_core.model.address import DEACON, WITNESS
from gastown_core.model.record import Record
from gastown_core.model.states import RigState
from gastown_core.patrols import dam, deacon, dogs, witness
from gastown_core.patrols.patrol import CODE, OFF, Limits, Patrol
from gastown_core.town.inventory import read_inventory
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.town.settings import Settings


class PatrolRow(Record):
    """A patrol with the mode that the settings give it, and why it is off."""

    patrol: Patrol
    mode: str
    why_off: str = ""


TOWN = (
    Patrol("dam", "dam", "ready work that nothing moves on, and why", dam.look),
    Patrol(DEACON, DEACON, "standing agents, shared causes, deaths, stranded convoys", deacon.look),
    Patrol(
        "dogs", "dogs", "dogs that died, hang or idle; chores: copies of the ledgers, git", dogs.look, period_s=60.0
    ),
)
"""The patrols of the town as a whole; each rig has a witness besides."""


def patrols_of(root: str) -> list[PatrolRow]:
    """Return the town's patrols, those that are off too. Raises SettingsError if a settings file is no JSON."""
    settings, daemon = load_settings(root), load_settings(root, "daemon")
    rows = [_row(patrol, settings, daemon) for patrol in TOWN]
    for rig in read_inventory(root).rigs:
        patrol = Patrol(f"{WITNESS}:{rig.name}", WITNESS, "workers of the rig", witness.look, rig.name)
        closed = f"the rig is {rig.state}" if rig.state != RigState.OPERATIONAL else ""
        rows.append(_row(patrol, settings, daemon, closed))
    return rows


def _row(patrol: Patrol, settings: Settings, daemon: Settings, closed: str = "") -> PatrolRow:
    mode = str(settings.lenient(f"patrols.{patrol.role}.mode"))
    why = closed
    only = daemon.lenient(f"patrols.{patrol.role}.rigs")
    if {patrol.name, patrol.role} & set(settings.lenient("disabled_patrols")):
        why = "disabled_patrols of settings/config.json names it"
    elif not daemon.lenient(f"patrols.{patrol.role}.enabled"):
        why = f"patrols.{patrol.role}.enabled of mayor/daemon.json is false"
    elif patrol.rig and only and patrol.rig not in only:
        why = f"patrols.{patrol.role}.rigs of mayor/daemon.json leaves it out"
    elif mode == OFF:
        why = f"patrols.{patrol.role}.mode is off"
    period = settings.seconds(f"patrols.{patrol.role}.period") or patrol.period_s
    return PatrolRow(patrol._replace(period_s=period), OFF if why else mode or CODE, why)


def read_limits(root: str) -> Limits:
    """Return the limits of the settings; a wrong value counts as unset. Raises SettingsError if the file is no JSON."""
    settings = load_settings(root)
    seconds = settings.seconds
    return Limits(
        stopped_short_s=seconds("patrols.witness.stopped_short"),
        patience_s=seconds("patrols.witness.patience"),
        ladder_s=seconds("patrols.witness.ladder"),
        idle_session_s=seconds("operational.daemon.polecat_idle_session"),
        orphan_s=seconds("patrols.witness.orphaned_hook"),
        restart_first_s=seconds("patrols.restart.first"),
        restart_longest_s=seconds("patrols.restart.longest"),
        restart_most=int(settings.lenient("patrols.restart.most")),
        restart_window_s=seconds("patrols.restart.window"),
        half_open_s=seconds("patrols.restart.held_retry"),
        mass_count=int(settings.lenient("operational.daemon.mass_death_count")),
        mass_window_s=seconds("operational.daemon.mass_death_window"),
        convoy_cooldown_s=seconds("patrols.deacon.convoy_cooldown"),
        untold_s=seconds("patrols.deacon.untold"),
        dam_escalate_s=seconds("dam.escalate"),
        dog_silent_s=seconds("operational.daemon.stale_working"),
        dog_idle_s=seconds("operational.daemon.dog_idle_session"),
        dog_remove_s=seconds("operational.daemon.dog_remove"),
        dog_pool=int(settings.lenient("operational.daemon.dog_pool")),
    )
