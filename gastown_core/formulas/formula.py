"""A formula as written in its file, typed: parsing makes it and composition rewrites it, before variables are set."""

from __future__ import annotations

from gastown_core.formulas.recipe import OnComplete
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gastown_core.formulas.places import Places
    from gastown_core.formulas.source import Path, Source
WORKFLOW, EXPANSION, ASPECT, CONVOY = "workflow", "expansion", "aspect", "convoy"
TYPES = (WORKFLOW, EXPANSION, ASPECT, CONVOY)
KINDS = ("task", "bug", "feature", "epic", "chore")
GATES = ("human", "timer", "gh:run", "gh:pr", "bead", "mail")
UNCHECKED_GATE = "conditional"
"""A gate type in formulas of Go's Gas Town that no program opens."""
DEFAULT_PRIORITY = 2


class Variable(Record):
    """A declared variable; ``default`` None means no default, an empty text is one."""

    name: str
    description: str = ""
    required: bool = False
    default: str | None = None
    enum: tuple[str, ...] = ()
    pattern: str = ""
    type: str = "string"
    required_unless: tuple[str, ...] = ()


class GateText(Record):
    """A step's gate as written; ``timeout`` may contain placeholders."""

    type: str
    await_id: str = ""
    timeout: str = ""


class Loop(Record):
    """A step's loop: ``times`` (key ``count``), ``range`` or ``until``; the steps of ``body`` name their parents."""

    body: tuple[Step, ...]
    times: str = ""
    range: str = ""
    until: str = ""
    most: str = ""
    var: str = ""


class Step(Record):
    """A step, a template step, or a step of a loop's body. Children are separate steps that name their ``parent``.

    ``origin`` and ``path`` locate it in the source. ``waits_for`` is ``all-children``, ``any-children`` or empty.
    """

    id: str
    title: str = ""
    description: str = ""
    notes: str = ""
    acceptance: str = ""
    kind: str = ""
    priority: int | None = None
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    assignee: str = ""
    needs: tuple[str, ...] = ()
    parent: str = ""
    waits_for: str = ""
    spawner: str = ""
    conditions: tuple[str, ...] = ()
    gate: GateText | None = None
    loop: Loop | None = None
    expand: str = ""
    expand_vars: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    on_complete: OnComplete | None = None
    parallel: bool = False
    interactive: bool = False
    only_if: str = ""
    until: str = ""
    most: int = 0
    body: tuple[str, ...] = ()
    origin: Source | None = None
    path: Path = ()


class Expand(Record):
    """``compose.expand`` or ``compose.map``: steps that ``select`` matches become those of formula ``template``."""

    select: str
    template: str
    vars: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    path: Path = ()
    origin: Source | None = None


class Branch(Record):
    """``compose.branch``: ``steps`` run in parallel after ``start``, and ``join`` waits for all of them."""

    start: str
    steps: tuple[str, ...]
    join: str
    path: Path = ()
    origin: Source | None = None


class GateRule(Record):
    """``compose.gate``: the step ``before`` waits until ``condition`` is true at run time."""

    before: str
    condition: str
    path: Path = ()
    origin: Source | None = None


class BondPoint(Record):
    """A named place for bonding other work: after or before a step."""

    id: str
    description: str = ""
    after_step: str = ""
    before_step: str = ""
    parallel: bool = False
    path: Path = ()
    origin: Source | None = None


class Hook(Record):
    """``compose.hooks``: a bead that matches ``trigger`` gets the steps of formula ``attach`` at bond point ``at``."""

    trigger: str
    attach: str
    at: str = ""
    vars: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    path: Path = ()
    origin: Source | None = None


class Compose(Record):
    """The rules of a formula's ``compose`` table."""

    bond_points: tuple[BondPoint, ...] = ()
    hooks: tuple[Hook, ...] = ()
    expand: tuple[Expand, ...] = ()
    map: tuple[Expand, ...] = ()
    branch: tuple[Branch, ...] = ()
    gate: tuple[GateRule, ...] = ()
    aspects: tuple[str, ...] = ()


class Advice(Record):
    """Steps put before and after every step that ``target`` matches."""

    target: str
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    path: Path = ()
    origin: Source | None = None


class Pointcut(Record):
    """Which steps advice applies to: by glob of the id, by type, by label; an empty field matches all."""

    glob: str = ""
    type: str = ""
    label: str = ""


class Leg(Record):
    """One of a convoy's parallel lines of work, or one of an aspect's viewpoints."""

    id: str
    title: str = ""
    focus: str = ""
    description: str = ""
    agent: str = ""
    path: Path = ()


class Output(Record):
    """Output paths of a convoy's legs and its synthesis."""

    directory: str = ""
    leg_pattern: str = ""
    synthesis: str = ""


class Synthesis(Record):
    """The step that combines a convoy's findings; ``needs`` empty means all legs."""

    title: str = ""
    description: str = ""
    needs: tuple[str, ...] = ()
    agent: str = ""
    path: Path = ()


class Preset(Record):
    """A named selection of a convoy's legs."""

    name: str
    legs: tuple[str, ...]
    description: str = ""


class Formula(Record):
    """A formula's file. ``places`` is where other formulas are searched; ``data`` holds the tables as read."""

    name: str
    type: str
    source: Source
    version: int = 1
    description: str = ""
    phase: str = ""
    pour: bool = False
    wisp_type: str = ""
    agent: str = ""
    review_only: bool = False
    extends: tuple[str, ...] = ()
    vars: dict[str, Variable] = {}  # noqa: RUF012  a default that is never modified
    steps: tuple[Step, ...] = ()
    template: tuple[Step, ...] = ()
    compose: Compose = Compose()
    advice: tuple[Advice, ...] = ()
    pointcuts: tuple[Pointcut, ...] = ()
    inputs: dict[str, Variable] = {}  # noqa: RUF012  a default that is never modified
    prompts: dict[str, str] = {}  # noqa: RUF012  a default that is never modified
    legs: tuple[Leg, ...] = ()
    output: Output = Output()
    synthesis: Synthesis | None = None
    presets: dict[str, Preset] = {}  # noqa: RUF012  a default that is never modified
    squash: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    data: dict[str, Any] = {}  # noqa: RUF012  a default that is never modified
    warnings: tuple[str, ...] = ()
    places: Places | None = None
    given: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
