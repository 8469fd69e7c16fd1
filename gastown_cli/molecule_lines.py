"""Molecules as text and JSON, in the same form for ``bd mol`` and ``gt mol``."""

from __future__ import annotations

from gastown_cli.output import clean, style
from gastown_core.molecules.attachment import MARKS
from gastown_core.molecules.steps import BLOCKED, CURRENT, DONE, PENDING, READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.molecules.steps import MoleculeProgress, StepView

_COLOURS = {DONE: "green", CURRENT: "yellow", READY: "bold", BLOCKED: "red", PENDING: "dim"}
BAR_CELLS = 20
SOON_S = 300.0
LONG = 100
"""Number of steps above which a molecule is summarized."""


def heading(seen: MoleculeProgress) -> str:
    """Return a line such as ``gt-wisp-abc12  Fix login  mol-polecat-work``."""
    formula = seen.formula if seen.formula and seen.formula not in seen.title else ""
    more = style("  ".join(word for word in (formula, "closed" if seen.root.is_closed else "") if word), "dim")
    return f"{style(clean(seen.id), 'bold')}  {one_line(seen.title)}  {more}".rstrip()


def head(seen: MoleculeProgress) -> str:
    """Return the first two lines about a molecule: its heading and its progress bar."""
    return f"{heading(seen)}\n{bar(seen)}"


def bar(seen: MoleculeProgress) -> str:
    """Return a progress bar such as ``████░░░░  3 of 8 steps, 37 %``."""
    full = BAR_CELLS * seen.completed // seen.total if seen.total else 0
    filled = style("█" * full, "green") + style("░" * (BAR_CELLS - full), "dim")
    return f"{filled}  {seen.completed} of {seen.total} steps, {seen.percent} %"


def step_rows(views: Sequence[StepView], total: int, *, with_ids: bool = False) -> list[str]:
    """Return one aligned line per step: mark, number, name, title, and what blocks it."""
    width = max((len(view.id if with_ids else view.name) for view in views), default=0)
    digits = len(str(total))
    lines = []
    for view in views:
        mark = style(MARKS[view.status], _COLOURS[view.status])
        name = clean(view.id if with_ids else view.name)
        title = one_line(view.title) if view.title != view.name else ""
        waits = f"blocked by {', '.join(view.holds[:3])}" if view.status == BLOCKED and view.holds else ""
        who = f"@{view.assignee}" if view.assignee and view.status == CURRENT else ""
        tail = "  ".join(style(clean(word), "dim") for word in (waits, who) if word)
        line = f"  {mark} {view.place + 1:>{digits}} {name.ljust(width)}  {title}  {tail}"
        lines.append(line.rstrip())
    return lines


def legend() -> str:
    """Return a line that explains the marks."""
    words = {DONE: "done", CURRENT: "in progress", READY: "ready", BLOCKED: "blocked", PENDING: "later"}
    return style("  ".join(f"{MARKS[status]} {word}" for status, word in words.items()), "dim")


def pace(seen: MoleculeProgress) -> str:
    """Return a text such as ``2.5 steps an hour, about 1.2 h left``; "" in the first minutes and at the end."""
    if not seen.rate_per_hour or seen.is_complete or seen.moment - seen.root.created_at < SOON_S:
        return ""
    return f"{seen.rate_per_hour:g} steps an hour, about {seen.eta_hours:g} h left"


def one_line(text: str) -> str:
    """Return a title on one line, safe for the terminal."""
    return clean(" ".join(text.split()))


def current_json(seen: MoleculeProgress, views: Sequence[StepView]) -> dict[str, object]:
    """Return a molecule as ``bd mol current --json`` lists it."""
    here, following = seen.current, seen.next
    return {
        "molecule_id": seen.id,
        "molecule_title": seen.title,
        "assignee": seen.root.assignee,
        "current_step": step_json(here, here) if here is not None else None,
        "next_step": step_json(following, here) if following is not None else None,
        "steps": [step_json(view, here) for view in views],
        "completed": seen.completed,
        "total": seen.total,
    }


def step_json(view: StepView, here: StepView | None) -> dict[str, object]:
    """Return one step as JSON commands print it."""
    issue = {"id": view.id, "title": view.title, "assignee": view.assignee, "step": view.name, "step_index": view.place}
    return {
        "issue": issue,
        "status": view.status,
        "is_current": view is here or (here is not None and view.id == here.id),
        "needs": list(view.needs),
        "blocked_by": list(view.holds),
    }
