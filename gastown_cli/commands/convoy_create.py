"""``gt convoy create``: a named bundle of work."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.beads.ids import is_valid
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt convoy create``."""
    parser.add_argument("name", nargs="?", default="", help="its name; if this is a bead's id, the bead's title is it")
    parser.add_argument("beads", nargs="*", help="ids of the work; more can be added later")
    parser.add_argument("--from-epic", default="", metavar="EPIC", help="all work below an epic; its title is the name")
    parser.add_argument("--owner", default="", help="whose convoy it is (default: you)")
    parser.add_argument("--notify", nargs="?", const="mayor/", default="", help="who is told when it lands (mayor/)")
    parser.add_argument("--human", action="store_true", help="tell the overseer when it lands or stalls")
    parser.add_argument("--owned", action="store_true", help="it closes only when its owner lands it")
    parser.add_argument("--merge", choices=("direct", "mr", "local"), default="", help="how its work is merged")
    parser.add_argument("--base-branch", default="", help="branch its work starts from")
    parser.add_argument("--molecule", default="", help="molecule it belongs to")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Make it; an unknown bead makes nothing."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.work.convoy.convoys import as_json, create_convoy, get_convoy

    root = context.town()
    ledger = TownLedger(root)
    title, beads, notify = _read_words(args, ledger)
    made = create_convoy(
        root,
        ledger,
        title,
        beads,
        owner=args.owner or who.acting(root),
        notify=notify,
        watchers=["overseer"] if args.human else [],
        merge=args.merge,
        base_branch=args.base_branch,
        molecule=args.molecule,
        owned=args.owned,
    )
    if args.json:
        output.say_json(as_json(get_convoy(ledger, made.id)))
        return 0
    count = len(dict.fromkeys(beads))
    many = f"{count} bead{'' if count == 1 else 's'}"
    output.say(f"{output.style('✓', 'green')} {made.id} {output.clean(made.title)} ({many})")
    if not count:
        output.say(f"  empty so far: gt convoy add {made.id} BEAD…")
    else:
        _say_when(root)
    return 0


def _is_like_an_id(word: str, ledger: TownLedger) -> bool:
    """Whether a word that is no bead reads like the id of one: the prefix of a store, and nothing but an id after it."""
    return is_valid(word) and any(word.startswith(f"{store.prefix}-") for store in ledger.stores().values())


def _say_when(root: str) -> None:
    """When its ready work is given out, if there is a daemon to do that."""
    from gastown_core.town.daemon_note import is_running
    from gastown_core.town.settings import load_settings

    grace_s = load_settings(root).seconds("convoy.feed_grace")
    if grace_s and is_running(root):
        output.say(f"  what is ready is given out in {grace_s:g} s; gt sling BEAD RIG does it now")


def _read_words(args: Namespace, ledger: TownLedger) -> tuple[str, list[str], str]:
    """Name, members and addressee; ids may stand where the name should, and after a bare ``--notify``."""
    title, beads, notify = args.name, list(args.beads), args.notify
    first = ledger.get(title) if "-" in title and " " not in title else None
    if first is not None:
        title, beads = first.title, [first.id, *beads]
    elif not beads and not args.from_epic and _is_like_an_id(title, ledger):
        raise ledger.store_for(title).near(title)
    # a bare --notify swallows a bead's id that follows it
    if notify and notify not in ("mayor/", "overseer") and ledger.get(notify) is not None:
        beads.append(notify)
        notify = "mayor/"
    if args.from_epic:
        from gastown_core.work.convoy.acts import members_of_epic

        epic_title, below = members_of_epic(ledger, args.from_epic)
        title, beads = title or epic_title, [*below, *beads]
    if not title.strip():
        raise UsageError("a convoy needs a name", "", 'gt convoy create "Bug fixes" BEAD…')
    return title, beads, notify
