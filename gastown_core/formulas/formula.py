"""A formula as its file says it, typed: what parsing makes and composing rewrites, before variables are filled in."""

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
"""A kind of gate that formulas of Go's Gas Town name and no program opens."""
DEFAULT_PRIORITY = 2


class Variable(Record):
    """A declared variable; ``default`` None is none, the empty text is one."""

    name: str
    description: str = ""
    required: bool = False
    default: str | None = None
    enum: tuple[str, ...] = ()
    pattern: str = ""
    type: str = "string"
    required_unless: tuple[str, ...] = ()


class GateText(Record):
    """A step's gate as written; ``timeout`` may hold placeholders."""

    type: str
    await_id: str = ""
    timeout: str = ""


class Loop(Record):
    """A step's loop: one of ``times`` (its key is ``count``), ``range``, ``until``; ``body`` is flat, its steps name their parents."""

    body: tuple[Step, ...]
    times: str = ""
    range: str = ""
    until: str = ""
    most: str = ""
    var: str = ""


class Step(Record):
    """A step, a template step, or one of a loop's body. Children are steps of their own that name their ``parent``.

    ``origin`` and ``path`` say where it is written. ``waits_for`` is ``all-children``, ``any-children`` or empty.
    """

    id: str
    title: str = ""
    description: str = ""
    notes: str = ""
    acceptance: str = ""
    kind: str = ""
    priority: int | None = None
    labels: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes
    assignee: str = ""
    needs: tuple[str, ...] = ()
    parent: str = ""
    waits_for: str = ""
    spawner: str = ""
    conditions: tuple[str, ...] = ()
    gate: GateText | None = None
    loop: Loop | None = None
    expand: str = ""
    expand_vars: dict[str, str] = {}  # noqa: RUF012  a default that nobody changes
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
    """``compose.expand`` or ``compose.map``: every step that ``select`` fits becomes the template of formula ``template``."""

    select: str
    template: str
    vars: dict[str, str] = {}  # noqa: RUF012  a default that nobody changes
    path: Path = ()
    origin: Source | None = None


class Branch(Record):
    """``compose.branch``: ``steps`` run beside each other after ``start``, and ``join`` waits for all of them."""

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
    """A named place where other work may be bonded: after or before a step."""

    id: str
    description: str = ""
    after_step: str = ""
    before_step: str = ""
    parallel: bool = False
    path: Path = ()
    origin: Source | None = None


class Hook(Record):
    """``compose.hooks``: work whose bead fits ``trigger`` gets the steps of formula ``attach`` at bond point ``at``."""

    trigger: str
    attach: str
    at: str = ""
    vars: dict[str, str] = {}  # noqa: RUF012  a default that nobody changes
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
    """Steps put before and after every step that ``target`` fits."""

    target: str
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    path: Path = ()
    origin: Source | None = None


class Pointcut(Record):
    """Which steps advice may touch: by glob of the id, by type, by label; what is empty fits all."""

    glob: str = ""
    type: str = ""
    label: str = ""


class Leg(Record):
    """One of a convoy's parallel lines of work, or one of an aspect's points of view."""

    id: str
    title: str = ""
    focus: str = ""
    description: str = ""
    agent: str = ""
    path: Path = ()


class Output(Record):
    """Where a convoy's legs and its synthesis write."""

    directory: str = ""
    leg_pattern: str = ""
    synthesis: str = ""


class Synthesis(Record):
    """What brings a convoy's findings together; ``needs`` empty means all legs."""

    title: str = ""
    description: str = ""
    needs: tuple[str, ...] = ()
    agent: str = ""
    path: Path = ()


class Preset(Record):
    """A named choice of a convoy's legs."""

    name: str
    legs: tuple[str, ...]
    description: str = ""


class Formula(Record):
    """A formula's file. ``places`` is where formulas that it names are looked for; ``data`` the tables as read."""

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
    vars: dict[str, Variable] = {}  # noqa: RUF012  a default that nobody changes
    steps: tuple[Step, ...] = ()
    template: tuple[Step, ...] = ()
    compose: Compose = Compose()
    advice: tuple[Advice, ...] = ()
    pointcuts: tuple[Pointcut, ...] = ()
    inputs: dict[str, Variable] = {}  # noqa: RUF012  a default that nobody changes
    prompts: dict[str, str] = {}  # noqa: RUF012  a default that nobody changes
    legs: tuple[Leg, ...] = ()
    output: Output = Output()
    synthesis: Synthesis | None = None
    presets: dict[str, Preset] = {}  # noqa: RUF012  a default that nobody changes
    squash: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes
    data: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes
    warnings: tuple[str, ...] = ()
    places: Places | None = None
    given: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
