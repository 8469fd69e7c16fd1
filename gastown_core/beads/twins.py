"""Two beads with one id: each side of a merge gave it to a bead of its own, and one of them gets another.

The older bead keeps the id.  The new id of the younger one is made of what never changes in it, so every clone that
merges comes to the same one, whichever side it stands on and in whatever order it merges.  What means the younger
bead follows: on the side that made it, the id never meant anything else.
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
    """A bead that got a new id: ``old`` stays with the bead titled ``kept``; ``moved`` is its own title."""

    old: str
    new: str
    kept: str
    moved: str


def sentence_of(twin: Twin) -> str:
    """What became of two beads with one id, in words."""
    return f"two beads had the id {twin.old}: {twin.kept!r} keeps it, {twin.moved!r} is {twin.new} now"


FORMER = "former_id"
"""The metadata key in which a bead that got a new id keeps the old one."""

_NAMED_TYPES = frozenset(("agent", "role", "rig", "queue", "slot"))
_NAMED_LABELS = frozenset(f"gt:{word}" for word in (*_NAMED_TYPES, "channel", "group"))
_NEVER = frozenset(("id", "branch", FORMER))
"""Keys whose text names something else than a bead: the record itself, and branches as git knows them."""


def is_other_bead(one: Raw, other: Raw, *, by_title: bool = True) -> bool:
    """Whether two records of one id, without a common ancestor, are different beads that drew the same id.

    They are if they were made at different moments or (``by_title``) have different titles; ids that are names (agents, rigs,
    queues) mean the same thing wherever they were made.
    """
    if _is_named(one) and _is_named(other):
        return False
    if not _same_moment(one.get("created_at"), other.get("created_at")):
        return True
    return by_title and not (is_stone(one) or is_stone(other)) and one.get("title") != other.get("title")


def _is_named(raw: Raw) -> bool:
    labels = raw.get("labels")
    return raw.get("issue_type") in _NAMED_TYPES or (isinstance(labels, list) and not _NAMED_LABELS.isdisjoint(labels))


def _same_moment(one: Any, other: Any) -> bool:
    """Whether two moments may be the same: equal, or one is the other as a writer of whole seconds keeps it."""
    first, second = parse_moment(one), parse_moment(other)
    if first is None or second is None:
        return True
    return first == second or (int(first) == int(second) and (first.is_integer() or second.is_integer()))


def by_age(one: Raw, other: Raw) -> tuple[Raw, Raw]:
    """The older and the younger of two beads, the same whichever comes first."""

    def key(raw: Raw) -> tuple[float, str, str]:
        return parse_moment(raw.get("created_at")) or 0.0, str(raw.get("title")), str(raw.get("created_by"))

    older, younger = sorted((one, other), key=key)
    return older, younger


def is_same_bead(one: Raw, other: Raw) -> bool:
    """Whether two records are of one bead by what never changes in it, whatever their ids."""
    return one.get("created_at") == other.get("created_at") and one.get("created_by") == other.get("created_by")


def new_id(raw: Raw, *places: Mapping[str, Raw]) -> str:
    """The id that a bead gets in place of one that it shares: free in all ``places``, or that of this very bead there."""
    return next(
        candidate
        for candidate in candidates(raw)
        if all(candidate not in beads or is_same_bead(beads[candidate], raw) for beads in places)
    )


def parted_as(raw: Raw, beads: Mapping[str, Raw]) -> str:
    """The new id under which ``beads`` hold a bead that an earlier merge parted from its twin; empty if they do not."""
    for candidate in candidates(raw):
        if candidate not in beads:
            return ""
        if is_same_bead(beads[candidate], raw):
            return candidate
    return ""


def candidates(raw: Raw) -> Iterator[str]:
    """Ids made of a bead's old id, its author and its moment, the likeliest first."""
    old = str(raw["id"])
    stem = old.rpartition("-")[0]
    author = f"{raw.get('created_at')}|{raw.get('created_by') or ''}"
    for nonce in count():
        length = min(ids.MIN_LENGTH + nonce // ids.NONCES, ids.MAX_LENGTH)
        yield f"{stem}-{ids.hash_of(old, '', author, 0, nonce, length)}"


def with_new_id(raw: Raw, new: str) -> Raw:
    """The bead under its new id; the old one is kept in its metadata, unless that is no object."""
    old = str(raw["id"])
    out = {**renamed(raw, {old: new}), "id": new}
    if isinstance(out.get("metadata", {}), dict):
        out["metadata"] = {**out.get("metadata", {}), FORMER: old}
    return out


def renamed(raw: Raw, names: Mapping[str, str]) -> Raw:
    """The record with every mention of the ids ``names`` turned into the new ones: edges, facts, texts.

    Its own id stays, and so do branches, whose names are git's.
    """
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    mention = re.compile(rf"(?<![\w/.-])(?:{words})(?![\w/-]|\.\d)")
    return {key: value if key in _NEVER else _walk(value, mention, names) for key, value in raw.items()}


def _walk(value: Any, mention: re.Pattern[str], names: Mapping[str, str]) -> Any:
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
