"""The daemon's look at questions that a standing answer is meant for; without rules it looks at nothing."""

from __future__ import annotations

from gastown_core.messaging.standing_answers import apply_rules, rules_of
from gastown_core.tmux.socket import has_tmux, socket_name
from gastown_core.town.inventory import read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.daemon.duty import Shift
    from gastown_core.messaging.standing_answers import Rule
    from gastown_core.runtimes.screen import ScreenReading
    from gastown_core.town.inventory import Inventory, RosterEntry


def apply_standing_answers(shift: Shift) -> str:
    """Answer the questions that the settings answer; return what was done. Raises SettingsError, TmuxError."""
    inventory = read_inventory(shift.root)
    rules = {rig: rules_of(shift.root, rig) for rig in ("", *(rig.name for rig in inventory.rigs))}
    if not any(rules.values()) or not has_tmux():
        return ""
    screens = _screens(shift.root, inventory, rules)
    return "; ".join(apply_rules(shift.root, rules, screens, actor="daemon", clock=shift.clock))


def _screens(
    root: str, inventory: Inventory, rules: dict[str, list[Rule]]
) -> Iterator[tuple[RosterEntry, str, int, ScreenReading]]:
    """Yield the readings of agents whose runtime a rule names; their screens are captured by one call."""
    from gastown_core.runtimes.screen import read_screen
    from gastown_core.tmux.panes import capture_panes, list_panes
    from gastown_core.tmux.server import nearest_server

    server = nearest_server(socket_name(root))
    panes = list_panes(server)
    wanted = {
        entry.session: entry
        for entry in inventory.agents
        if (pane := panes.get(entry.session)) is not None
        and not pane.dead
        and any(rule.runtime == pane.runtime for rule in rules.get(entry.address.rig, ()))
    }
    captured = capture_panes(server, [panes[session] for session in wanted]) if wanted else {}
    for session, entry in wanted.items():
        pane = panes[session]
        if pane.pane_id in captured:
            yield entry, pane.runtime, pane.pid, read_screen(pane.runtime, captured[pane.pane_id], pane.title)
