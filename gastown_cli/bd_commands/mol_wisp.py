"""``bd mol wisp``: a formula as something that vanishes when it is done; list such wisps, clear away forgotten ones."""

from __future__ import annotations

from gastown_cli.bd_commands import mol_place
from gastown_cli.bd_commands.formula_place import given_variables
from gastown_cli.bd_commands.mol_pour import pour
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.beads.record import excerpt_of
from gastown_core.errors import UsageError
from gastown_core.model.bead import known_priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.model.bead import Bead

OLD_S = 24 * 3600.0
VERBS = ("create", "list", "gc")


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, and the options of each."""
    parser.add_argument("words", nargs="+", metavar="source | list | gc", help="a formula or proto to pour, or a verb")
    making = parser.add_argument_group("to make one")
    making.add_argument("--root-only", action="store_true", help="one bead with a checklist, whatever the formula says")
    making.add_argument("--pour", action="store_true", help="a bead per step, whatever the formula says")
    making.add_argument("-a", "--assignee", default="", help="who has it")
    making.add_argument("--title", default="", help="title of the root")
    making.add_argument("--bead", default="", metavar="ID", help="the work that is to carry it")
    mol_place.add_source(making)  # type: ignore[arg-type]
    clearing = parser.add_argument_group("list and gc")
    clearing.add_argument("--all", action="store_true", help="list closed ones too; gc whatever their age")
    clearing.add_argument("--type", default="", help="list this wisp type only")
    clearing.add_argument("--age", default="1h", metavar="SPAN", help="gc what is idle longer (default 1h)")
    clearing.add_argument("--closed", action="store_true", help="gc closed ones; needs --force")
    clearing.add_argument("-f", "--force", action="store_true", help="really delete closed ones")
    clearing.add_argument("--exclude-type", action="append", default=[], metavar="TYPE", help="gc leaves these alone")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Make, list or clear away."""
    space = Workspace(args)
    verb = args.words[0] if args.words[0] in VERBS else "create"
    rest = args.words[1:] if args.words[0] in VERBS else args.words
    if verb == "list":
        return _list(args, space)
    if verb == "gc":
        return _collect(args, space)
    if len(rest) != 1:
        raise UsageError("bd mol wisp takes one formula or proto", "", "bd formula list shows them")
    if args.root_only and args.pour:
        raise UsageError("--root-only and --pour exclude each other")
    recipe = mol_place.recipe_for(space, args, rest[0], given_variables(args.var))
    args.attach, args.attach_type = [], "sequential"
    poured = args.pour or (recipe.pour and not args.root_only)
    return pour(space, args, recipe, poured=poured, ephemeral=True)


def _list(args: Namespace, space: Workspace) -> int:
    from gastown_core.beads.store import BeadQuery
    from gastown_core.molecules.record import step_of

    query = BeadQuery(only_wisps=True, exclude_statuses=() if args.all else ("closed",), sort="updated")
    wisps = [
        bead
        for bead in space.store.find(query)
        if (not args.type or bead.text("wisp_type") == args.type) and not step_of(bead)[0]
    ]
    now = space.now()
    old = [bead for bead in wisps if now - bead.updated_at > OLD_S]
    if space.as_json:
        rows = [{**_row(bead), "old": bead in old} for bead in wisps]
        say_object({"wisps": rows, "count": len(wisps), "old_count": len(old)})
        return 0
    if not wisps:
        say("no wisps")
        return 0
    notes = {bead.id: "untouched for a day" for bead in old}
    for line in bead_lines([excerpt_of(bead) for bead in wisps], notes=notes):
        say(line)
    if old:
        say(style(f"{len(old)} untouched for a day; bd mol wisp gc --dry-run shows what would go", "dim"))
    return 0


def _row(bead: Bead) -> dict[str, object]:
    return {
        "id": bead.id,
        "title": bead.title,
        "status": bead.status,
        "priority": known_priority(bead.priority),
        "type": bead.issue_type,
        "wisp_type": bead.text("wisp_type"),
        "labels": list(bead.labels),
        "created_at": bead.text("created_at"),
        "updated_at": bead.text("updated_at"),
    }


def _collect(args: Namespace, space: Workspace) -> int:
    from gastown_core.clock import parse_duration
    from gastown_core.molecules.compaction import collectable
    from gastown_core.molecules.pour import burn

    age = parse_duration(args.age)
    if age is None:
        raise UsageError(f"{args.age!r} is no span of time", "", "for example --age 2h")
    if args.closed and not args.force and not args.dry_run:
        raise UsageError(
            "deleting closed wisps needs --force", "their records are gone for good", "--dry-run shows them"
        )
    found = collectable(
        space.store, age_s=age, closed=args.closed, everything=args.all, without=tuple(args.exclude_type)
    )
    gone: list[str] = []
    if not args.dry_run:
        with space.store.write(space.actor) as batch:
            for wisp in found:
                gone += burn(batch, wisp.id, reason="forgotten")
    if space.as_json:
        told = {"cleaned_ids": gone, "cleaned_count": len(gone), "candidates": len(found), "dry_run": args.dry_run}
        say_object(told)
        return 0
    for line in bead_lines([excerpt_of(bead) for bead in found]):
        say(line)
    said = f"would clear away {len(found)}" if args.dry_run else f"{len(gone)} beads cleared away"
    say(clean(said) if found else "nothing to clear away")
    return 0
