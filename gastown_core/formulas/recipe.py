"""The recipe: a formula after composition, with its variables filled in; input of pouring, priming and display.

``cook`` makes it; later stages never look at a formula's source.  Every step comes after the steps it needs,
otherwise in file order.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
COMPILE, RUNTIME = "compile", "runtime"
"""Modes of cooking: keep placeholders, or substitute all variables (a missing one is an error)."""


class Gate(Record):
    """What a step waits for outside the molecule; ``type`` is human, timer, gh:run, gh:pr, bead or mail.

    ``timeout`` is the duration as written; ``timeout_s`` is 0 if there is none or it still contains a placeholder.
    """

    type: str
    await_id: str = ""
    timeout_s: float = 0.0
    timeout: str = ""


class OnComplete(Record):
    """When the step completes, bond ``formula`` with ``vars`` for each item of ``for_each``, a path in its output."""

    for_each: str
    formula: str
    vars: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    parallel: bool = True


class RecipeStep(Record):
    """One step. ``needs`` are ids of steps that must be closed first; ``parent`` is the id of the enclosing step.

    ``waits_for`` is ``all-children`` or ``any-children`` of the step ``spawner`` (molecules bonded to it at run time).
    ``only_if`` is a run-time condition that holds the step until it is true.  ``until`` repeats the loop body that
    starts here (``body``, step ids) until it is true, at most ``most`` times.  ``condition`` is a step condition that
    a compiled recipe could not decide without a variable's value; it is empty in a cooked recipe.
    """

    id: str
    title: str
    description: str = ""
    notes: str = ""
    acceptance: str = ""
    kind: str = "task"
    priority: int = 2
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    assignee: str = ""
    needs: tuple[str, ...] = ()
    parent: str = ""
    waits_for: str = ""
    spawner: str = ""
    gate: Gate | None = None
    only_if: str = ""
    until: str = ""
    most: int = 0
    body: tuple[str, ...] = ()
    on_complete: OnComplete | None = None
    parallel: bool = False
    interactive: bool = False
    condition: str = ""


class Recipe(Record):
    """A cooked formula. ``vars`` holds the values used, ``missing`` the names without one (compile mode only).

    ``digest`` is the SHA-256 of all source texts (with parents, templates and aspects), ``source`` the formula's path
    (or ``shipped:<name>``), ``tier`` rig, town, user or shipped.  ``pour`` says whether the formula asks for a bead per
    step; ``wisp_type`` is the lifetime class of its wisps.
    """

    name: str
    type: str
    steps: tuple[RecipeStep, ...]
    description: str = ""
    vars: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    missing: tuple[str, ...] = ()
    phase: str = ""
    pour: bool = False
    wisp_type: str = ""
    agent: str = ""
    review_only: bool = False
    source: str = ""
    tier: str = ""
    digest: str = ""
    bond_points: tuple[dict[str, object], ...] = ()
    hooks: tuple[dict[str, Any], ...] = ()
    squash: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    warnings: tuple[str, ...] = ()
    version: int = 1

    def step(self, step_id: str) -> RecipeStep | None:
        """Return the step with this id, None if there is none."""
        return next((step for step in self.steps if step.id == step_id), None)


def recipe_json(recipe: Recipe, *, mode: str) -> dict[str, object]:
    """Return the recipe as JSON; steps are in execution order."""
    out: dict[str, object] = {
        "formula": recipe.name,
        "type": recipe.type,
        "version": recipe.version,
        "description": recipe.description,
        "mode": mode,
        "source": recipe.source,
        "tier": recipe.tier,
        "digest": recipe.digest,
        "pour": recipe.pour,
        "vars": dict(recipe.vars),
        "steps": [step_json(step) for step in recipe.steps],
    }
    more: dict[str, object] = {
        "missing": list(recipe.missing),
        "phase": recipe.phase,
        "wisp_type": recipe.wisp_type,
        "agent": recipe.agent,
        "review_only": recipe.review_only,
        "bond_points": [dict(point) for point in recipe.bond_points],
        "hooks": [dict(hook) for hook in recipe.hooks],
        "squash": dict(recipe.squash),
        "warnings": list(recipe.warnings),
    }
    out.update((key, value) for key, value in more.items() if value)
    return out


def step_json(step: RecipeStep) -> dict[str, object]:
    """Return one step as JSON: id, title, type, priority and needs always, other keys only if set."""
    out: dict[str, object] = {"id": step.id, "title": step.title, "type": step.kind, "priority": step.priority}
    out["needs"] = list(step.needs)
    for key in ("description", "notes", "acceptance", "assignee", "parent", "waits_for", "spawner", "only_if"):
        if getattr(step, key):
            out[key] = getattr(step, key)
    if step.labels:
        out["labels"] = list(step.labels)
    if step.metadata:
        out["metadata"] = step.metadata
    if step.gate is not None:
        out["gate"] = _gate(step.gate)
    if step.until:
        out["until"] = {"condition": step.until, "max": step.most, "body": list(step.body)}
    if step.on_complete is not None:
        out["on_complete"] = _on_complete(step.on_complete)
    for key in ("parallel", "interactive"):
        if getattr(step, key):
            out[key] = True
    if step.condition:
        out["condition"] = step.condition
    return out


def _gate(gate: Gate) -> dict[str, object]:
    out: dict[str, object] = {"type": gate.type}
    if gate.await_id:
        out["await_id"] = gate.await_id
    if gate.timeout:
        out["timeout"] = gate.timeout
        out["timeout_s"] = gate.timeout_s
    return out


def _on_complete(act: OnComplete) -> dict[str, object]:
    return {"for_each": act.for_each, "bond": act.formula, "vars": dict(act.vars), "parallel": act.parallel}
