"""``bd gate``: create, list, check and resolve gates."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import issue_object, one_line, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style, table
from gastown_core.model.bead import BLOCKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
    from gastown_core.molecules.gates import GateCheck


def gate(space: Workspace, text: str) -> tuple[BeadStore, Bead]:
    """Return the store and the gate of an id. Raises NotFoundError, or UsageError if it is not a gate."""
    from gastown_core.molecules.gates import need_gate

    store, bead_id = space.locate(text)
    return store, need_gate(store.get(bead_id), bead_id)


def held_by(store: BeadStore, bead: Bead) -> list[str]:
    """Return the ids of beads that the gate blocks."""
    return [source for source, kind in store.dependents(bead.id) if kind == BLOCKS]


def gate_json(store: BeadStore, bead: Bead) -> dict[str, object]:
    """Return the gate as ``--json`` prints it."""
    return {**issue_object(bead), "blocks": held_by(store, bead)}


def gate_row(store: BeadStore, bead: Bead) -> list[str]:
    """Return the gate's columns in a list."""
    from gastown_core.molecules.gates import timeout_text

    kind = bead.text("await_type") or "?"
    what = " ".join(word for word in (bead.text("await_id"), timeout_text(bead)) if word)
    sign = style("●", "green") if bead.is_closed else style("⊘", "red")
    held = held_by(store, bead)
    return [
        f"{sign} {clean(bead.id)}",
        clean(kind),
        clean(what),
        f"blocks {clean(', '.join(held[:3]))}" if held else "",
    ]


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd gate list``."""
    parser.add_argument("-a", "--all", action="store_true", help="include resolved gates")
    parser.add_argument(
        "-n", "--limit", type=int, default=50, metavar="N", help="maximum number of gates (default 50, 0 for all)"
    )
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List gates, oldest first."""
    from gastown_core.molecules.gates import open_gates

    space = Workspace(args)
    found = open_gates(space.store, closed=args.all, limit=args.limit)
    if space.as_json:
        say_array([gate_json(space.store, bead) for bead in found])
    elif found:
        say(table([gate_row(space.store, bead) for bead in found]))
    else:
        say("no pending gates")
    return 0


def create_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd gate create``."""
    from gastown_core.molecules.gates import TYPES

    parser.add_argument("--blocks", required=True, metavar="ID", help="bead to block")
    parser.add_argument("-t", "--type", default="human", help=f"what it waits for: {', '.join(TYPES)} (default human)")
    parser.add_argument("-r", "--reason", default="", help="reason for the gate")
    parser.add_argument("--await-id", default="", help="bead, sender, run, workflow or pull request to wait for")
    parser.add_argument("--timeout", default="", metavar="SPAN", help="timer: how long to wait, such as 2h")
    add_globals(parser)


def run_create(args: Namespace) -> int:
    """Create a gate that blocks a bead, in one write."""
    from gastown_core.molecules.gates import create

    space = Workspace(args)
    store, held = space.locate(args.blocks)
    made = create(
        store,
        held,
        args.type,
        actor=space.actor,
        reason=args.reason,
        await_id=args.await_id,
        timeout=args.timeout,
    )
    space.tell_all([(None, made)])
    space.touched(store, made.id)
    if space.as_json:
        say_object(gate_json(store, made))
    else:
        say(f"{style('✓', 'green')} created {clean(made.id)} ({clean(args.type)}); it blocks {clean(held)}")
        if args.type == "human":
            say(style(f"next: bd gate resolve {clean(made.id)} opens it", "dim"))
    return 0


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd gate show``."""
    parser.add_argument("gate", help="id of the gate")
    add_globals(parser)


def run_show(args: Namespace) -> int:
    """Show one gate."""
    from gastown_core.molecules.gates import timeout_text, waiters

    space = Workspace(args)
    store, bead = gate(space, args.gate)
    if space.as_json:
        say_object(gate_json(store, bead))
        return 0
    say(f"{style(clean(bead.id), 'bold')} [{bead.status}] {one_line(bead.title)}")
    rows = {
        "waits for": f"{bead.text('await_type')} {bead.text('await_id')}".strip(),
        "until": timeout_text(bead),
        "holds": ", ".join(held_by(store, bead)),
        "waiters": ", ".join(waiters(bead)),
        "reason": bead.text("close_reason") or one_line(bead.description),
    }
    say(table([[name, clean(value)] for name, value in rows.items() if value]))
    return 0


def resolve_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd gate resolve``."""
    parser.add_argument("gate", help="id of the gate")
    parser.add_argument("-r", "--reason", default="", help="reason to record")
    add_globals(parser)


def run_resolve(args: Namespace) -> int:
    """Open a gate by hand and show what it blocked."""
    from gastown_core.molecules.gates import resolve, waiters

    space = Workspace(args)
    store, bead = gate(space, args.gate)
    done = resolve(store, bead.id, actor=space.actor, reason=args.reason)
    space.tell_all([(bead, done)] if not bead.is_closed else [], args.reason)
    if space.as_json:
        say_object({**gate_json(store, done), "waiters": waiters(done)})
        return 0
    say(f"{style('✓', 'green')} {clean(done.id)} is open")
    for held in held_by(store, done):
        state = "ready" if not store.graph(space.now()).blockers(held) else "is still blocked by something else"
        say(f"  {clean(held)} {state}")
    return 0


def check_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd gate check``."""
    from gastown_core.molecules.gates import JUDGES

    parser.add_argument("-t", "--type", default="all", choices=("gh", *JUDGES, "all"), help="only gates of this type")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would open; change nothing")
    parser.add_argument(
        "-e", "--escalate", action="store_true", help="escalate gates that can never open by themselves"
    )
    parser.add_argument(
        "-l", "--limit", type=int, default=100, metavar="N", help="maximum number of gates per store (default 100)"
    )
    add_globals(parser)


def run_check(args: Namespace) -> int:
    """Check every gate of the town, or of this store outside a town."""
    from gastown_core.molecules.gates import check

    space = Workspace(args)
    stores = list(space.ledger.stores().values()) if space.ledger is not None else [space.store]
    done = check(
        space.ledger,
        stores,
        actor=space.actor,
        kinds=args.type,
        limit=args.limit,
        dry_run=args.dry_run,
        folder=space.place,
    )
    raised = _escalate(space, done) if args.escalate and not args.dry_run else 0
    if space.as_json:
        say_object(done.as_json(escalated=raised, dry_run=args.dry_run))
        return 0
    word = "would open" if args.dry_run else "opened"
    for gate, why in done.resolved:
        say(f"{style('✓', 'green')} {word} {clean(gate)}: {clean(why)}")
    for gate, why in done.failed:
        say(f"{style('✗', 'red')} {clean(gate)}: {clean(why)}")
    for gate, why in done.errors:
        say(f"{style('?', 'yellow')} cannot check {clean(gate)}: {clean(why)}")
    shut = done.checked - len(done.resolved) - len(done.failed) - len(done.errors)
    say(
        f"{done.checked} checked, {len(done.resolved)} {word}, {shut} still pending"
        + (f", {raised} escalated" if raised else "")
    )
    return 0


def _escalate(space: Workspace, done: GateCheck) -> int:
    from gastown_core.messaging.escalation import escalate

    if space.ledger is None:
        return 0
    for gate, why in done.failed:
        escalate(
            space.root,
            space.ledger,
            "high",
            f"Gate {gate} will not open by itself",
            sender=space.actor,
            reason=why,
            about=gate,
            key=f"gate-{gate}",
        )
    return len(done.failed)


def add_waiter_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd gate add-waiter``."""
    parser.add_argument("gate", help="id of the gate")
    parser.add_argument("waiter", help="address of the agent to notify")
    add_globals(parser)


def run_add_waiter(args: Namespace) -> int:
    """Add an agent to notify when the gate opens."""
    from gastown_core.molecules.gates import add_waiter

    space = Workspace(args)
    store, bead = gate(space, args.gate)
    done = add_waiter(store, bead.id, args.waiter, actor=space.actor)
    if space.as_json:
        say_object(gate_json(store, done))
    else:
        say(f"{style('✓', 'green')} {clean(args.waiter)} will be notified when {clean(done.id)} opens")
    return 0
