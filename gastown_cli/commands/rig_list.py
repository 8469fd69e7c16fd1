"""``gt rig list``: the town's rigs."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.errors import TmuxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import Inventory, RigEntry

ORDER = ("operational", "partial", "stopped", "unknown", "parked", "docked")


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt rig list``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """List rigs with the sessions of their standing agents and how many workers they have."""
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.liveness import live_sessions

    root = context.town()
    inventory = read_inventory(root)
    try:
        sessions = live_sessions(root)
        known = True
    except TmuxError as error:
        # a question without an answer is no "stopped"
        output.note(f"note: {error}")
        sessions, known = None, False
    rows = sorted(
        (_row(inventory, rig, sessions, known) for rig in inventory.rigs), key=lambda r: ORDER.index(str(r["status"]))
    )
    if args.json:
        output.say_json(rows)
    elif not rows:
        output.say("no rigs yet; gt rig add NAME URL takes one in")
    else:
        keys = ("name", "beads_prefix", "status", "witness", "refinery", "polecats", "crew")
        header = ("RIG", "PREFIX", "STATUS", "WITNESS", "REFINERY", "POLECATS", "CREW")
        output.say(output.table([[str(row[key]) for key in keys] for row in rows], header=header, right=(5, 6)))
    return 0


def _row(inventory: Inventory, rig: RigEntry, sessions: frozenset[str] | None, known: bool) -> dict[str, object]:
    mine = [entry for entry in inventory.agents if entry.address.rig == rig.name]
    standing = {e.address.role: e.session for e in mine if e.address.role in ("witness", "refinery")}
    up = {role: sessions is not None and session in sessions for role, session in standing.items()}
    status = rig.state
    if status == "operational" and not known:
        status = "unknown"
    elif status == "operational":
        status = "operational" if all(up.values()) else "partial" if any(up.values()) else "stopped"
    return {
        "name": rig.name,
        "beads_prefix": rig.prefix,
        "status": status,
        "witness": _word(up["witness"], known),
        "refinery": _word(up["refinery"], known),
        "polecats": sum(1 for entry in mine if entry.address.role == "polecat"),
        "crew": sum(1 for entry in mine if entry.address.role == "crew"),
    }


def _word(is_up: bool, known: bool) -> str:
    if not known:
        return "unknown"
    return "running" if is_up else "stopped"
