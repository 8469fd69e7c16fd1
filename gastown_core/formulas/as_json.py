"""A recipe as JSON, as ``bd cook`` prints it; what is empty is left out of steps."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.formulas.recipe import Gate, OnComplete, Recipe, RecipeStep


def recipe_json(recipe: Recipe, *, mode: str) -> dict[str, Any]:
    """The whole recipe; lists of steps in the order in which they are done."""
    out: dict[str, Any] = {
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
    more: dict[str, Any] = {
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


def step_json(step: RecipeStep) -> dict[str, Any]:
    """One step: id, title, type, priority and needs always, the rest where it says something."""
    out: dict[str, Any] = {"id": step.id, "title": step.title, "type": step.kind, "priority": step.priority}
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


def _gate(gate: Gate) -> dict[str, Any]:
    out: dict[str, Any] = {"type": gate.type}
    if gate.await_id:
        out["await_id"] = gate.await_id
    if gate.timeout:
        out["timeout"] = gate.timeout
        out["timeout_s"] = gate.timeout_s
    return out


def _on_complete(act: OnComplete) -> dict[str, Any]:
    return {"for_each": act.for_each, "bond": act.formula, "vars": dict(act.vars), "parallel": act.parallel}
