"""``bd close``: close beads, including steps of molecules, and claim what is next."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, issue_object, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style
from gastown_core.beads.graph import BLOCKING_TYPES, Graph, is_released
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.errors import NotFoundError
from gastown_core.model.bead import CLOSED, IN_PROGRESS, OPEN, PARENT_CHILD, WAITS_FOR, Bead
from gastown_core.model.metadata import read_step
from gastown_core.molecules.advance import Advance
from gastown_core.molecules.root_bead import molecule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator, Mapping

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.query import Excerpt
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.recipe import Recipe
    from gastown_core.molecules.advance import StepDone
    from gastown_core.molecules.steps import StepView


def close_step(
    space: Workspace, args: Namespace, batch: RuleBatch, root: str, name: str, reason: str
) -> tuple[Bead, Bead | None]:
    """Close a step; return it as closed, and the step claimed next or None. Raises ConflictError if the step is blocked."""

    def cook(formula: str, values: Mapping[str, str]) -> Recipe:
        from gastown_cli.bd_commands.mol import rig_of
        from gastown_core.formulas.resolve import load_recipe

        return load_recipe(space.root, formula, values, rig=rig_of(space))

    act = Advance(batch, root, space.actor, cook, space.place)
    act.close(name, reason=reason, force=args.force)
    done = act.take(take_all=False) if args.go_on and not args.no_auto else act.settle()
    taken = (batch.get(done.next.id) or _stand_in(done.next, IN_PROGRESS)) if done.next is not None else None
    return batch.get(done.step) or _closed(done, act), taken


def _closed(done: StepDone, act: Advance) -> Bead:
    view = act.seen().step(done.step)
    return (
        _stand_in(view, CLOSED) if view is not None else Bead({"id": done.step, "title": done.step, "status": CLOSED})
    )


def _stand_in(view: StepView, status: str) -> Bead:
    """Return a checklist step as a bead, for display."""
    return Bead(
        {
            "id": view.id,
            "title": view.title,
            "status": status,
            "priority": 2,
            "issue_type": "task",
            "ephemeral": True,
            "assignee": view.assignee,
        }
    )


def on_checklist(space: Workspace, text: str) -> tuple[BeadStore, str, str] | None:
    """Return (store, root, step) if the id names a step of a root-only molecule, which has no bead of its own."""
    if "." not in text:
        return None
    try:
        space.locate(text)
    except NotFoundError:
        pass
    else:
        return None
    stem = text
    while "." in stem:
        stem = stem.rpartition(".")[0]
        try:
            store, root = space.locate(stem)
        except NotFoundError:
            continue
        bead = store.get(root)
        if bead is not None and molecule_of(bead) is not None:
            return store, root, text[len(stem) + 1 :]
    return None


def became_ready(space: Workspace, ended: list[Bead]) -> list[Excerpt]:
    """Return the beads, in every store at hand, that became ready because ``ended`` were closed."""
    stores = list(space.ledger.stores().values()) if space.ledger is not None else [space.store]
    if space.store not in stores:
        stores.append(space.store)
    before = {bead.id: excerpt_of(bead)._replace(status=OPEN, closed_at=0.0, is_failed=False) for bead in ended}
    found: dict[str, Excerpt] = {}
    for store in stores:
        now = store.graph(space.now())

        def earlier(bead_id: str, now: Graph = now) -> Excerpt | None:
            return before.get(bead_id) or now.bead(bead_id)

        def children(bead_id: str, store: BeadStore = store) -> list[str]:
            return [source for source, kind in store.dependents(bead_id) if kind == PARENT_CHILD]

        then = Graph(earlier, children, space.now(), is_absent=store.is_absent)
        for bead_id in _touched(store, ended):
            bead = now.bead(bead_id)
            if bead is None or bead_id in before or bead_id in found or not now.is_ready(bead, with_wisps=True):
                continue
            if not then.is_ready(bead, with_wisps=True):
                found[bead_id] = bead
    return list(found.values())


def _touched(store: BeadStore, ended: Iterable[Bead]) -> Iterator[str]:
    """Yield the ids of beads that ``ended`` may have blocked: dependents with all their descendants, and parents."""
    seen: set[str] = set()
    level: list[str] = []
    for bead in ended:
        level += [source for source, kind in store.dependents(bead.id) if kind in BLOCKING_TYPES]
        if bead.parent:
            level.append(bead.parent)
            level += [source for source, kind in store.dependents(bead.parent) if kind == WAITS_FOR]
    while level:
        level = [bead_id for bead_id in dict.fromkeys(level) if bead_id not in seen]
        seen.update(level)
        yield from level
        level = [source for above in level for source, kind in store.dependents(above) if kind == PARENT_CHILD]


def close_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd close``."""
    parser.add_argument("ids", nargs="*", metavar="id", help="beads to close (default: the last touched bead)")
    parser.add_argument(
        "-r", "--reason", "-m", action="append", default=[], help="close reason; repeat it to give one per id"
    )
    parser.add_argument("--reason-file", default="", metavar="FILE", help="read the reason from a file")
    parser.add_argument("--session", default="", help="id of the session that closes it")
    parser.add_argument("-f", "--force", action="store_true", help="even if pinned, blocked or with open children")
    parser.add_argument("--suggest-next", action="store_true", help="show the beads that became ready")
    parser.add_argument("--claim-next", action="store_true", help="claim the next ready bead")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="claim the next step of the molecule")
    parser.add_argument(
        "--no-auto", action="store_true", help="with --continue: show the next step without claiming it"
    )
    add_globals(parser)


def run_close(args: Namespace) -> int:
    """Close each bead and report those that fail."""
    space = Workspace(args)
    wanted = space.named_or_last(args.ids, "close")
    reasons = [*args.reason, *([_file(args.reason_file)] if args.reason_file else [])] or [""]
    place = (
        {space.full_id(partial): number for number, partial in reversed(list(enumerate(wanted)))} if reasons[1:] else {}
    )
    molecules = Molecules(space, args)

    def act(batch: RuleBatch, bead_id: str) -> Bead:
        reason = reasons[min(place.get(bead_id, 0), len(reasons) - 1)]
        bead = molecules.close_step(batch, bead_id, reason) or batch.close(bead_id, reason, force=args.force)
        return batch.update(bead_id, {"closed_by_session": args.session}) if args.session else bead

    done, rest = molecules.tick(wanted, reasons[0])
    done += space.change_each(rest, act, reasons=reasons)
    ended = [after for before, after in space.changed if after.is_closed and (before is None or not before.is_closed)]
    freed = became_ready(space, ended)
    taken = molecules.taken if molecules.closed else _next(args, space, done, freed)
    _show(args, space, done, freed, taken)
    _tell_open_children(space, ended)
    return space.exit_code()


class Molecules:
    """Closes beads that are steps of a molecule; imports the molecule modules only when needed."""

    def __init__(self, space: Workspace, args: Namespace) -> None:
        self._space = space
        self._args = args
        self.closed = 0
        self.taken: Bead | None = None

    def close_step(self, batch: RuleBatch, bead_id: str, reason: str) -> Bead | None:
        """Return the closed step, or None if the bead is not a step."""
        step = read_step(batch.need(bead_id))
        if step is None or not step.molecule or batch.get(step.molecule) is None:
            return None
        return self._close(batch, step.molecule, step.name, reason)

    def _close(self, batch: RuleBatch, root: str, name: str, reason: str) -> Bead:

        bead, taken = close_step(self._space, self._args, batch, root, name, reason)
        self.closed += 1
        self.taken = taken or self.taken
        return bead

    def tick(self, wanted: list[str], reason: str) -> tuple[list[Bead], list[str]]:
        """Close the ids that are checklist steps; return those steps and the remaining ids."""
        done: list[Bead] = []
        rest = []
        for text in wanted:
            found = self._on_checklist(text)
            if found is None:
                rest.append(text)
                continue
            store, root, name = found
            with store.write(self._space.actor) as batch:
                done.append(self._close(batch, root, name, reason))
        return done, rest

    def _on_checklist(self, text: str) -> tuple[BeadStore, str, str] | None:
        if "." not in text or self._space.store.own_excerpt(text) is not None:
            return None

        return on_checklist(self._space, text)


def _file(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read().strip()
    except OSError as error:
        raise NotFoundError(f"cannot read {path}", error.strerror or str(error)) from error


def _tell_open_children(space: Workspace, ended: list[Bead]) -> None:
    """Print a note for each closed bead that has open children."""
    graph = space.store.graph(space.now())
    closed = {bead.id for bead in ended}
    for bead in ended:
        children = [source for source, kind in space.store.dependents(bead.id) if kind == PARENT_CHILD]
        known = (graph.bead(child) for child in children if child not in closed)
        still = [child.id for child in known if child is not None and not is_released(child)]
        if still:
            shown = ", ".join(still[:5]) + (f" and {len(still) - 5} more" if len(still) > 5 else "")
            note(clean(f"note: {bead.id} is closed but has open children: {shown}"))


def _next(args: Namespace, space: Workspace, done: list[Bead], freed: list[Excerpt]) -> Bead | None:
    if not (args.claim_next or args.go_on):
        return None
    from gastown_core.beads.query import BeadQuery

    parents = [bead.parent for bead in done if bead.parent]
    query = BeadQuery(unassigned=True, limit=1, include_wisps=args.go_on)
    if args.go_on and parents:
        query = query._replace(parent=parents[0])
    candidates = [bead.id for bead in freed if not bead.assignee and not args.go_on]
    candidates += [bead.id for bead in space.store.ready(query, space.now())]
    if not candidates:
        return None
    return space.change(candidates[0], lambda batch, bead_id: batch.claim(bead_id))


def _show(args: Namespace, space: Workspace, done: list[Bead], freed: list[Excerpt], taken: Bead | None) -> None:
    if space.as_json:
        closed = [issue_object(bead) for bead in done]
        if args.suggest_next:
            beads = space.store.get_many([bead.id for bead in freed])
            say_object({"closed": closed, "unblocked": [issue_object(bead) for bead in beads.values()]})
        elif args.claim_next or args.go_on:
            key = "claimed" if args.claim_next else "continue"
            say_object({"closed": closed, key: issue_object(taken) if taken is not None else None})
        else:
            say_array(closed)
        return
    if space.quiet:
        return
    for line in bead_lines([excerpt_of(bead) for bead in done]):
        say(line)
    if freed:
        say(style("now ready", "dim"))
        for line in bead_lines(freed):
            say(line)
    if taken is not None:
        say(style("claimed", "dim"))
        for line in bead_lines([excerpt_of(taken)]):
            say(line)
