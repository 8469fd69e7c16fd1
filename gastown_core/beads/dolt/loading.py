"""Loads whole ledgers into an empty database, in few statements instead of several for each bead."""

from __future__ import annotations

from gastown_core.beads.dolt import blocked, rows
from gastown_core.beads.dolt.schema import ISSUES, TARGETS, WISPS, Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gastown_core.beads.dolt.link import Link
    from gastown_core.model.bead import Bead

    Raw = dict[str, Any]


def load(link: Link, schema: Schema, beads: Sequence[Bead], config: Mapping[str, str]) -> None:
    """Store the beads and settings in one transaction, committed to the history. Raises StoreError."""
    homes = {bead.id: WISPS if bead.is_ephemeral else ISSUES for bead in beads}
    with link.transaction():
        for home in (ISSUES, WISPS):
            mine = [bead for bead in beads if homes[bead.id] == home]
            columns = schema.columns(home)
            _insert(link, home, [rows.values_of(bead.raw, columns) for bead in mine])
        for home in (ISSUES, WISPS):
            _relate(link, schema, home, [bead for bead in beads if homes[bead.id] == home], homes)
        _insert(link, "config", [{"key": key, "value": value} for key, value in config.items()])
        _insert(link, "child_counters", _counters(homes, ISSUES))
        _insert(link, "wisp_child_counters", _counters(homes, WISPS))
        blocked.recompute(link, schema, [bead.id for bead in beads if bead.edges], lambda table: table)
        link.ask("CALL DOLT_COMMIT('-Am', 'gt: load the beads of the ledger', '--allow-empty')")


def _relate(link: Link, schema: Schema, home: str, beads: Sequence[Bead], homes: Mapping[str, str]) -> None:
    labels, comments = [], []
    edges: dict[str, list[Raw]] = {}
    wired, said = schema.related(home, "dependencies"), schema.related(home, "comments")
    for bead in beads:
        labels += [{"issue_id": bead.id, "label": label} for label in bead.labels]
        for edge in rows.objects(bead.raw, "dependencies"):
            column = {ISSUES: TARGETS[0], WISPS: TARGETS[1]}.get(
                homes.get(str(edge.get("depends_on_id")), ""), TARGETS[2]
            )
            kinds = schema.columns(wired)
            edges.setdefault(column, []).append(
                rows.edge_values({**edge, "issue_id": bead.id}, {*kinds}, column, kinds)
            )
        for comment in rows.objects(bead.raw, "comments"):
            values = rows.comment_values(comment, bead.id, schema.columns(said))
            comments.append({**values, "id": rows.comment_id(comment)})
    _insert(link, schema.related(home, "labels"), labels)
    for group in edges.values():
        _insert(link, wired, group)
    _insert(link, said, comments)


def _counters(homes: Mapping[str, str], home: str) -> list[Raw]:
    """Return the last number below each parent of a home."""
    last: dict[str, int] = {}
    for bead_id in homes:
        parent, _, number = bead_id.rpartition(".")
        if homes.get(parent) == home and number.isdigit():
            last[parent] = max(last.get(parent, 0), int(number))
    return [{"parent_id": parent, "last_child": number} for parent, number in last.items()]


def _insert(link: Link, table: str, values: list[Raw]) -> None:
    if not values or not table:
        return
    names = list(values[0])
    marks = ", ".join(["%s"] * len(names))
    columns = ", ".join(f"`{name}`" for name in names)
    link.tell_many(
        f"INSERT INTO {table} ({columns}) VALUES ({marks})", [tuple(row[name] for name in names) for row in values]
    )
