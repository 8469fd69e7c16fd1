"""Incidents as text: a row each in the problems view, and a page with all who suffer."""

from __future__ import annotations

from gastown_core.clock import format_age
from gastown_core.model.agent import HEALTH_SYMBOLS
from gastown_tui.rowtext import since_text, state_glyph
from gastown_tui.selection import INCIDENT, point_at
from gastown_tui.text import clean, fit, fit_right, glyph, two_ends, wrap
from gastown_tui.widgets.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.incident import Incident
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.text import Piece, Pieces


def incident_rows(snapshot: TownSnapshot, width: int, now: float, ascii_only: bool) -> list[Row]:
    """Return the causes that several agents share, with the key that acts for all of them."""
    if not snapshot.incidents:
        return []
    rows = [Row(None, ((f"INCIDENTS {len(snapshot.incidents)}", "bad"),), False)]
    for one in snapshot.incidents:
        left: tuple[Piece, ...] = (
            ("  ", "text"),
            (glyph("warn", ascii_only) + "  ", "bad"),
            (one.name + " ", "accent"),
            (f"{len(one.subjects)} agents  ", "text"),
            (clean(one.cause), "bright"),
        )
        age = format_age(max(1.0, now - one.since)) if one.since else ""
        right: tuple[Piece, ...] = ((f"{age}  ", "dim"),)
        helps = snapshot.helps_against(one)
        right += (("O", "key"), (f" {helps[0]} all", "dim")) if helps else ((one.advice(helps), "dim"),)
        rows.append(Row(point_at(INCIDENT, "", one.name), two_ends(left, right, width, 2)))
    return [*rows, Row(None, (), False)]


def incident_page(one: Incident, snapshot: TownSnapshot, now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the cause, the acts that help, and each agent with its state and its work."""
    lines: list[Pieces] = [((line, "bright"),) for line in wrap(clean(one.cause), max(20, width))]
    age = format_age(max(1.0, now - one.since)) if one.since else "unknown"
    lines.append(((f"{len(one.subjects)} agents, for {age}", "dim"),))
    helps = snapshot.helps_against(one)
    acts: list[Piece] = [("O", "key"), ("  ", "text"), (", ".join(f"{act} all" for act in helps), "text")]
    lines += [*([tuple(acts)] if helps else []), ((one.advice(helps), "dim"),), ()]
    for name in one.subjects:
        agent = snapshot.agent(name)
        if agent is None:
            lines.append(((clean(name), "dim"),))
            continue
        state = agent.health.state
        work = f"{agent.work.bead_id} {agent.work.title}" if agent.work is not None else ""
        lines.append(
            (
                (f" {state_glyph(state, ascii_only)} ", state.value),
                (fit(clean(agent.address.short), 18) + " ", "bright"),
                (fit(HEALTH_SYMBOLS[state][2], 12) + " ", state.value),
                (fit_right(since_text(agent, now), 5) + "  ", "dim"),
                (clean(work), "text"),
            )
        )
    return lines
