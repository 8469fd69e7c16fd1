"""The parts of a convoy formula: inputs, prompts, legs, output, synthesis, presets."""

from __future__ import annotations

from gastown_core.formulas.formula import Formula, Leg, Output, Preset, Synthesis
from gastown_core.formulas.variables import read_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.formulas.reader import Reader


def read_convoy(top: Reader, formula: Formula) -> Formula:
    """``formula`` with what its text says about legs and their findings."""
    return formula._replace(
        inputs=read_variables(top, "inputs"),
        prompts=top.word_table("prompts"),
        legs=tuple(read_legs(top, "legs")),
        output=_output(top),
        synthesis=_synthesis(top),
        presets=_presets(top),
    )


def read_legs(top: Reader, key: str) -> list[Leg]:
    """The legs of a list of tables."""
    legs = []
    for own in top.tables_at(key, key.rstrip("s")):
        leg = Leg(
            own.text("id"),
            own.text("title"),
            own.text("focus"),
            own.text("description").strip(),
            own.text("agent"),
            own.path,
        )
        if not leg.id:
            own.problem("id", "has no id", 'give it one: id = "…"')
        legs.append(leg if leg.title else leg._replace(title=leg.id.replace("-", " ").capitalize()))
        own.done()
    return legs


def _output(top: Reader) -> Output:
    own = top.table_at("output", "output")
    if own is None:
        return Output()
    made = Output(own.text("directory"), own.text("leg_pattern"), own.text("synthesis"))
    own.done()
    return made


def _synthesis(top: Reader) -> Synthesis | None:
    own = top.table_at("synthesis", "synthesis")
    if own is None:
        return None
    made = Synthesis(
        own.text("title") or "Synthesis",
        own.text("description").strip(),
        tuple(dict.fromkeys((*own.texts("depends_on"), *own.texts("needs")))),
        own.text("agent"),
        own.path,
    )
    own.done()
    return made


def _presets(top: Reader) -> dict[str, Preset]:
    presets = {}
    for name in top.raw("presets"):
        table = top.table["presets"][name]
        holder = type(top)(top.table["presets"], ("presets",), "presets", top.notes)
        if isinstance(table, list):
            presets[name] = Preset(name, holder.texts(name))
            continue
        own = holder.table_at(name, f"preset {name}")
        if own is not None:
            presets[name] = Preset(name, own.texts("legs"), own.text("description"))
            own.done()
    return presets
