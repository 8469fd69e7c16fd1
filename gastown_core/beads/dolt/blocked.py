"""The flag ``is_blocked`` of the Go tools, kept true after each write: their ``bd ready`` reads it.

Its rule is theirs, not that of our own ready list: targets in other databases never block, and every
``conditional-blocks`` edge counts as ``blocks``.
"""

from __future__ import annotations

from itertools import islice

from gastown_core.beads.dolt.schema import ISSUES, WISPS, Schema
from gastown_core.model.bead import BLOCKS, CLOSED, CONDITIONAL, PARENT_CHILD, PINNED, WAITS_FOR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gastown_core.beads.dolt.link import Link

FLAG = "is_blocked"
KINDS = (BLOCKS, CONDITIONAL, PARENT_CHILD, WAITS_FOR)
AT_ONCE = 400


def recompute(link: Link, schema: Schema, changed: Iterable[str], touch: Callable[[str], str]) -> None:
    """Set the flag of the changed beads and of all that they hold back; ``touch`` is told each table written to."""
    homes = [home for home in (ISSUES, WISPS) if FLAG in schema.columns(home)]
    if not homes:
        return
    picture = _Picture(link, schema, homes)
    picture.look(changed)
    for home, bead_id, is_blocked in picture.differing():
        link.tell(f"UPDATE {touch(home)} SET {FLAG}=%s WHERE id=%s", (int(is_blocked), bead_id))


class _Picture:
    """The part of the dependencies that a change can reach."""

    def __init__(self, link: Link, schema: Schema, homes: list[str]) -> None:
        self._link = link
        self._schema = schema
        self._homes = homes
        self._status: dict[str, tuple[str, str, bool]] = {}
        self._edges: dict[str, list[tuple[str, str, bool]]] = {}
        self._children: dict[str, set[str]] = {}
        self._reached: set[str] = set()

    def look(self, changed: Iterable[str]) -> None:
        """Follow the edges from the changed beads to all whose flag may change, then read what these wait for."""
        fresh = set(changed)
        while fresh:
            self._reached |= fresh
            leading = self._edges_from(fresh)
            above = {target for _, target, kind, _ in leading if kind == PARENT_CHILD}
            for source, target, kind, is_any in leading:
                self._edges.setdefault(source, []).append((target, kind, is_any))
            # who waits for the children of a parent depends on each of them
            fresh = {source for source, _, _, _ in self._edges_to(fresh)}
            fresh |= {source for source, _, kind, _ in self._edges_to(above) if kind == WAITS_FOR}
            fresh -= self._reached
        spawners: set[str] = set()
        named = set(self._reached)
        for edges in self._edges.values():
            named.update(target for target, _, _ in edges)
            spawners.update(target for target, kind, _ in edges if kind == WAITS_FOR)
        for source, target, kind, _ in self._edges_to(spawners):
            if kind == PARENT_CHILD:
                self._children.setdefault(target, set()).add(source)
                named.add(source)
        for home in self._homes:
            for row in self._select(f"SELECT id, status, {FLAG} FROM {home} WHERE id IN", named):
                self._status[str(row[0])] = home, str(row[1]), bool(row[2])

    def differing(self) -> Iterator[tuple[str, str, bool]]:
        """Yield (table, id, flag) for each bead whose flag is another one than stored."""
        flags = {one: known[2] for one, known in self._status.items()}
        flags.update((one, False) for one in self._reached if one in flags)
        is_settled = False
        while not is_settled:
            is_settled = True
            for one in self._reached:
                if one in flags and not flags[one] and self._is_blocked(one, flags):
                    flags[one], is_settled = True, False
        for one in sorted(self._reached):
            if one in flags and flags[one] != self._status[one][2]:
                yield self._status[one][0], one, flags[one]

    def _is_open(self, bead_id: str) -> bool:
        known = self._status.get(bead_id)
        return known is not None and known[1] not in (CLOSED, PINNED)

    def _is_blocked(self, bead_id: str, flags: dict[str, bool]) -> bool:
        if not self._is_open(bead_id):
            return False
        for target, kind, is_any in self._edges.get(bead_id, ()):
            if kind in (BLOCKS, CONDITIONAL) and self._is_open(target):
                return True
            if kind == PARENT_CHILD and flags.get(target):
                return True
            if kind == WAITS_FOR and self._waits(target, is_any=is_any):
                return True
        return False

    def _waits(self, spawner: str, *, is_any: bool) -> bool:
        children = [child for child in self._children.get(spawner, ()) if child in self._status]
        if not any(self._is_open(child) for child in children):
            return False
        return not (is_any and any(self._status[child][1] == CLOSED for child in children))

    def _edges_from(self, sources: set[str]) -> list[tuple[str, str, str, bool]]:
        return self._edge_rows(sources, ("issue_id",))

    def _edges_to(self, targets: set[str]) -> list[tuple[str, str, str, bool]]:
        return self._edge_rows(targets, ())

    def _edge_rows(self, ids: set[str], where: tuple[str, ...]) -> list[tuple[str, str, str, bool]]:
        out: list[tuple[str, str, str, bool]] = []
        if not ids:
            return out
        marks = ",".join(["%s"] * len(KINDS))
        for home in self._homes:
            table = self._schema.related(home, "dependencies")
            if not table:
                continue
            is_split = self._schema.is_split(table)
            columns = ("depends_on_issue_id", "depends_on_wisp_id") if is_split else ("depends_on_id",)
            target = f"COALESCE({', '.join(columns)})" if is_split else columns[0]
            for column in where or columns:
                sql = f"SELECT issue_id, {target}, type, metadata FROM {table} WHERE type IN ({marks}) AND {column} IN"
                out += [
                    (str(source), str(found), str(kind), "any-children" in str(metadata or ""))
                    for source, found, kind, metadata in self._select(sql, ids, KINDS)
                    if found is not None
                ]
        return out

    def _select(self, sql: str, ids: Iterable[str], values: tuple[str, ...] = ()) -> Iterator[tuple[object, ...]]:
        rest = iter(sorted(ids))
        while part := list(islice(rest, AT_ONCE)):
            yield from self._link.ask(f"{sql} ({','.join(['%s'] * len(part))})", (*values, *part))
