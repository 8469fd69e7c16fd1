"""Distilling: turns finished work into a formula; the children of an epic or molecule become its steps."""

from __future__ import annotations

import re

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.formulas.source import check_name
from gastown_core.model.bead import BLOCKS, EPIC, NO_PRIORITY, PARENT_CHILD, USUAL_PRIORITY
from gastown_core.model.metadata import read_step
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from gastown_core.beads.store import BeadStore
    from gastown_core.model.bead import Bead


class Distilled(Record):
    """The text of a distilled formula, and what it was made from."""

    name: str
    text: str
    steps: tuple[str, ...]
    variables: dict[str, str]


def distill(store: BeadStore, root_id: str, name: str = "", words: Iterable[str] = ()) -> Distilled:
    """Return a formula that recreates this work; ``words`` are ``name=value`` or ``value=name`` for its variables.

    Raises NotFoundError, and UsageError for a bad name, a bead without children, or a value that occurs nowhere.
    """
    root = store.get(root_id)
    if root is None:
        raise NotFoundError(f"no bead {root_id}", "", "bd mol list lists molecules, bd epic status epics")
    below = _below(store, root_id)
    if not below:
        raise UsageError(f"{root_id} has no children", "a formula is made from a bead's children", "bd create --parent")
    text = "\n".join(part for bead in (root, *below) for part in (bead.title, bead.description))
    variables = _variables(words, text)
    names = _names(root_id, below)
    own = check_name(name) if name else _slug(root.title)
    lines = [f"formula = {quoted(own)}", "version = 1", 'type = "workflow"']
    lines += [f"description = {quoted(_templated(root.description or root.title, variables))}"]
    lines += [
        f"\n[vars.{key}]\ndescription = {quoted(f'was {value}')}\nrequired = true" for key, value in variables.items()
    ]
    for bead in below:
        lines += ["", "[[steps]]", *_step(bead, names, variables)]
    return Distilled(own, "\n".join(lines) + "\n", tuple(names[bead.id] for bead in below), variables)


def _below(store: BeadStore, root_id: str) -> list[Bead]:
    """Return the children, each after those it needs, otherwise by step index and creation time."""
    ids = [source for source, kind in store.dependents(root_id) if kind == PARENT_CHILD]
    beads = sorted(
        (bead for bead in store.get_many(ids).values() if bead.issue_type != "gate" and "digest" not in bead.labels),
        key=lambda bead: (_index(bead), bead.created_at, bead.id),
    )
    placed: dict[str, Bead] = {}
    waiting = {bead.id: bead for bead in beads}
    while waiting:
        free = [bead for bead in waiting.values() if not any(need in waiting for need in _needs(bead))]
        for bead in free or list(waiting.values()):
            placed[bead.id] = waiting.pop(bead.id)
    return list(placed.values())


def _index(bead: Bead) -> int:
    step = read_step(bead)
    return (step.place or 0) if step is not None else 0


def _needs(bead: Bead) -> list[str]:
    return [edge.target for edge in bead.edges if edge.type == BLOCKS]


def _names(root_id: str, beads: Iterable[Bead]) -> dict[str, str]:
    """Return a unique step name for each bead: its old step name, or one made from its title."""
    found: dict[str, str] = {}
    for bead in beads:
        tail = bead.id.removeprefix(f"{root_id}.")
        base = tail if tail != bead.id and not tail.isdecimal() else _slug(bead.title)
        name, number = base, 2
        while name in found.values():
            name, number = f"{base}-{number}", number + 1
        found[bead.id] = name
    return found


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-") or "step"


def _variables(words: Iterable[str], text: str) -> dict[str, str]:
    """Variable → the value it stands for: the value is the side of ``=`` that occurs in the text."""
    found = {}
    for word in words:
        left, equals, right = word.partition("=")
        if not equals or not left or not right:
            raise UsageError(f"--var {word} is not a variable", "", "use --var NAME=VALUE")
        if right in text and re.fullmatch(r"[A-Za-z_]\w*", left):
            found[left] = right
        elif left in text and re.fullmatch(r"[A-Za-z_]\w*", right):
            found[right] = left
        else:
            raise UsageError(f"neither side of --var {word} occurs in the texts", "", "write it exactly as there")
    return found


def _templated(text: str, variables: Mapping[str, str]) -> str:
    for name, value in sorted(variables.items(), key=lambda pair: -len(pair[1])):
        text = text.replace(value, f"{{{{{name}}}}}")
    return text


def _step(bead: Bead, names: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    fields: dict[str, object] = {
        "id": names[bead.id],
        "title": _templated(bead.title, variables),
        "description": _templated(bead.description, variables),
        "acceptance": _templated(bead.text("acceptance_criteria"), variables),
        "type": bead.issue_type if bead.issue_type in ("bug", "feature", EPIC, "chore") else "",
        "priority": bead.priority if bead.priority not in (USUAL_PRIORITY, NO_PRIORITY) else "",
        "labels": [label for label in bead.labels if label != "gt:step"],
        "needs": [names[need] for need in _needs(bead) if need in names],
    }
    return [f"{key} = {_toml(value)}" for key, value in fields.items() if value not in ("", [])]


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    return str(value) if isinstance(value, int) else quoted(value)


def quoted(text: str) -> str:
    """Return the text as a TOML string, multi-line if it has line breaks."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped)
    return f'"""\n{escaped}"""' if "\n" in text else f'"{escaped}"'.replace("\t", "\\t")
