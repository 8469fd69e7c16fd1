"""Formula overlays: a town's or rig's changes to single steps of a formula (replace, append, skip)."""

from __future__ import annotations

import os

from gastown_core.formulas.errors import raise_problems
from gastown_core.formulas.reader import Notes, Reader
from gastown_core.formulas.source import Source, read_source
from gastown_core.formulas.weave import drop
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.formulas.formula import Formula, Step

FOLDER = "formula-overlays"
MODES = ("replace", "append", "skip")


class Override(Record):
    """A change to one step."""

    step_id: str
    mode: str
    description: str = ""
    line: int = 0


class Overlay(Record):
    """An overlay file and its overrides."""

    path: str
    overrides: tuple[Override, ...]
    warnings: tuple[str, ...] = ()


def overlay_path(root: str, rig: str, formula: str) -> str:
    """Return the path of a formula's overlay: the rig's, or the town's if ``rig`` is empty."""
    return os.path.join(root, rig, FOLDER, f"{formula}.toml") if rig else os.path.join(root, FOLDER, f"{formula}.toml")


def read_overlay(root: str, rig: str, formula: str) -> Overlay | None:
    """Return the overlay in effect: the rig's if there is one (it replaces the town's entirely), else the town's.

    Raises FormulaError if the file is not an overlay.
    """
    for level in (rig, "") if rig else ("",):
        path = overlay_path(root, level, formula)
        if os.path.isfile(path):
            return parse_overlay(read_source(path, tier="overlay"))
    return None


def parse_overlay(source: Source) -> Overlay:
    """Return the overrides in an overlay's text. Raises FormulaError with every problem found."""
    notes = Notes(source)
    top = Reader(source.data(), (), "the overlay", notes)
    found: list[Override] = []
    for own in top.tables_at("step-overrides", "override"):
        step_id, mode = own.text("step_id"), own.text("mode") or "replace"
        override = Override(step_id, mode, own.text("description"), source.line(own.path))
        if not step_id:
            own.problem("step_id", "names no step", 'name one: step_id = "…"')
        if mode not in MODES:
            own.problem("mode", f'has the mode "{mode}"', f"use one of {', '.join(MODES)}")
        if mode in ("replace", "append") and not override.description:
            own.problem("description", f"has no text to {mode}", 'add one: description = "…"')
        if any(other.step_id == step_id for other in found):
            own.problem("step_id", f"names step {step_id} a second time", "keep one override per step")
        found.append(override)
        own.done()
    top.done()
    raise_problems(f"{source.name} (overlay)", notes.problems)
    return Overlay(source.path, tuple(found), tuple(notes.warnings))


def apply_overlay(steps: Sequence[Step], overlay: Overlay, warnings: list[str]) -> tuple[list[Step], set[str]]:
    """``steps`` with the overlay applied, and the ids of skipped steps; adds a warning for each unknown step."""
    known = {step.id for step in steps}
    changed = {}
    skipped = set()
    warnings += overlay.warnings
    for override in overlay.overrides:
        if override.step_id not in known:
            warnings.append(f"{overlay.path}:{override.line}: the overlay names an unknown step: {override.step_id}")
        elif override.mode == "skip":
            skipped.add(override.step_id)
        else:
            changed[override.step_id] = override
    out = []
    for step in steps:
        if step.id in changed:
            override = changed[step.id]
            text = override.description
            if override.mode == "append" and step.description:
                text = f"{step.description.rstrip()}\n\n{text}"
            step = step._replace(description=text)
        out.append(step)
    return drop(out, skipped)


def list_overlays(root: str, rigs: Sequence[str], *, with_town: bool = True) -> list[tuple[str, str, str, str]]:
    """Return all overlay files as formula, rig (empty: the town), path, and error (empty if it can be read)."""
    from gastown_core.formulas.errors import FormulaError

    rows = []
    for rig in ([""] if with_town else []) + list(rigs):
        folder = os.path.dirname(overlay_path(root, rig, "x"))
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".toml"))
        except OSError:
            continue
        for name in names:
            path, error = os.path.join(folder, name), ""
            try:
                parse_overlay(read_source(path, tier="overlay"))
            except FormulaError as found:
                error = str(found)
            rows.append((name.removesuffix(".toml"), rig, path, error))
    return rows


_STARTER = """\
# Changes to single steps of {name}. Each override names a step and how to change its description:
#   replace  use this text instead      append  add this text at the end
#   skip     drop the step; its needs go to the steps that needed it
#
# [[step-overrides]]
# step_id = "{step}"
# mode = "append"
# description = \"\"\"
# Additional instructions for this town or rig.\"\"\"
#
# Steps: {steps}
"""


def make_overlay(path: str, formula: Formula) -> bool:
    """Write a commented overlay without overrides if there is none; returns whether it was written."""
    if os.path.lexists(path):
        return False
    from gastown_core.files.atomic import write_atomic

    names = [step.id for step in formula.steps] or [leg.id for leg in formula.legs]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    text = _STARTER.format(name=formula.name, step=names[0] if names else "…", steps=", ".join(names) or "none")
    write_atomic(path, text.encode())
    return True
