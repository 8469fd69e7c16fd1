"""The drawer's pages about an agent, a convoy, a batch, an event or a bead; pure."""

from __future__ import annotations

import json
import time

from gastown_core.clock import format_age, format_ago, format_span
from gastown_core.model.address import parse_address
from gastown_core.model.agent import HEALTH_SYMBOLS, NEEDS_HELP
from gastown_core.model.bead import CLOSED, MemberStage
from gastown_core.model.hook_life import ACTIVE, ARCHIVED, COMPLETED, CREATED, SUSPENDED
from gastown_core.model.snapshot import RequestState
from gastown_core.state.convoy_views import stuck_words
from gastown_tui.rowtext import SHORT_STATES, state_glyph
from gastown_tui.text import clean, clean_lines, cut, fit, glyph, wrap
from gastown_tui.widgets.convoy_panel import STAGES, numbers, progress_bar, progress_words
from gastown_tui.widgets.event_stream import event_pieces
from gastown_tui.widgets.landing_text import strip_legend, strip_rows
from gastown_tui.widgets.probe_panel import batch_rows, history_row
from gastown_tui.widgets.refinery_text import ENTRIES
from gastown_tui.widgets.rows import pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gastown_core.git.worktree_facts import WorkFacts
    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.refinery import BatchRecord
    from gastown_core.model.snapshot import AgentView, RefineryView, TownSnapshot
    from gastown_core.state.collect import Account
    from gastown_core.state.detail import BeadDetail, PastRequest, QueueView, WorkDetail
    from gastown_core.state.rows import EventRow
    from gastown_tui.text import Piece, Pieces

LABEL = 11
SOURCE_WORDS = {
    "runtime": "its runtime's hook",
    "heartbeat": "its heartbeat",
    "ledger": "the ledger",
    "git": "git",
    "process": "tmux and the process",
    "screen": "its screen",
    "event": "the event log",
}
"""Source of a reason → its words."""


def fact(label: str, *pieces: Piece) -> Pieces:
    """Return a labelled line."""
    return ((fit(label, LABEL) + " ", "dim"), *pieces)


HOOKS = {
    CREATED: ("queued", "info", "waiting for its first session"),
    ACTIVE: ("running", "working", "session running"),
    SUSPENDED: ("pause", "stalled", "work, but no session"),
    COMPLETED: ("done", "good", "handed in"),
    ARCHIVED: ("dot", "dim", "worktree removed"),
}
"""State of a hook → (glyph name, tone, meaning)."""


def hook_lines(agent: AgentView, now: float, ascii_only: bool) -> list[Pieces]:
    """Return the hook's state and its age, the work on it, and the step."""
    lines: list[Pieces] = []
    if agent.hook:
        mark, tone, meaning = HOOKS.get(agent.hook, ("dot", "dim", ""))
        since = f" {format_age(max(0.0, now - agent.hook_since))}" if agent.hook_since else ""
        state = (f"{glyph(mark, ascii_only)} {agent.hook.capitalize()}{since}", tone)
        lines.append(fact("hook", state, (f"  {meaning}", "dim")))
    if agent.work is not None:
        lines.append(fact("work" if agent.hook else "hook", (agent.work.bead_id, "accent")))
        lines.append(fact("", (clean(agent.work.title), "text")))
        if agent.work.step:
            lines.append(fact("step", (clean(agent.work.step), "text")))
    elif not agent.hook:
        lines.append(fact("hook", ("empty", "dim")))
    return lines


def branch_line(detail: WorkDetail) -> list[Pieces]:
    """Return the worktree on one line: its own commits, the number of uncommitted files, its branch."""
    facts = detail.git
    if facts is None:
        return []
    loose = len(facts.changed) + len(facts.untracked)
    parts: list[Piece] = []
    if facts.ahead:
        parts.append((f"+{facts.ahead} commit{'s' if facts.ahead != 1 else ''}", "good"))
    if loose:
        parts.append((f"{', ' if parts else ''}{loose} dirty", "warn"))
    name = clean(facts.branch) or "detached"
    return [fact("branch", *parts, (f"  {name}" if parts else name, "text"))]


def agent_facts(agent: AgentView, now: float, ascii_only: bool, detail: WorkDetail | None = None) -> list[Pieces]:
    """Return the side column of the preview: state, hook, step, branch, runtime, session, mail."""
    state = agent.health.state
    glyph_words = f"{state_glyph(state, ascii_only)} {HEALTH_SYMBOLS[state][2]}"
    lines = [fact("state", (glyph_words, state.value))]
    if agent.health.since:
        lines.append(fact("since", (f"{format_span(max(0.0, now - agent.health.since))}", "text")))
    lines += hook_lines(agent, now, ascii_only)
    if detail is not None:
        lines += branch_line(detail)
    if agent.last_event is not None:
        lines.append(fact("last", (clean(agent.last_event.text), "text")))
    if agent.last_output_at:
        lines.append(fact("output", (f"{format_ago(now - agent.last_output_at)}", "text")))
    lines.append(fact("runtime", (clean(agent.runtime) or "-", "text")))
    lines.append(fact("session", (clean(agent.session), "text")))
    if agent.unread:
        lines.append(fact("mail", (f"{agent.unread} unread: {clean(agent.first_subject)}", "info")))
    if agent.attached:
        lines.append(fact("attached", (f"{agent.attached} watching", "text")))
    if agent.health.badges:
        lines.append(fact("badges", (clean(" ".join(agent.health.badges)), "warn")))
    return lines


def no_preview(agent: AgentView, restart: str) -> list[Pieces]:
    """Return why there is no pane to show, and the key that restarts the agent."""
    if agent.running is None:
        return [(("Its session is unknown: tmux does not answer.", "dim"),)]
    return [
        ((f"{clean(agent.address.short)} has no session.", "text"),),
        ((restart, "key"), (" restarts it on the same hook.", "dim")),
    ]


def _question(agent: AgentView, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the whole question on the agent's screen with its choices, none of it cut; nothing if it asks nothing."""
    asked = agent.asks
    if asked is None:
        return []
    lines: list[Pieces] = [(("It asks:", "dim"),)]
    text_width = max(20, width - 4)
    for row in (asked.text or asked.words).split("\n"):
        lines += [((f"  {part}", "text"),) for part in wrap(clean(row), text_width)]
    for number, option in enumerate(asked.options):
        mark = glyph("arrow", ascii_only) if number == asked.cursor else " "
        first, *more = wrap(clean(option), text_width - 2)
        lines.append(((f"  {mark} ", "accent"), (first, "bright")))
        lines += [((f"    {part}", "bright"),) for part in more]
    return [*lines, ()]


def why_page(agent: AgentView, now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the evidence for the state, the deciding piece first, each with source and age; then the forecast."""
    state = agent.health.state
    since = f" for {format_span(max(0.0, now - agent.health.since))}" if agent.health.since else ""
    head: Pieces = (
        (state_glyph(state, ascii_only) + " ", state.value),
        (HEALTH_SYMBOLS[state][2], state.value),
        (since, "text"),
        (", because", "dim"),
    )
    lines: list[Pieces] = [head, ()]
    text_width = max(20, min(64, width - 34))
    for number, reason in enumerate(agent.health.reasons):
        age = format_ago(now - reason.at) if reason.at else ""
        wrapped = wrap(clean(reason.text), text_width)
        lines.append(
            (
                (f" {number + 1}. ", "dim"),
                (fit(wrapped[0], text_width) + "  ", "bright" if not number else "text"),
                (fit(SOURCE_WORDS.get(reason.source, reason.source), 22), "dim"),
                (age, "dim"),
            )
        )
        lines += [(("    " + more, "bright" if not number else "text"),) for more in wrapped[1:]]
    if not agent.health.reasons:
        lines.append(((" no evidence", "dim"),))
    lines.append(())
    lines += _question(agent, width, ascii_only)
    lines.append(_forecast(agent, now, ascii_only))
    return lines


def _forecast(agent: AgentView, now: float, ascii_only: bool) -> Pieces:
    forecast = agent.health.forecast
    if forecast is None:
        verb = "recover" if agent.health.state in NEEDS_HELP else "change"
        return ((f"It will not {verb} by itself.", "dim"),)
    left = max(0.0, forecast.at - now)
    return (
        (glyph("arrow", ascii_only) + " ", "accent"),
        (SHORT_STATES[forecast.state], forecast.state.value),
        (f" in {format_span(left)}" if left >= 60 else " within a minute", "text"),
        (" if nothing happens", "dim"),
    )


def queue_lines(view: QueueView, now: float, width: int) -> list[Pieces]:
    """Return the nudges that wait, with the reason, are on the way, or were not delivered, with the reason."""
    if view.is_empty:
        return []
    lines: list[Pieces] = [(), fact("nudges", (view.words(), "text"))]
    if view.waiting and view.held:
        lines.append(fact("", (clean(view.held), "warn")))
    rows = [(one.at, one.sender, one.message, "", "text") for one in view.waiting]
    rows += [(one.at, "", one.text, "on the way", "dim") for one in view.on_the_way]
    rows += [(one.at, one.sender, one.message, one.reason, "error") for one in view.dead]
    for at, sender, message, why, tone in rows:
        words = f"{sender}: {message}" if sender else message
        first = cut(clean(words.split("\n", 1)[0]), max(12, width - LABEL - 1))
        lines.append(fact(format_ago(now - at), (first, tone)))
        if why:
            lines.append(fact("", (clean(why), tone)))
    return lines


def work_page(detail: WorkDetail, now: float, width: int) -> list[Pieces]:
    """Return the page of the hooked bead."""
    if detail.bead is None:
        return [(("Its hook is empty.", "dim"),)]
    return bead_page(detail.bead, now, width)


def worktree_lines(detail: WorkDetail, now: float, ascii_only: bool) -> list[Pieces]:
    """Return the state of the worktree, or why it is unknown."""
    lines: list[Pieces] = []
    if detail.git is not None:
        lines += git_lines(detail.git, now, ascii_only)
    elif detail.git_error:
        lines.append(fact("worktree", (clean(detail.git_error), "warn")))
    if detail.work_dir:
        lines.append(fact("folder", (clean(detail.work_dir), "dim")))
    return lines


def git_lines(facts: WorkFacts, now: float, ascii_only: bool) -> list[Pieces]:
    """Return branch, distance, uncommitted files, newest commits."""
    distance = (
        ""
        if facts.ahead is None
        else f"  +{facts.ahead} commits" + (f", {facts.behind} behind" if facts.behind else "")
    )
    lines = [fact("branch", (clean(facts.branch) or "detached", "text"), (distance, "good" if facts.ahead else "dim"))]
    loose = len(facts.changed) + len(facts.untracked)
    if loose:
        names = ", ".join([*facts.changed, *facts.untracked][:4]) + (" …" if loose > 4 else "")
        lines.append(fact("uncommitted", (f"{loose} file{'s' if loose > 1 else ''}  ", "warn"), (clean(names), "dim")))
    else:
        lines.append(fact("uncommitted", ("none", "dim")))
    for number, commit in enumerate(facts.commits[:3]):
        label = "commits" if not number else ""
        age = format_age(max(0.0, now - commit.at))
        lines.append(fact(label, (commit.sha + " ", "accent"), (clean(commit.subject), "text"), (f"  {age}", "dim")))
    return lines


def bead_page(detail: BeadDetail, now: float, width: int) -> list[Pieces]:
    """Return a bead in full."""
    bead = detail.bead
    assignee = bead.text("assignee")
    lines: list[Pieces] = [
        ((bead.id + " ", "accent"), (clean(bead.title), "title")),
        fact("status", (clean(bead.status), "text"), (f"  priority {bead.raw.get('priority', 2)}  {clean(bead.text('issue_type'))}  in {detail.store}", "dim")),
    ]  # fmt: skip
    if assignee:
        lines.append(fact("assignee", (clean(parse_address(assignee).short), "text")))
    labels = bead.raw.get("labels")
    if isinstance(labels, list) and labels:
        lines.append(fact("labels", (clean(" ".join(map(str, labels))), "info")))
    for label, ends in (("needs", detail.depends_on), ("blocks", detail.dependents)):
        for bead_id, kind, title, status in ends:
            tone = "good" if status == CLOSED else "text"
            lines.append(fact(label, (f"{bead_id} ", "accent"), (clean(title), tone), (f"  {status} {kind}", "dim")))
            label = ""
    for key in ("description", "design", "acceptance_criteria", "notes"):
        text = bead.text(key)
        if text:
            lines.append(())
            if key != "description":
                lines.append(((key.replace("_", " "), "dim"),))
            for line in clean_lines(text):
                lines += [((part, "text"),) for part in wrap(line, max(20, min(width, 110)))]
    return lines


def events_page(rows: Sequence[EventRow], now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return the events, in the given order."""
    return [event_pieces(row, now, width, ascii_only) for row in rows] or [
        (("No events in the history read so far.", "dim"),)
    ]


def landing_page(convoy: ConvoyView, now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return a convoy's progress and each bead's landing strip: faults first, then running ones."""
    bar = progress_bar(convoy.done, convoy.in_review, convoy.total, 30 if width >= 70 else 12, ascii_only)
    age = format_age(max(0.0, now - convoy.created_at))
    by = f"   by {clean(convoy.owner) or 'nobody'}, {age} old" if width >= 70 else ""
    lines: list[Pieces] = [(*bar, (f"  {numbers(convoy, ascii_only)}", "bright"), (by, "dim")), strip_legend(width)]
    order = {
        MemberStage.ORPHANED: -1,
        MemberStage.RUNNING: 0,
        MemberStage.REVIEW: 1,
        MemberStage.READY: 2,
        MemberStage.BLOCKED: 3,
        MemberStage.DEFERRED: 4,
        MemberStage.MISSING: 5,
        MemberStage.DONE: 6,
    }
    faults = {member.bead_id for member in convoy.faults}
    for member in sorted(convoy.members, key=lambda one: (one.bead_id not in faults, order.get(one.stage, 9))):
        lines += strip_rows(member, width, ascii_only)
    return lines


def batch_page(view: RefineryView | None, now: float, width: int, ascii_only: bool) -> list[Pieces]:
    """Return a rig's batch: probes, verdicts, past batches."""
    if view is None:
        return [(("No refinery has run here yet.", "dim"),)]
    return [pieces_of(row) for row in batch_rows(view, width, now, ascii_only)]


OUTCOMES = (("culprits", "culprit"), ("conflicts", "conflict"), ("held", "held"), ("merged", "merged"))
"""Field of a batch record → the state of the requests in it, the bad ones first."""


def past_batch_page(
    batch: BatchRecord, known: Mapping[str, PastRequest], now: float, width: int, ascii_only: bool
) -> list[Pieces]:
    """Return a finished batch: its result, and each request with its outcome, bead and worker, as far as known.

    Below a request that did not land are the reason and the end of its gate's output.
    """
    lines: list[Pieces] = [history_row(batch, width, now, ascii_only), ()]
    told: set[str] = set()
    for field, state in OUTCOMES:
        mark, word, tone = ENTRIES[state]
        for name in getattr(batch, field):
            told.add(name)
            lines += _batch_lines(glyph(mark, ascii_only), word, tone, name, known.get(name), width)
    for name in batch.mrs:
        if name not in told:
            lines += _batch_lines(" ", "waited", "dim", name, known.get(name), width)
    ends = ((("head    ", "dim"), (clean(batch.head), "text")),) if batch.head else ()
    return [*lines, (), *ends, (("target  ", "dim"), (clean(batch.target), "text"))]


def _batch_lines(mark: str, word: str, tone: str, name: str, known: PastRequest | None, width: int) -> list[Pieces]:
    lead: Pieces = ((f"{mark} ", tone), (fit(word, 10), tone), (fit(name, 11) + " ", "bright"))
    if known is None:
        return [lead]
    who = f"  {clean(known.worker)}" if known.worker else ""
    lines: list[Pieces] = [
        (
            *lead,
            (f"{clean(known.bead_id)} " if known.bead_id else "", "accent"),
            (clean(known.title), "text"),
            (who, "dim"),
        )
    ]
    room = max(20, width - 14)
    lines += [((" " * 13, "text"), (part, tone)) for part in wrap(clean(known.why), room) if known.why]
    if known.log:
        lines.append(((" " * 13 + "log  ", "dim"), (clean(known.log), "text")))
        gone = () if known.tail else (f"deleted; bd comments {name} has its last lines",)
        lines += [((" " * 13 + "| ", "dim"), (cut(clean(line), room - 2), "dim")) for line in known.tail or gone]
    return lines


def convoy_why_page(convoy: ConvoyView, now: float, ascii_only: bool) -> list[Pieces]:
    """Return a convoy's state and its grounds: faults, why it is stuck or stalled, the count of every stage."""
    lines: list[Pieces] = []
    for member in convoy.faults:
        if member.landing is not None:
            lines.append(((f"{glyph('warn', ascii_only)} {member.bead_id} {member.landing.fault}: ", "bad"), (clean(member.landing.why), "text")))  # fmt: skip
    if convoy.closed_at is not None:
        lines.append(((f"Landed {format_ago(now - convoy.closed_at)}: all its beads are closed.", "good"),))
    elif told := stuck_words(convoy, now):
        lines += [((f"{word[:1].upper()}{word[1:]}", "stalled"),) for word in map(clean, told)]
    else:
        lines.append(((f"In progress: {progress_words(convoy)}", "text"),))
    lines.append(())
    for stage, (mark, word, tone) in STAGES.items():
        count = sum(member.stage == stage for member in convoy.members)
        if count:
            lines.append(((f" {glyph(mark, ascii_only)} ", tone), (f"{count:>4} ", "bright"), (word, tone)))
    return lines


ACCOUNT_TONES = {"next": "good", "in line": "text", "held": "warn", "nobody": "stalled", "at work": "working"}
"""State in the scheduler's account → tone."""


def account_lines(said: Sequence[Account] | None, width: int) -> list[Pieces]:
    """Return the scheduler's account of each bead that is not done, with hints; None while it is being read."""
    if said is None:
        return [(), (("asking the scheduler …", "dim"),)]
    lines: list[Pieces] = [()]
    for one in said:
        tone = ACCOUNT_TONES.get(one.state, "text")
        lines.append(((f"{one.bead_id} ", "accent"), (one.state, tone)))
        lines += [(("  " + line, "text"),) for line in wrap(clean(one.text), max(20, width - 4))]
        if one.hint:
            lines += [(("  " + line, "dim"),) for line in wrap(clean(one.hint), max(20, width - 4))]
    return lines


def record_page(record: Mapping[str, object], row: EventRow, width: int) -> list[Pieces]:
    """Return an event's whole record, as it is in the log."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.ts)) if row.ts else "no time"
    lines: list[Pieces] = [
        ((stamp + "  ", "dim"), (row.type, "title"), (f"  {row.category}  from the {row.source}", "dim")),
        (),
    ]
    for line in json.dumps(record, indent=2, ensure_ascii=False, default=str).splitlines():
        safe = clean(line)
        key, colon, rest = safe.partition('": ')
        if colon and key.lstrip().startswith('"'):
            first, *more = wrap(rest, max(20, width - len(key) - 4)) or [""]
            lines.append(((key + '": ', "accent"), (first, "text")))
            lines += [((" " * (len(key) + 3) + part, "text"),) for part in more]
        else:
            lines.append(((safe, "text"),))
    return lines


def group_page(
    name: str, agents: Sequence[AgentView], snapshot: TownSnapshot, now: float, ascii_only: bool
) -> list[Pieces]:
    """Return a rig (or the town): its number of agents in each state."""
    lines: list[Pieces] = [((clean(name), "title"), (f"  {len(agents)} agents", "dim")), ()]
    for state in SHORT_STATES:
        found = [agent for agent in agents if agent.health.state is state]
        if found:
            names = ", ".join(agent.address.label for agent in found[:12]) + (" …" if len(found) > 12 else "")
            lines.append(((f" {state_glyph(state, ascii_only)} ", state.value), (fit(f"{len(found)} {SHORT_STATES[state]}", 14), state.value), (clean(names), "text")))  # fmt: skip
    waiting = sum(
        request.rig == name and request.state in (RequestState.QUEUED, RequestState.MERGING)
        for request in snapshot.requests
    )
    if waiting:
        lines += [(), ((f" {waiting} in the merge queue", "text"),)]
    return lines
