"""``bd show``: show beads in full."""

from __future__ import annotations

from gastown_cli.bd_commands.options import add_globals
from gastown_cli.bd_commands.render import (
    age,
    bead_lines,
    glyph,
    issue_object,
    one_line,
    priority_words,
    say_array,
)
from gastown_cli.bd_commands.workspace import Workspace
from gastown_cli.output import clean, say, style
from gastown_core.beads.graph import REASONS
from gastown_core.beads.ledger_line import excerpt_of
from gastown_core.beads.rules import oddities
from gastown_core.clock import format_local, parse_moment
from gastown_core.errors import GastownError
from gastown_core.model.bead import CLOSED, EPIC, PARENT_CHILD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.query import Excerpt
    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead
_LONG = (
    ("description", ""),
    ("design", "Design"),
    ("acceptance_criteria", "Acceptance"),
    ("notes", "Notes"),
)


def show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``bd show``."""
    parser.add_argument("ids", nargs="*", metavar="id", help="beads to show (default: the last touched bead)")
    parser.add_argument("--current", action="store_true", help="show the last touched bead")
    parser.add_argument("--short", action="store_true", help="show one line per bead")
    parser.add_argument("--children", action="store_true", help="show the children instead of the bead")
    parser.add_argument("--long", action="store_true", help="show all keys of the record")
    for name in ("--refs", "--thread", "--include-comments", "--include-dependents"):
        parser.add_argument(name, action="store_true", help="accepted for compatibility; always shown")
    add_globals(parser)


def run_show(args: Namespace) -> int:
    """Show each bead."""
    space = Workspace(args)
    wanted = args.ids or [space.last_touched()]
    found: list[tuple[BeadStore, Bead]] = []
    failed: list[GastownError] = []
    for partial in wanted:
        try:
            store, bead_id = space.locate(partial)
            bead = store.get(bead_id)
            if bead is None:
                raise store.near(partial)
            found += _children(store, bead) if args.children else [(store, bead)]
        except GastownError as error:
            failed.append(error)
    if failed and not found:
        raise failed[0]
    space.failed = failed
    if space.as_json:
        say_array([_as_json(space, store, bead) for store, bead in found])
    elif args.short or args.children:
        for line in bead_lines([excerpt_of(bead) for _, bead in found]):
            say(line)
    else:
        for number, (store, bead) in enumerate(found):
            if number:
                say()
            _say_bead(space, store, bead, whole=args.long)
    return space.exit_code()


def _children(store: BeadStore, bead: Bead) -> list[tuple[BeadStore, Bead]]:
    ids = [source for source, kind in store.dependents(bead.id) if kind == PARENT_CHILD]
    return [(store, child) for child in store.get_many(ids).values()]


def _as_json(space: Workspace, store: BeadStore, bead: Bead) -> dict[str, object]:
    tally = store.tallies([bead.id])[bead.id]
    more: dict[str, object] = {}
    targets = _beads(space, store, [edge.target for edge in bead.edges])
    if bead.edges:
        more["dependencies"] = [_linked(targets.get(edge.target), edge.target, edge.type) for edge in bead.edges]
    dependents = store.dependents(bead.id)
    if dependents:
        sources = _beads(space, store, [source for source, _ in dependents])
        more["dependents"] = [_linked(sources.get(source), source, kind) for source, kind in dependents]
    holds = store.graph(space.now()).holds(bead.id)
    if holds:
        more["blocked_by"] = [hold.id for hold in holds]
        more["blocked_by_count"] = len(holds)
    if bead.issue_type == EPIC:
        states = [excerpt.status for excerpt in _excerpts(store, dependents, PARENT_CHILD)]
        more["epic_total_children"] = len(states)
        more["epic_closed_children"] = states.count(CLOSED)
    return issue_object(bead, tally, **more)


def _beads(space: Workspace, store: BeadStore, ids: list[str]) -> dict[str, Bead]:
    found = store.get_many(ids)
    missing = [bead_id for bead_id in ids if bead_id not in found]
    if missing and space.ledger is not None:
        found.update(space.ledger.get_many(missing))
    return found


def _linked(bead: Bead | None, bead_id: str, kind: str) -> dict[str, object]:
    if bead is None:
        return {"id": bead_id, "dependency_type": kind, "unresolved": True}
    out = issue_object(bead)
    out.pop("dependencies", None)
    out.pop("comments", None)
    return {**out, "dependency_type": kind}


def _excerpts(store: BeadStore, dependents: list[tuple[str, str]], kind: str) -> list[Excerpt]:
    found = (store.excerpt(source) for source, edge_type in dependents if edge_type == kind)
    return [excerpt for excerpt in found if excerpt is not None]


def _say_bead(space: Workspace, store: BeadStore, bead: Bead, *, whole: bool) -> None:
    say(f"{glyph(bead.status)} {style(clean(bead.id), 'bold')}  {style(one_line(bead.title), 'bold')}")
    facts = [clean(bead.status), priority_words(bead.priority), clean(bead.issue_type)]
    facts.append(style(f"@{clean(bead.assignee)}", "cyan") if bead.assignee else style("unassigned", "dim"))
    say("  " + style(" · ", "dim").join(facts))
    say("  " + style(_times(bead, space.now()), "dim"))
    if bead.labels:
        say("  " + style(" ".join(f"#{clean(label)}" for label in bead.labels), "dim"))
    if bead.text("close_reason"):
        say(f"  closed: {clean(bead.text('close_reason'))}")
    for what in oddities(bead.raw):
        say("  " + style(f"! {one_line(what)}", "red"))
    for key, name in _LONG:
        _say_prose(bead.text(key), name)
    _say_ties(space, store, bead)
    _say_comments(bead, space.now())
    if whole:
        import json

        from gastown_core.model.plain_text import escape_json

        say()
        say(style("Record", "bold"))
        say(escape_json(json.dumps(bead.raw, indent=2, ensure_ascii=False)))


def _times(bead: Bead, now: float) -> str:
    author = bead.text("created_by")
    made = f"created {age(bead.created_at, now)} ago" if bead.created_at else "created at an unknown time"
    parts = [made + (f" by {clean(author)}" if author else "")]
    if bead.updated_at not in (bead.created_at, 0.0):
        parts.append(f"changed {age(bead.updated_at, now)} ago")
    if bead.defer_until:
        parts.append(f"deferred until {format_local(bead.defer_until)}")
    if bead.text("due_at"):
        due = parse_moment(bead.text("due_at"))
        parts.append(f"due {clean(bead.text('due_at'))}" if due is None else _due(due, now))
    return ", ".join(part.replace("now ago", "just now") for part in parts)


def _due(due: float, now: float) -> str:
    return f"due {format_local(due)}" + (f", {age(due, now)} overdue" if due < now else "")


def _say_prose(text: str, name: str) -> None:
    if not text:
        return
    say()
    if name:
        say(style(name, "bold"))
    for line in text.splitlines():
        say(f"  {clean(line)}".rstrip())


def _say_ties(space: Workspace, store: BeadStore, bead: Bead) -> None:
    graph = store.graph(space.now())
    holds = {hold.id: hold.reason for hold in graph.holds(bead.id)}
    ties = [(edge.target, edge.type) for edge in bead.edges]
    dependents = store.dependents(bead.id)
    _say_group(store, "Parent", [tie for tie in ties if tie[1] == PARENT_CHILD], {})
    _say_group(store, "Depends on", [tie for tie in ties if tie[1] != PARENT_CHILD], holds)
    inherited = [(bead_id, "parent") for bead_id, reason in holds.items() if reason == "parent"]
    _say_group(store, "Blocked with its parent", inherited, {})
    cycle = graph.cycle_behind(bead.id) if holds else []
    if cycle:
        say()
        say(style(clean(f"Blocked by a cycle: {' → '.join(cycle)}"), "red"))
    _say_group(store, "Children", [tie for tie in dependents if tie[1] == PARENT_CHILD], {})
    _say_group(store, "Dependents", [tie for tie in dependents if tie[1] != PARENT_CHILD], {})


def _say_group(store: BeadStore, name: str, ties: list[tuple[str, str]], holds: dict[str, str]) -> None:
    if not ties:
        return
    say()
    say(style(name, "bold"))
    for bead_id, kind in ties:
        found = store.excerpt(bead_id)
        held = f"  {REASONS[holds[bead_id]]}" if bead_id in holds else ""
        title = one_line(found.title) if found is not None else style("unknown bead", "red")
        sign = glyph(found.status) if found is not None else "?"
        say(f"  {sign} {clean(bead_id)}  {style(clean(kind), 'dim')}  {title}{style(held, 'red') if held else ''}")


def _say_comments(bead: Bead, now: float) -> None:
    if not bead.comments:
        return
    say()
    say(style("Comments", "bold"))
    for comment in bead.comments:
        when = age(parse_moment(comment.get("created_at")) or 0.0, now)
        say(f"  {style(clean(str(comment.get('author', ''))), 'cyan')} {style(when, 'dim')}")
        for line in str(comment.get("text", "")).splitlines():
            say(f"    {clean(line)}")
