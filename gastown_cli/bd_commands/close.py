"""``bd close``: close beads, and tell what that set free."""

from __future__ import annotations

from gastown_cli.bd_commands.freed import became_ready
from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import bead_lines, issue_object, say_array, say_object
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, note, say, style
from gastown_core.beads.query import PARENT_CHILD, is_released
from gastown_core.beads.record import excerpt_of
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.store import Excerpt
    from gastown_core.model.bead import Bead


def add_arguments(parser: ArgumentParser) -> None:
    """The ids and why."""
    parser.add_argument("ids", nargs="*", metavar="id", help="beads; without, the one last touched")
    parser.add_argument("-r", "--reason", "-m", action="append", default=[], help="why; repeated, one per id")
    parser.add_argument("--reason-file", default="", metavar="FILE", help="the reason from a file")
    parser.add_argument("--session", default="", help="the session that closed it")
    parser.add_argument("-f", "--force", action="store_true", help="although pinned, blocked or with open children")
    parser.add_argument("--suggest-next", action="store_true", help="show what became ready")
    parser.add_argument("--claim-next", action="store_true", help="take the next ready bead")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="take the next step of the molecule")
    parser.add_argument("--no-auto", action="store_true", help="with --continue: take nothing, only show it")
    add_globals(parser)


def run(args: Namespace) -> int:
    """Close them one by one; what fails is told."""
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
    """Closes what is a step of a molecule; the rooms for that are loaded only when there is one."""

    def __init__(self, space: Workspace, args: Namespace) -> None:
        self._space = space
        self._args = args
        self.closed = 0
        self.taken: Bead | None = None

    def close_step(self, batch: RuleBatch, bead_id: str, reason: str) -> Bead | None:
        """The closed step; None if the bead is none."""
        metadata = batch.need(bead_id).raw.get("metadata")
        kept = metadata.get("step") if isinstance(metadata, dict) else None
        root = str(kept.get("molecule") or "") if isinstance(kept, dict) else ""
        return self._close(batch, root, str(kept["id"]), reason) if kept and root and batch.get(root) else None

    def _close(self, batch: RuleBatch, root: str, name: str, reason: str) -> Bead:
        from gastown_cli.bd_commands.close_step import close_step

        bead, taken = close_step(self._space, self._args, batch, root, name, reason)
        self.closed += 1
        self.taken = taken or self.taken
        return bead

    def tick(self, wanted: list[str], reason: str) -> tuple[list[Bead], list[str]]:
        """Close those that stand on a molecule's own checklist and are no beads; those, and the ids that are left."""
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

    def _on_checklist(self, text: str) -> tuple[JsonlStore, str, str] | None:
        if "." not in text or self._space.store.own_excerpt(text) is not None:
            return None
        from gastown_cli.bd_commands.close_step import on_checklist

        return on_checklist(self._space, text)


def _file(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read().strip()
    except OSError as error:
        raise NotFoundError(f"cannot read {path}", error.strerror or str(error)) from error


def _tell_open_children(space: Workspace, ended: list[Bead]) -> None:
    """A closed parent whose children are open is no mistake, but one to know of."""
    graph = space.store.graph(space.now())
    closed = {bead.id for bead in ended}
    for bead in ended:
        children = [source for source, kind in space.store.dependents(bead.id) if kind == PARENT_CHILD]
        known = (graph.bead(child) for child in children if child not in closed)
        still = [child.id for child in known if child is not None and not is_released(child)]
        if still:
            shown = ", ".join(still[:5]) + (f" and {len(still) - 5} more" if len(still) > 5 else "")
            note(clean(f"note: {bead.id} is closed, its children are not: {shown}"))


def _next(args: Namespace, space: Workspace, done: list[Bead], freed: list[Excerpt]) -> Bead | None:
    if not (args.claim_next or args.go_on):
        return None
    from gastown_core.beads.store import BeadQuery

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
        say(style("taken", "dim"))
        for line in bead_lines([excerpt_of(taken)]):
            say(line)
