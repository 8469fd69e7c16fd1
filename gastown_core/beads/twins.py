"""Twins: two different beads with the same id, created on both sides of a merge; one of them gets a new id.

The older bead keeps the id.  The new id is derived from immutable fields of the younger bead, so every clone computes
the same one, whatever the side or order of merging.  References to the younger bead are changed too: on the side that
created it, the id never meant anything else.
"""

from __future__ import annotations

import re
from itertools import count

from gastown_core.beads import ids
from gastown_core.beads.ledger_line import is_stone
from gastown_core.clock import parse_moment
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Raw = dict[str, Any]


class Twin(Record):
    """A bead with a new id: ``old`` stays with the bead titled ``kept``; ``moved`` is the title of the renamed one."""

    old: str
    new: str
    kept: str
    moved: str


def sentence_of(twin: Twin) -> str:
    """Return a sentence about two beads that had one id."""
    return f"two beads had the id {twin.old}: {twin.kept!r} keeps it, {twin.moved!r} is now {twin.new}"


FORMER = "former_id"
"""The metadata key under which a renamed bead keeps its old id."""

_NAMED_TYPES = frozenset(("agent", "role", "rig", "queue", "slot"))
_NAMED_LABELS = frozenset(f"gt:{word}" for word in (*_NAMED_TYPES, "channel", "group"))
_NEVER = frozenset(("id", "branch", FORMER))
"""Keys whose text is not a reference to a bead: the record's own id, and git branches."""


def is_other_bead(one: Raw, other: Raw, *, by_title: bool = True) -> bool:
    """Return whether two records with one id and no common ancestor are different beads.

    They are if they were created at different times or (``by_title``) have different titles; ids that are names
    (agents, rigs, queues) mean the same wherever they were created.
    """
    if _is_named(one) and _is_named(other):
        return False
    if not _same_moment(one.get("created_at"), other.get("created_at")):
        return True
    return by_title and not (is_stone(one) or is_stone(other)) and one.get("title") != other.get("title")


def _is_named(raw: Raw) -> bool:
    labels = raw.get("labels")
    return raw.get("issue_type") in _NAMED_TYPES or (isinstance(labels, list) and not _NAMED_LABELS.isdisjoint(labels))


def _same_moment(one: object, other: object) -> bool:
    """Return whether two timestamps may be the same: equal, or one truncated to whole seconds."""
    first, second = parse_moment(one), parse_moment(other)
    if first is None or second is None:
        return True
    return first == second or (int(first) == int(second) and (first.is_integer() or second.is_integer()))


def by_age(one: Raw, other: Raw) -> tuple[Raw, Raw]:
    """Return the older and the younger of two beads, independent of argument order."""

    def key(raw: Raw) -> tuple[float, str, str]:
        return parse_moment(raw.get("created_at")) or 0.0, str(raw.get("title")), str(raw.get("created_by"))

    older, younger = sorted((one, other), key=key)
    return older, younger


def is_same_bead(one: Raw, other: Raw) -> bool:
    """Return whether two records are the same bead by their immutable fields, whatever their ids."""
    return one.get("created_at") == other.get("created_at") and one.get("created_by") == other.get("created_by")


def new_id(raw: Raw, *places: Mapping[str, Raw]) -> str:
    """Return the new id for a bead that shares its own: free in all ``places``, or already this bead's there."""
    return next(
        candidate
        for candidate in candidates(raw)
        if all(candidate not in beads or is_same_bead(beads[candidate], raw) for beads in places)
    )


def parted_as(raw: Raw, beads: Mapping[str, Raw]) -> str:
    """Return the new id under which ``beads`` contains a bead renamed by an earlier merge; empty if it does not."""
    for candidate in candidates(raw):
        if candidate not in beads:
            return ""
        if is_same_bead(beads[candidate], raw):
            return candidate
    return ""


def candidates(raw: Raw) -> Iterator[str]:
    """Ids derived from a bead's old id, author and creation time, in order of preference."""
    old = str(raw["id"])
    stem = old.rpartition("-")[0]
    author = f"{raw.get('created_at')}|{raw.get('created_by') or ''}"
    for nonce in count():
        length = min(ids.MIN_LENGTH + nonce // ids.NONCES, ids.MAX_LENGTH)
        yield f"{stem}-{ids.hash_of(old, '', author, 0, nonce, length)}"


def with_new_id(raw: Raw, new: str) -> Raw:
    """Return the bead under its new id; its metadata keeps the old one, unless it is not an object."""
    old = str(raw["id"])
    out = {**renamed(raw, {old: new}), "id": new}
    if isinstance(out.get("metadata", {}), dict):
        out["metadata"] = {**out.get("metadata", {}), FORMER: old}
    return out


def renamed(raw: Raw, names: Mapping[str, str]) -> Raw:
    """Return the record with every mention of the ids in ``names`` replaced: edges, metadata, texts.

    Its own id and branch names stay.
    """
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    mention = re.compile(rf"(?<![\w/.-])(?:{words})(?![\w/-]|\.\d)")
    return {key: value if key in _NEVER else _walk(value, mention, names) for key, value in raw.items()}


def _walk(value: object, mention: re.Pattern[str], names: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return "\n".join(
            line if line.startswith("branch:") else mention.sub(lambda found: names[found[0]], line)
            for line in value.split("\n")
        )
    if isinstance(value, list):
        return [_walk(item, mention, names) for item in value]
    if isinstance(value, dict):
        return {key: item if key in _NEVER else _walk(item, mention, names) for key, item in value.items()}
    return value
