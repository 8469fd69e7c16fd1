"""Convoys, and what was set going in them, as lines for people."""

from __future__ import annotations

from gastown_cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.model.obstacle import Obstacle
    from gastown_core.work.convoy.convoys import Convoy, Progress
    from gastown_core.work.convoy.staging import Finding, Plan
    from gastown_core.work.scheduler.dispatch import Dispatched

MARKS = {"closed": "✓", "in_review": "◐", "hooked": "●", "in_progress": "●", "blocked": "⊘"}
_SAYS_IT = ("held", "gone", "review", "done", "queued")


def bar(count: Progress, width: int = 20) -> str:
    """``████▒▒······`` done, in review, the rest."""
    total = max(count.total, 1)
    done = count.done * width // total
    review = (count.done + count.in_review) * width // total - done
    return "█" * done + "▒" * review + "·" * (width - done - review)


def progress_words(count: Progress) -> str:
    """``2 done, 1 in review, 0 running, 5 in all``."""
    words = [f"{count.done} done", f"{count.in_review} in review", f"{count.running} running", f"{count.total} in all"]
    if count.missing:
        words.append(f"{count.missing} not found")
    return ", ".join(words)


def detail_lines(convoy: Convoy, holds: Mapping[str, Obstacle] | None = None) -> list[str]:
    """A convoy with its members; ``holds`` tells what keeps some of them, those without one are ready."""
    bead = convoy.bead
    words = [word for word in ("mountain", "mountain:paused") if word in bead.labels]
    labels = f" {output.style(' '.join(words), 'magenta')}" if words else ""
    lines = [f"{output.style(bead.id, 'bold')} {output.clean(bead.title)} [{bead.status}]{labels}"]
    fields = bead.fields
    told = [f"owner {fields['owner']}"] if fields.get("owner") else []
    told += ["owned: its owner lands it"] if "gt:owned" in bead.labels else []
    listeners = [fields[key] for key in ("notify", "watchers") if fields.get(key)]
    told += [f"tells {', '.join(listeners)}"] if listeners else []
    told += [f"nudges {fields['nudge_watchers']}"] if fields.get("nudge_watchers") else []
    told += [f"merges {fields['merge']}"] if fields.get("merge") else []
    told += [f"from {fields['base_branch']}"] if fields.get("base_branch") else []
    if told:
        lines.append("  " + output.clean(" · ".join(told)))
    lines.append(f"  {bar(convoy.progress)} {progress_words(convoy.progress)}")
    for bead_id, member in convoy.members:
        if member is None:
            lines.append(f"  ? {bead_id} (not found in any ledger)")
            continue
        mark = MARKS.get(member.status, "○")
        worker = f"  {output.clean(member.assignee)}" if member.assignee else ""
        lines.append(f"  {mark} {bead_id} [{member.status}] {output.clean(member.title)}{worker}")
        hold = holds.get(bead_id) if holds is not None else None
        if hold is not None and (hold.code not in _SAYS_IT or hold.code == "gone"):
            lines.append("      " + output.style(output.clean(hold.text), "dim"))
    return lines


def dispatch_lines(done: Iterable[Dispatched]) -> list[str]:
    """One line for each bead that was set going, or was not."""
    lines = []
    for one in done:
        if not one.ok:
            lines.append(f"  {output.style('✗', 'red')} {one.bead}: {output.clean(one.error)}")
        elif one.deferred:
            lines.append(f"  {output.style('⏱', 'cyan')} {one.bead} queued for {one.rig}")
        else:
            branch = f" on {one.branch}" if one.branch else ""
            lines.append(f"  {output.style('✓', 'green')} {one.bead} → {output.clean(one.agent)}{output.clean(branch)}")
    return lines


def plan_lines(plan: Plan) -> list[str]:
    """The waves of a staged convoy, with what is wrong or odd."""
    lines = []
    for number, wave in enumerate(plan.waves, 1):
        lines.append(output.style(f"Wave {number}", "bold"))
        for task in wave:
            after = f"  after {', '.join(task.blocked_by)}" if task.blocked_by else ""
            rig = task.rig or "no rig"
            lines.append(f"  ○ {task.bead.id} {output.clean(task.bead.title)} ({rig}){output.style(after, 'dim')}")
    lines += _findings("error", "✗", "red", plan.errors)
    return lines + _findings("warning", "!", "yellow", plan.warnings)


def _findings(word: str, mark: str, colour: str, found: Iterable[Finding]) -> list[str]:
    lines = []
    for one in found:
        lines.append(f"{output.style(mark, colour)} {word}, {one.category}: {output.clean(one.message)}")
        lines.append(f"    next: {output.clean(one.suggested_fix)}")
    return lines
