"""Formulas for tests: written as text, cooked in one call."""

from __future__ import annotations

import os
import textwrap

from gastown_core.formulas.cook import Subject, cook
from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.formula import Formula
from gastown_core.formulas.overlay import parse_overlay
from gastown_core.formulas.parse import find_in
from gastown_core.formulas.places import RIG, SHIPPED, SHIPPED_FOLDER, Places
from gastown_core.formulas.recipe import RUNTIME, Recipe
from gastown_core.formulas.source import Source


class Kitchen:
    """A folder of formulas; ``write`` adds one, ``cook`` cooks one by name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.places = Places([(RIG, folder), (SHIPPED, SHIPPED_FOLDER)])
        os.makedirs(folder, exist_ok=True)

    def write(self, name: str, text: str, *, head: bool = True, ending: str = ".formula.toml") -> str:
        body = textwrap.dedent(text)
        if head and ending.endswith("toml") and "formula =" not in body:
            body = f'formula = "{name}"\n{body}'
        path = os.path.join(self.folder, name + ending)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(body)
        return path

    def formula(self, name: str) -> Formula:
        found = find_in(self.places, name)
        assert found is not None, name
        return found

    def cook(
        self, name: str, *, mode: str = RUNTIME, overlay: str = "", subject: Subject | None = None, **values: str
    ) -> Recipe:
        laid = parse_overlay(Source(textwrap.dedent(overlay), "overlay.toml")) if overlay else None
        return cook(self.formula(name), values, mode=mode, overlay=laid, subject=subject)

    def cook_text(self, text: str, **options: object) -> Recipe:
        self.write("it", text)
        return self.cook("it", **options)  # type: ignore[arg-type]

    def error(self, text: str, **options: object) -> FormulaError:
        """The error that cooking this text ends with."""
        try:
            self.cook_text(text, **options)
        except FormulaError as error:
            return error
        raise AssertionError("it cooked")


def needs(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Each step's needs, in the order of the steps."""
    return {step.id: step.needs for step in recipe.steps}


def chain(*names: str, more: str = "") -> str:
    """Steps that need each other in a row."""
    out = []
    for before, name in zip(("", *names), names, strict=False):
        out.append(f'[[steps]]\nid = "{name}"\ntitle = "{name}"')
        if before:
            out.append(f'needs = ["{before}"]')
    return "\n".join(out) + "\n" + textwrap.dedent(more)
