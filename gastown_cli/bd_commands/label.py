"""``bd label``: add, remove and list labels."""

from __future__ import annotations

from gastown_cli.bd_commands.filters import words
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import say_array
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, table
from gastown_core.beads.query import BeadQuery
from gastown_core.beads.rules import with_labels
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd label add`` and ``remove``."""
    parser.add_argument("words", nargs="+", metavar="id... label", help="beads, then labels separated by commas")
    add_globals(parser)


def run_add(args: Namespace) -> int:
    """Add labels to beads."""
    return change_labels(args, adding=True)


def change_labels(args: Namespace, *, adding: bool) -> int:
    """Add or remove labels of beads."""
    if len(args.words) < 2:
        raise UsageError("bd label needs a bead and a label", "", "bd label add gt-abc12 backend")
    *ids, last = args.words
    labels = set(words(last))
    space = Workspace(args)

    def act(batch: RuleBatch, bead_id: str) -> Bead:
        changed = {"added": labels} if adding else {"gone": labels}
        return batch.update(bead_id, {"labels": with_labels(batch.need(bead_id).raw, **changed)})

    done = space.change_each(ids, act)
    status = "added" if adding else "removed"
    if space.as_json:
        say_array([{"status": status, "issue_id": b.id, "label": label} for b in done for label in sorted(labels)])
    elif not space.quiet:
        for bead in done:
            say(f"{clean(bead.id)}: {clean(' '.join(f'#{label}' for label in bead.labels)) or 'no labels'}")
    return space.exit_code()


remove_arguments = add_arguments


def run_remove(args: Namespace) -> int:
    """Remove labels from beads."""
    return change_labels(args, adding=False)


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd label list``."""
    parser.add_argument("id", help="bead")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """List the labels of a bead, one per line."""
    space = Workspace(args)
    labels = space.get(args.id).labels
    if space.as_json:
        say_array(labels)
        return 0
    for label in labels:
        say(clean(label))
    if not labels:
        say("no labels")
    return 0


def list_all_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd label list-all``."""
    add_globals(parser)


def run_list_all(args: Namespace) -> int:
    """List all labels in use, most used first."""
    space = Workspace(args)
    counts = space.store.count_by("label", BeadQuery(include_wisps=True))
    if space.as_json:
        say_array([{"label": label, "count": number} for label, number in counts.items()])
    elif counts:
        say(table([(clean(label), str(number)) for label, number in counts.items()], right=(1,)))
    else:
        say("no labels in use")
    return 0
