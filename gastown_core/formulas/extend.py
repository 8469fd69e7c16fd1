"""``extends``: a formula on top of its parents, whose values apply unless the child overrides them."""

from __future__ import annotations

from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.formula import Compose, Formula, Step
from gastown_core.formulas.parse import find_in
from gastown_core.formulas.step_order import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol, TypeVar

    class Named(Protocol):
        """An item with an id."""

        @property
        def id(self) -> str:
            """The id."""

    T = TypeVar("T", bound=Named)

_SAID = (
    "description", "version", "phase", "pour", "wisp_type", "agent", "review_only", "squash", "output", "synthesis"
)  # fmt: skip


def resolve_extends(formula: Formula, chain: tuple[Formula, ...] = ()) -> Formula:
    """Return the formula merged with its parents, recursively.

    A formula may extend one of the same name in a lower tier (a rig's ``shiny`` on top of the shipped one).  Raises
    FormulaError for a missing parent or a cycle, naming the chain.
    """
    if not formula.extends:
        return formula
    chain = (*chain, formula)
    base: Formula | None = None
    for number, name in enumerate(formula.extends):
        parent = resolve_extends(_parent(formula, name, number, chain), chain)
        base = parent if base is None else merge(base, parent)
    return merge(base, formula)._replace(extends=()) if base is not None else formula


def _parent(formula: Formula, name: str, number: int, chain: tuple[Formula, ...]) -> Formula:
    taken = {link.source.path for link in chain if link.name == name}
    found = find_in(formula.places, name, without=taken)
    if found is not None:
        return found
    where = formula.source.problem(("extends", number), "").where
    if taken:
        raise FormulaError(
            f"formula {chain[0].name} extends itself",
            f"{' → '.join([*(link.name for link in chain), name])} ({where})",
            f"remove {name} from the extends of {formula.name}",
        )
    from gastown_core.formulas.places import not_found

    raise not_found(name, formula.places, f"{formula.name} extends it ({where})")


def merge(base: Formula, over: Formula) -> Formula:
    """``over`` on top of ``base``: keys set in ``over`` win, lists are joined, steps with equal ids are replaced."""
    said = {key: getattr(over if key in over.given else base, key) for key in _SAID}
    return over._replace(
        **said,
        type=over.type if "type" in over.given else base.type,
        vars={**base.vars, **over.vars},
        inputs={**base.inputs, **over.inputs},
        prompts={**base.prompts, **over.prompts},
        presets={**base.presets, **over.presets},
        steps=merge_steps(base.steps, over.steps),
        template=merge_steps(base.template, over.template),
        legs=_by_id(base.legs, over.legs),
        compose=_compose(base.compose, over.compose),
        advice=(*base.advice, *over.advice),
        pointcuts=(*base.pointcuts, *over.pointcuts),
        warnings=(*base.warnings, *over.warnings),
        given=base.given | over.given,
        texts=(*base.texts, *over.texts),
    )


def merge_steps(base: Sequence[Step], over: Sequence[Step]) -> tuple[Step, ...]:
    """Parents' steps first; a step with the same id replaces the parent's, and its children if it has any."""
    if not base:
        return tuple(over)
    under = descendants(over)
    own = {step.id for step in over}
    known = {step.id for step in base}
    lost: set[str] = set()
    base_under = descendants(base)
    for step_id in own & known:
        if step_id in under:
            lost |= base_under.get(step_id, set()) - own
    out: list[Step] = []
    taken: set[str] = set()
    for step in base:
        if step.id in lost:
            continue
        if step.id not in own:
            out.append(step)
            continue
        for mine in over:
            if mine.id == step.id:
                kind = mine.kind or ("epic" if step.id in base_under else "")
                out.append(mine._replace(parent=mine.parent or step.parent, kind=kind))
                taken.add(mine.id)
    return (*out, *(step for step in over if step.id not in taken))


def _compose(base: Compose, over: Compose) -> Compose:
    return Compose(
        bond_points=_by_id(base.bond_points, over.bond_points),
        hooks=(*base.hooks, *over.hooks),
        expand=(*base.expand, *over.expand),
        map=(*base.map, *over.map),
        branch=(*base.branch, *over.branch),
        gate=(*base.gate, *over.gate),
        aspects=tuple(dict.fromkeys((*base.aspects, *over.aspects))),
    )


def _by_id(base: tuple[T, ...], over: tuple[T, ...]) -> tuple[T, ...]:
    named = {item.id: item for item in over}
    known = {item.id for item in base}
    return (*(named.get(item.id, item) for item in base), *(item for item in over if item.id not in known))
