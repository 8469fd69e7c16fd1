"""A convoy formula ready to run: its legs, the prompt of each, and its output file; used by previews and runs alike."""

from __future__ import annotations

import os
import re

from gastown_core.formulas.errors import FormulaError
from gastown_core.formulas.extend import resolve_extends
from gastown_core.formulas.formula import Formula, Leg, Step
from gastown_core.formulas.variables import require, settle
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
_TAG = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_DOTTED = re.compile(r"\.?[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*|\.")
_MAX_DEPTH = 10


def render(text: str, names: Mapping[str, object]) -> str:
    """``text`` with names, conditions and lists filled in; values are not expanded again."""
    if "{{" not in text:
        return text
    return _Renderer(_tokens(text)).block(names, 0)[0]


def _tokens(text: str) -> list[tuple[str, str]]:
    """Pairs of kind (``text`` or ``tag``) and content; blanks are trimmed at ``{{-`` and ``-}}``."""
    out: list[tuple[str, str]] = []
    at, trim = 0, False
    for found in _TAG.finditer(text):
        piece = text[at : found.start()]
        piece = piece.lstrip() if trim else piece
        out.append(("text", piece.rstrip() if found[1] else piece))
        out.append(("tag", found[2]))
        at, trim = found.end(), bool(found[3])
    out.append(("text", text[at:].lstrip() if trim else text[at:]))
    return out


class _Renderer:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    def block(self, names: object, at: int, root: object = None, depth: int = 0) -> tuple[str, int]:
        """Return the text from token ``at`` to the tag that ends its block, and that tag's index."""
        root = names if root is None else root
        out: list[str] = []
        while at < len(self.tokens):
            kind, content = self.tokens[at]
            word = content.partition(" ")[0]
            if kind == "text":
                out.append(content)
            elif word in ("else", "end"):
                return "".join(out), at
            elif word in ("if", "range") and depth < _MAX_DEPTH:
                piece, at = self._choice(word, content, names, at, root, depth)
                out.append(piece)
            else:
                out.append(_word(content, names, root))
            at += 1
        return "".join(out), at

    def _choice(self, word: str, content: str, names: object, at: int, root: object, depth: int) -> tuple[str, int]:
        value = _look_up(content[len(word) :].strip(), names, root)
        if word == "range":
            items = value if isinstance(value, list | tuple) else [value] if value else []
        else:
            items = [names] if value else []
        pieces = [self.block(item, at + 1, root, depth + 1)[0] for item in items]
        # a block that is not shown is still parsed to find its end
        _, end = self.block(names, at + 1, root, depth + 1)
        if end < len(self.tokens) and self.tokens[end][1] == "else":
            other, end = self.block(names, end + 1, root, depth + 1)
            pieces = pieces or [other]
        return "".join(pieces), end


def _word(content: str, names: object, root: object) -> str:
    if not _DOTTED.fullmatch(content):
        return "{{" + content + "}}"
    value = _look_up(content, names, root)
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "\n".join(_line(item) for item in value)
    return _line(value)


def _line(value: object) -> str:
    if isinstance(value, dict):
        if "path" in value:
            counts = f" (+{value.get('additions', 0)} -{value.get('deletions', 0)})" if "additions" in value else ""
            return f"- {value['path']}{counts}"
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return "true" if value is True else "false" if value is False else str(value)


def _look_up(dotted: str, names: object, root: object) -> object:
    if dotted == ".":
        return names
    parts = [part for part in dotted.lstrip("$.").split(".") if part]
    for start in (names, root):
        value = start
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


DEFAULT_PATTERN = "{{.leg.id}}-findings.md"
DEFAULT_SYNTHESIS = "synthesis.md"
SYNTHESIS = "synthesis"


class LegPlan(Record):
    """One leg: its prompt, its agent, and the absolute path of its findings."""

    id: str
    title: str
    text: str
    agent: str
    output_path: str


class ConvoyPlan(Record):
    """A convoy formula with its inputs set; ``synthesis`` (None if the formula has none) needs ``synthesis_needs``."""

    formula: str
    review_id: str
    directory: str
    legs: tuple[LegPlan, ...]
    synthesis: LegPlan | None = None
    synthesis_needs: tuple[str, ...] = ()
    values: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    review_only: bool = False
    warnings: tuple[str, ...] = ()


def leg_steps(formula: Formula) -> tuple[Step, ...]:
    """Return a convoy as steps: parallel legs, then the synthesis."""
    steps = [
        Step(
            leg.id,
            leg.title,
            "\n\n".join(part for part in (leg.focus and f"Focus: {leg.focus}", leg.description) if part),
            parallel=True,
            metadata={"agent": leg.agent} if leg.agent else {},
            origin=formula.source,
            path=leg.path,
        )
        for leg in formula.legs
    ]
    last = formula.synthesis
    if last is not None:
        needs = last.needs or tuple(leg.id for leg in formula.legs)
        steps.append(Step(SYNTHESIS, last.title, last.description, needs=needs, origin=formula.source, path=last.path))
    return tuple(steps)


def plan_convoy(
    formula: Formula,
    given: Mapping[str, str],
    *,
    directory: str,
    review_id: str,
    preset: str = "",
    agent: str = "",
    facts: Mapping[str, object] | None = None,
) -> ConvoyPlan:
    """Resolve the inputs, select the legs, and render the prompt of each.

    ``directory`` is the absolute folder for relative output folders; ``facts`` are further names for the texts
    (``pr_number``, ``pr_title``, ``changed_files``, ``files``, ``target_description``).  A leg's own agent takes
    precedence over ``agent``, which takes precedence over the formula's.  Raises FormulaError, MissingVariables.
    """
    formula = resolve_extends(formula)
    declared = {**formula.vars, **formula.inputs}
    known = {key: str(value) for key, value in (facts or {}).items() if key in declared and value not in (None, "", [])}
    values, missing = settle(formula.name, declared, {**known, **given})
    require(formula.name, declared, missing)
    legs = _chosen(formula, preset)
    names: dict[str, object] = {
        **dict.fromkeys(("target_description", "pr_number", "pr_title", "files"), ""),
        "changed_files": [],
        **(facts or {}),
        **values,
        "formula_name": formula.name,
        "review_id": review_id,
    }
    folder = os.path.normpath(os.path.join(directory, render(formula.output.directory or ".", names)))
    pattern = formula.output.leg_pattern or DEFAULT_PATTERN
    end = os.path.join(folder, render(formula.output.synthesis or DEFAULT_SYNTHESIS, names))
    names["output"] = {"directory": folder, "leg_pattern": pattern, "synthesis": end}
    plans = tuple(
        _leg(formula, leg, names, os.path.join(folder, _file_name(pattern, leg, names)), agent) for leg in legs
    )
    last, needs = _synthesis(formula, plans, names, end, agent)
    return ConvoyPlan(
        formula.name, review_id, folder, plans, last, needs, values, formula.review_only, formula.warnings
    )


def _chosen(formula: Formula, preset: str) -> tuple[Leg, ...]:
    if not preset:
        return formula.legs
    found = formula.presets.get(preset)
    if found is None:
        known = ", ".join(formula.presets) or "none"
        raise FormulaError(f"formula {formula.name} has no preset {preset}", "", f"presets: {known}")
    return tuple(leg for leg in formula.legs if leg.id in found.legs)


def _leg(formula: Formula, leg: Leg, names: Mapping[str, object], path: str, agent: str) -> LegPlan:
    own = {
        **names,
        "leg": {"id": leg.id, "title": leg.title, "focus": leg.focus, "description": leg.description},
        "output_path": path,
    }
    parts = [render(leg.description, own), render(formula.prompts.get("base", ""), own)]
    parts += [render(formula.prompts[leg.id], own)] if leg.id in formula.prompts and leg.id != "base" else []
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return LegPlan(leg.id, render(leg.title, own), text, leg.agent or agent or formula.agent, path)


def _file_name(pattern: str, leg: Leg, names: Mapping[str, object]) -> str:
    # the older pattern form has the leg's id in single braces or angle brackets
    plain = pattern.replace("{leg}", leg.id).replace("<leg>", leg.id).replace("{{leg}}", leg.id)
    return render(plain, {**names, "leg": {"id": leg.id, "title": leg.title, "focus": leg.focus}})


def _synthesis(
    formula: Formula, legs: Sequence[LegPlan], names: Mapping[str, object], path: str, agent: str
) -> tuple[LegPlan | None, tuple[str, ...]]:
    last = formula.synthesis
    if last is None:
        return None, ()
    needs = tuple(leg.id for leg in legs if not last.needs or leg.id in last.needs)
    told = {
        **names,
        "output_path": path,
        "legs": [{"id": leg.id, "title": leg.title, "output_path": leg.output_path} for leg in legs],
    }
    parts = [render(last.description, told), render(formula.prompts.get(SYNTHESIS, ""), told)]
    parts.append("Findings to combine:\n" + "\n".join(f"- {leg.title}: {leg.output_path}" for leg in legs))
    parts.append(f"Write the result to {path}.")
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return LegPlan(SYNTHESIS, render(last.title, told), text, last.agent or agent or formula.agent, path), needs
