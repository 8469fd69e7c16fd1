"""``gt hook``: what is on a hook, or put something there."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry

VERBS = ("show", "status")


def add_arguments(parser: ArgumentParser) -> None:
    """Words of ``gt hook``."""
    parser.add_argument("words", nargs="*", metavar="bead [agent]", help="hook this bead; show [AGENT] looks at a hook")
    parser.add_argument("-f", "--force", action="store_true", help="take the bead from another's hook")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show the caller's hook, another's, or set one."""
    root = context.town()
    words = list(args.words)
    if words and words[0] in VERBS:
        return _show(root, who.find(root, words[1] if len(words) > 1 else "")[1], as_json=args.json)
    if not words:
        return _show(root, who.me(root), as_json=args.json)
    if len(words) > 2:
        raise UsageError("gt hook takes a bead and an agent")
    entry = who.find(root, words[1] if len(words) > 1 else "")[1]
    return _set(root, words[0], entry, force=args.force, as_json=args.json)


def _show(root: str, entry: RosterEntry, *, as_json: bool) -> int:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook import hooked_work

    work = hooked_work(TownLedger(root), entry.address, rig_prefix(root, entry.address.rig))
    first = work[0] if work else None
    if as_json:
        output.say_json(_as_json(entry, first))
    elif first is None:
        output.say(f"nothing is on the hook of {entry.address.short}")
    else:
        output.say(f"{first.id} [{first.status}] {output.clean(first.title)}")
        if first.description:
            output.say()
            output.say(output.clean(first.description))
        for other in work[1:]:
            output.say(f"also: {other.id} [{other.status}] {output.clean(other.title)}")
    return 0


def _as_json(entry: RosterEntry, bead: Bead | None) -> dict[str, object]:
    from gastown_core.work.hook import dispatch_of

    return {
        "agent": entry.address.path,
        "target": entry.address.path,
        "role": entry.address.role,
        "agent_bead_id": entry.bead_id,
        "has_work": bead is not None,
        "bead_id": bead.id if bead else "",
        "title": bead.title if bead else "",
        "status": bead.status if bead else "empty",
        "pinned_bead": bead.raw if bead else None,
        "dispatch": dispatch_of(bead) if bead else {},
        "next_action": "run it, then gt done" if bead else "wait for orders",
    }


def _set(root: str, bead_id: str, entry: RosterEntry, *, force: bool, as_json: bool) -> int:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.events.log import append_event
    from gastown_core.town.identity import caller
    from gastown_core.work.hook import hook
    from gastown_core.work.sling import find_bead

    if caller().role == "polecat":
        raise UsageError("a polecat does not hook work", "it gets it by gt sling", "ask the mayor")
    ledger = TownLedger(root)
    known = find_bead(ledger, bead_id)
    bead = hook(ledger, known.id, entry.address, actor=who.acting(root), force=force)
    if bead.updated_at != known.updated_at:
        append_event(root, "hook", entry.address.path, {"bead": bead.id})
    if as_json:
        output.say_json(_as_json(entry, bead))
    else:
        output.say(f"{output.style('✓', 'green')} {bead.id} is on the hook of {entry.address.short}")
    return 0
