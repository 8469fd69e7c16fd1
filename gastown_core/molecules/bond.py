"""Bonding: joins two molecules, and pours a molecule for each item of a step's output (``on_complete``)."""

from __future__ import annotations

import re

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.formulas.recipe import OnComplete, Recipe, RecipeStep
from gastown_core.model.bead import BLOCKS, CONDITIONAL, EPIC, PARENT_CHILD
from gastown_core.model.record import Record
from gastown_core.molecules.pour import make_molecule, members, set_state
from gastown_core.molecules.proto import is_proto, persist_in, recipe_of, variables_of
from gastown_core.molecules.root_bead import molecule_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gastown_core.beads.batch import RuleBatch
    from gastown_core.beads.store import BeadStore
    from gastown_core.formulas.formula import Variable
    from gastown_core.model.bead import Bead

    Cook = Callable[[str, Mapping[str, str]], Recipe]
    Compile = Callable[[str], tuple[Recipe, dict[str, Variable]]]
    from gastown_core.molecules.root_bead import Molecule
SEQUENTIAL, PARALLEL, CONDITIONALLY = "sequential", "parallel", "conditional"
EDGES = {SEQUENTIAL: BLOCKS, PARALLEL: PARENT_CHILD, CONDITIONALLY: CONDITIONAL}
_REF = re.compile(r"[A-Za-z0-9_.-]+\Z")


class Bonded(Record):
    """The result; ``spawned`` is the root of a newly poured molecule, ``mapping`` maps its steps to ids."""

    result: str
    kind: str
    bond: str
    spawned: str = ""
    mapping: dict[str, str] = {}  # noqa: RUF012  a default that is never modified

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``bd mol bond --json`` prints."""
        return {
            "result_id": self.result,
            "result_type": self.kind,
            "bond_type": self.bond,
            "spawned": self.spawned,
            "id_mapping": self.mapping,
        }


class Bonding(Record):
    """How to bond: ``title`` of a compound, ``ref`` a child id; ``ephemeral`` None means as the target is."""

    bond: str = SEQUENTIAL
    title: str = ""
    variables: Mapping[str, str] = {}
    ref: str = ""
    ephemeral: bool | None = None


class _NotMeantError(Exception):
    """Aborts a batch without writing."""


def bond(
    store: BeadStore,
    first: str,
    second: str,
    how: Bonding,
    *,
    actor: str,
    cook: Cook,
    compile_: Compile,
    dry_run: bool = False,
) -> Bonded:
    """Bond two operands, each a molecule, a proto, or a formula name, in one write (nothing if ``dry_run``).

    Raises UsageError for an unknown bond type or an invalid ref, NotFoundError, ConflictError for a cycle.
    """
    if how.bond not in EDGES:
        raise UsageError(f"unknown bond type {how.bond!r}", "", f"use one of {', '.join(EDGES)}")
    if how.ref and not _REF.match(how.ref):
        raise UsageError(f"{how.ref!r} cannot be a child id", "letters, digits, . _ and - are allowed")
    one, other = _operand(store, first), _operand(store, second)
    done: list[Bonded] = []
    try:
        with store.write(actor) as batch:
            if _is_molecule(one) and _is_molecule(other):
                done.append(_join(batch, first, second, how.bond))
            elif _is_molecule(one) or _is_molecule(other):
                done.append(_spawned(batch, store, (first, one), (second, other), how, cook))
            else:
                done.append(_compound(batch, store, (first, one), (second, other), how, compile_))
            if dry_run:
                raise _NotMeantError
    except _NotMeantError:
        pass
    return done[0]


def _spawned(
    batch: RuleBatch,
    store: BeadStore,
    first: tuple[str, Bead | None],
    second: tuple[str, Bead | None],
    how: Bonding,
    cook: Cook,
) -> Bonded:
    """Pour the operand that is not a molecule and bond it to the one that is."""
    (_, target), (name, proto) = (first, second) if _is_molecule(first[1]) else (second, first)
    if target is None:
        raise NotFoundError(f"no molecule {second[0]}")
    recipe = recipe_of(store, proto.id, how.variables) if proto is not None else cook(name, how.variables)
    return spawn_onto(batch, target, recipe, how)


def _operand(store: BeadStore, text: str) -> Bead | None:
    """Return the molecule or proto with this id; None means a formula name. Raises UsageError for other beads."""
    bead = store.get(text)
    if bead is None:
        return None
    if bead.issue_type not in ("molecule", EPIC) and molecule_of(bead) is None:
        raise UsageError(f"{text} is a {bead.issue_type}", "only molecules, epics, protos and formulas can be bonded")
    return bead


def _is_molecule(bead: Bead | None) -> bool:
    return bead is not None and not is_proto(bead)


def _join(batch: RuleBatch, first: str, second: str, bond_type: str) -> Bonded:
    batch.add_edge(second, first, EDGES[bond_type])
    return Bonded(first, "compound_molecule", bond_type)


def spawn_onto(batch: RuleBatch, target: Bead, recipe: Recipe, how: Bonding) -> Bonded:
    """Make a molecule from the recipe, bonded to ``target``, in the given batch."""
    ephemeral = target.is_ephemeral if how.ephemeral is None else how.ephemeral
    root = make_molecule(
        batch,
        recipe,
        actor=batch.actor,
        # a permanent one is poured, as bd mol pour does; a wisp only if its formula asks for it
        poured=recipe.pour or not ephemeral,
        ephemeral=ephemeral,
        title=how.title,
        parent=target.id if how.bond == PARALLEL else "",
        bead_id=f"{target.id}.{how.ref}" if how.ref else "",
    )
    if how.bond != PARALLEL:
        batch.add_edge(root, target.id, EDGES[how.bond])
    mapping = {one.removeprefix(f"{root}."): one for one in members(batch, root)}
    return Bonded(target.id, "compound_molecule", how.bond, root, mapping)


# -- compound protos -----------------------------------------------------------------------------------------


def _compound(
    batch: RuleBatch,
    store: BeadStore,
    first: tuple[str, Bead | None],
    second: tuple[str, Bead | None],
    how: Bonding,
    compile_: Compile,
) -> Bonded:
    """Return a proto with the steps of both, each set under a parent step."""
    parts = [_part(store, name, bead, compile_) for name, bead in (first, second)]
    (one, its), (other, theirs) = parts
    name = how.ref or f"{_short(one.name)}-{_short(other.name)}"
    own, its_name = _short(one.name), _short(other.name)
    if own == its_name:
        own, its_name = f"{own}-1", f"{its_name}-2"
    needs = (own,) if how.bond == SEQUENTIAL else ()
    condition = f"{own}.status == 'failed'" if how.bond == CONDITIONALLY else ""
    steps = [RecipeStep(own, one.name), *_under(own, one)]
    steps += [RecipeStep(its_name, other.name, needs=needs, only_if=condition), *_under(its_name, other)]
    recipe = Recipe(
        name,
        "workflow",
        tuple(steps),
        how.title or f"{one.name} and {other.name}",
        missing=tuple(dict.fromkeys((*one.missing, *other.missing))),
        digest=f"{one.digest}+{other.digest}",
        source=f"bond:{one.source}+{other.source}",
        pour=True,
    )
    made = persist_in(batch, f"{store.prefix.rstrip('-')}-{name}", recipe, {**its, **theirs})
    sources = [
        {"source_id": part.source.removeprefix("proto:"), "bond_type": kind}
        for part, kind in ((one, "root"), (other, how.bond))
    ]
    batch.update(made.id, {"bonded_from": sources, **({"title": how.title} if how.title else {})})
    mapping = {bead_id.removeprefix(f"{made.id}."): bead_id for bead_id in made.created[1:]}
    return Bonded(made.id, "compound_proto", how.bond, "", mapping)


def _part(store: BeadStore, name: str, bead: Bead | None, compile_: Compile) -> tuple[Recipe, Mapping[str, Variable]]:
    if bead is None:
        return compile_(name)
    molecule = molecule_of(bead)
    declared = variables_of(molecule) if molecule is not None else {}
    kept = {variable: f"{{{{{variable}}}}}" for variable in declared}
    # placeholders stay as they are; values are checked when the compound is poured
    free = recipe_of(store, bead.id, kept, checked=False)
    return free._replace(missing=tuple(declared), vars={}), declared


def _under(parent: str, recipe: Recipe) -> list[RecipeStep]:
    """Return the steps of a recipe as children of a step, their names prefixed with its name."""
    own = {step.id for step in recipe.steps}

    def named(name: str) -> str:
        return f"{parent}.{name}" if name in own else name

    def reworded(condition: str) -> str:
        return re.sub(r"[\w][\w:/.-]*", lambda found: _renamed(found[0], own, parent), condition) if condition else ""

    return [
        step._replace(
            id=named(step.id),
            parent=named(step.parent) if step.parent else parent,
            needs=tuple(map(named, step.needs)),
            spawner=named(step.spawner),
            body=tuple(map(named, step.body)),
            only_if=reworded(step.only_if),
            until=reworded(step.until),
        )
        for step in recipe.steps
    ]


def _renamed(word: str, own: set[str], parent: str) -> str:
    """Return a dotted word of a condition, prefixed if it begins with a step's name."""
    head = word
    while head and head not in own:
        head = head.rpartition(".")[0]
    return f"{parent}.{word}" if head else word


def _short(name: str) -> str:
    return name.removeprefix("mol-")


MOST = 200
"""The most items of an output; more are treated as a mistake."""
_ITEM = re.compile(r"\{(item(?:\.[\w-]+)*|index)\}")


def spawn(
    batch: RuleBatch,
    molecule: Molecule,
    step: RecipeStep,
    output: object,
    actor: str,
    cook: Callable[[str, Mapping[str, str]], Recipe] | None,
) -> list[str]:
    """Make the molecules of the step's ``on_complete`` as its children, chained unless parallel; returns their ids.

    Raises UsageError if the output does not contain the list, or formulas cannot be cooked here.
    """
    act = step.on_complete
    if act is None:
        return []
    if cook is None:
        raise UsageError(f"{step.id} bonds {act.formula} on completion", "formulas can only be found in a town")
    made: list[str] = []
    parent = molecule.step_bead(step.id) if molecule.is_poured else molecule.id
    for number, item in enumerate(items_of(step.id, act, output)):
        recipe = cook(act.formula, {name: _filled(text, item, number) for name, text in act.vars.items()})
        root = make_molecule(
            batch,
            recipe,
            actor=actor,
            poured=recipe.pour or molecule.is_poured,
            ephemeral=molecule.root.is_ephemeral,
            title=f"{recipe.name}: {_bonding_short(item)}",
            parent=parent,
        )
        if made and not act.parallel:
            batch.add_edge(root, made[-1])
        made.append(root)
    root_now = batch.need(molecule.id)
    set_state(batch, root_now, spawned={**molecule.table("spawned"), step.id: made})
    return made


def items_of(name: str, act: OnComplete, output: object) -> list[object]:
    """Return the list at ``output.<path>``. Raises UsageError if it is not a list or is too long."""
    value, hint = output, 'set it with --output, for example --output \'{"files": ["a", "b"]}\''
    for key in act.for_each.split(".")[1:]:
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        there = "no output was given" if output is None else f"found {type(value).__name__}"
        raise UsageError(f"step {name} iterates over {act.for_each}, which is not a list", there, hint)
    if len(value) > MOST:
        raise UsageError(f"{act.for_each} of step {name} has {len(value)} items", f"at most {MOST} can be bonded")
    return value


def _filled(text: str, item: object, number: int) -> str:
    def of(found: re.Match[str]) -> str:
        words = found[1].split(".")
        if words[0] == "index":
            return str(number)
        value = item
        for key in words[1:]:
            value = value.get(key) if isinstance(value, dict) else None
        return _text(value)

    return _ITEM.sub(of, text)


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _bonding_short(item: object) -> str:
    named = (
        next((item[key] for key in ("title", "name", "id") if item.get(key)), item) if isinstance(item, dict) else item
    )
    return _text(named)[:80]
