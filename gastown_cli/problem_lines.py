"""The problems view without a screen: for scripts, logs and agents."""

from __future__ import annotations

from gastown_cli import agent_lines, output
from gastown_cli.commands.status import orphan_lines
from gastown_core.clock import format_span
from gastown_core.model.agent import HEALTH_ORDER, HEALTH_SYMBOLS, NEEDS_HELP, Health
from gastown_core.model.bead import priority_word
from gastown_core.state.as_json import agent_json
from gastown_core.state.collect import collect
from gastown_core.state.standstill import stuck_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.snapshot import AgentView, TownSnapshot


def print_problems(root: str, *, as_json: bool) -> int:
    """Agents by how much a person is needed, each with the reasons and what comes next."""
    snapshot = collect(root)
    now = snapshot.taken_at
    views = sorted(snapshot.agents, key=lambda v: (HEALTH_ORDER[v.health.state], v.health.since or now))
    if as_json:
        output.say_json([agent_json(view) for view in views])
        return 0
    orphans = orphan_lines(snapshot, now)
    work = work_lines(snapshot, now)
    needy = [v for v in views if v.health.state in (*NEEDS_HELP, Health.LIMITED, Health.UNKNOWN)]
    output.say(output.style(f"NEEDS ATTENTION ({len(needy)})", "bold"))
    if needy or not (orphans or work):
        output.say(output.table([_row(v, now) for v in needy]) if needy else "  all is well")
    for line in (*work, *orphans):
        output.say(line)
    for state in (Health.WORKING, Health.IDLE):
        group = [v for v in views if v.health.state is state]
        output.say(output.style(f"{HEALTH_SYMBOLS[state][2].upper()} ({len(group)})", "bold"))
        if group:
            output.say("  " + ", ".join(output.clean(v.address.short) for v in group))
    for source in snapshot.sources:
        if source.error:
            output.say(output.style(f"! {source.name}: {output.clean(source.error)}", "yellow"))
    return 0


def work_lines(snapshot: TownSnapshot, now: float) -> list[str]:
    """Open escalations, and convoys that do not get on with what holds them; empty if there are none."""
    lines: list[str] = []
    if snapshot.escalated:
        lines.append(output.style(f"ESCALATIONS ({len(snapshot.escalated)})", "bold"))
    for raised in snapshot.escalated:
        age = format_span(now - raised.since) if raised.since else ""
        lines.append(f"  {raised.bead_id}  {priority_word(raised.priority)}  {age}  {output.clean(raised.title)}")
    stuck = snapshot.stuck(now)
    if stuck:
        lines.append(output.style(f"STUCK WORK ({len(stuck)})", "bold"))
    for convoy in stuck:
        lines.append(f"  {convoy.id}  {output.clean(convoy.title)}  {convoy.done}/{convoy.total}")
        lines += [f"    {output.clean(told)}" for told in stuck_words(convoy, now)]
    return lines


def _row(view: AgentView, now: float) -> list[str]:
    since = format_span(now - view.health.since) if view.health.since is not None else ""
    bead = view.work.bead_id if view.work is not None else ""
    row = [f"  {output.clean(view.address.short)}", agent_lines.health_text(view), since, bead]
    ahead = view.health.forecast
    coming = f"→ {ahead.state.value} in {format_span(max(0.0, ahead.at - now))}" if ahead is not None else ""
    return [*row, output.clean(view.health.reason), coming]
