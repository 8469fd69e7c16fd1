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
    """The ids, then the labels with commas."""
    parser.add_argument("words", nargs="+", metavar="id... label", help="beads, then the label (more with commas)")
    add_globals(parser)


def run_add(args: Namespace) -> int:
    """Add it to each."""
    return change_labels(args, adding=True)


def change_labels(args: Namespace, *, adding: bool) -> int:
    """Add labels to beads, or take them off."""
    if len(args.words) < 2:
        raise UsageError("a bead and a label are needed", "", "bd label add gt-abc12 backend")
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
    """Take it off each."""
    return change_labels(args, adding=False)


def list_arguments(parser: ArgumentParser) -> None:
    """The id."""
    parser.add_argument("id", help="the bead")
    add_globals(parser)


def run_list(args: Namespace) -> int:
    """Show them, one a line."""
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
    """Nothing of its own."""
    add_globals(parser)


def run_list_all(args: Namespace) -> int:
    """Show them, the most used first."""
    space = Workspace(args)
    counts = space.store.count_by("label", BeadQuery(include_wisps=True))
    if space.as_json:
        say_array([{"label": label, "count": number} for label, number in counts.items()])
    elif counts:
        say(table([(clean(label), str(number)) for label, number in counts.items()], right=(1,)))
    else:
        say("no labels are in use")
    return 0
