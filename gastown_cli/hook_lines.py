"""Hooks on the terminal."""

from __future__ import annotations

from gastown_cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.town.inventory import RosterEntry


def show(root: str, entry: RosterEntry, *, as_json: bool) -> int:
    """One hook with the text of its work."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.hook.view import hook_as_json, look_at_hook

    ledger = TownLedger(root)
    view = look_at_hook(root, ledger, entry, live=_live(root))
    if as_json:
        output.say_json(hook_as_json(view, ledger))
        return 0
    first = view.first
    state = output.style(f"  hook {view.state}", "dim") if view.state else ""
    if first is None:
        output.say(f"nothing is on the hook of {entry.address.short}{state}")
        return 0
    output.say(f"{first.id} [{first.status}] {output.clean(first.title)}{state}")
    told = hook_as_json(view, ledger)
    if told["attached_formula"]:
        output.say(output.style(f"with {output.clean(str(told['attached_formula']))}{_steps(told)}", "dim"))
    if first.description:
        output.say()
        output.say("\n".join(f"  {line}".rstrip() for line in output.clean_lines(first.description)))
    for other in view.work[1:]:
        output.say(f"also: {other.id} [{other.status}] {output.clean(other.title)}")
    return 0


def _steps(told: dict[str, Any]) -> str:
    seen = told["progress"]
    return f", {seen['completed']} of {seen['total']} steps done" if seen and "completed" in seen else ""


def _live(root: str) -> frozenset[str] | None:
    from gastown_core.town.liveness import live_sessions

    return live_sessions(root)
