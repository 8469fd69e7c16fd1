"""``gt rig``: add and list rigs."""

from __future__ import annotations

import sys

from gastown_cli import context, output, who
from gastown_core.errors import TmuxError
from gastown_core.model.states import RigState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import Inventory, RigEntry


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig add``."""
    parser.add_argument("name", help="name of the rig: letters, digits and _")
    parser.add_argument("url", help="https, ssh or file URL, user@host:path, or a folder")
    parser.add_argument("--prefix", default="", help="prefix of its bead ids (default: from the name)")
    parser.add_argument("--branch", default="", help="default branch (default: the remote's)")
    parser.add_argument("--push-url", default="", help="repository to push merges to; work starts from it")
    parser.add_argument(
        "--mirror",
        action="store_true",
        help="push merges to a bare mirror of the folder, which shows them under refs/remotes/town",
    )
    parser.add_argument("--upstream-url", default="", help="repository that it was forked from")
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Clone a repository as a rig, showing progress on a terminal."""
    from gastown_core.town.rigs import add_rig

    root = context.town()
    progress = progress_line if sys.stderr.isatty() else lambda line: None
    rig = add_rig(
        root,
        args.name,
        args.url,
        prefix=args.prefix,
        branch=args.branch,
        push_url=args.push_url,
        upstream_url=args.upstream_url,
        mirror=args.mirror,
        actor=who.acting(root),
        progress=progress,
    )
    if sys.stderr.isatty():
        progress_line("")
    if args.json:
        output.say_json(rig._asdict())
        return 0
    output.say(
        f"{output.style('✓', 'green')} added rig {rig.name}, branch "
        f"{output.clean(rig.branch)}, bead prefix {rig.prefix}-"
    )
    for warning in rig.warnings:
        output.note(f"note: {output.clean(warning)}")
    output.say(f"  next: gt crew add YOU --rig {rig.name}, or bd create in {rig.path}")
    return 0


def progress_line(line: str) -> None:
    """Write git's progress to stderr, over the previous line."""
    sys.stderr.write("\r\x1b[K" + output.shorten(output.clean(line), 78))
    sys.stderr.flush()


ORDER = (RigState.OPERATIONAL, "partial", "stopped", "unknown", RigState.PARKED, RigState.DOCKED)


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt rig list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List rigs with the sessions of witness and refinery, and the number of polecats and crew."""
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
        output.say("no rigs yet; next: gt rig add NAME URL")
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
    if status == RigState.OPERATIONAL and not known:
        status = "unknown"
    elif status == RigState.OPERATIONAL:
        status = RigState.OPERATIONAL if all(up.values()) else "partial" if any(up.values()) else "stopped"
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
