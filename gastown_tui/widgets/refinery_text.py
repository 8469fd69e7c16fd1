"""A refinery as text: phases, gates, probes and verdicts, worded alike in feed, queue and drawer; pure.

A glyph always comes with a word, so that all is readable without colour.
"""

from __future__ import annotations

import re

from gastown_core.clock import format_age
from gastown_core.model import queue_words
from gastown_core.model.address import parse_address
from gastown_core.model.flights import flight_line, stage_of
from gastown_core.model.refinery import (
    BISECTING,
    CACHED,
    DIED,
    ERROR,
    FAIL,
    HELD,
    IDLE,
    OFF,
    PASS,
    POST_MERGE,
    PUSHING,
    RUNNING,
    SETTINGS,
    SKIPPED,
    STACKING,
    TESTING,
    EntryState,
    held_target,
    probe_to_show,
    subject_of,
)
from gastown_tui.text import cells, clean, cut, fit, glyph, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.refinery import FlightLine, GateRun
    from gastown_core.model.snapshot import RefineryView
    from gastown_tui.text import Piece, Pieces

PHASES = {
    IDLE: "idle",
    STACKING: "stacking",
    TESTING: "testing",
    BISECTING: "bisecting",
    PUSHING: "pushing",
    POST_MERGE: "closing beads",
    HELD: "held",
}
RESULTS = {
    RUNNING: ("", "running", "accent"),
    PASS: ("done", "green", "good"),
    FAIL: ("failed", "red", "bad"),
    ERROR: ("warn", "no verdict", "warn"),
    CACHED: ("done", "known green", "good"),
    SKIPPED: ("dot", "skipped", "dim"),
}
"""Result → (glyph name, word, tone); an empty name is the spinner."""
PURPOSES = {
    "stack": "whole batch",
    "again": "retry",
    "base": "target alone",
    "left": "left half",
    "right": "right half",
    "alone": "alone",
    "peers": "with peers",
    "single": "one by one",
    "final": "good only",
    "pushed": "what was pushed",
    "before": "before the push",
    "upto": "pushed so far",
}
IN_HELD_QUEUE = f"queue {queue_words.HELD}"
ENTRIES = {
    EntryState.WAITING: ("queued", "waiting", "dim"),
    EntryState.STACKED: ("stacked", "stacked", "info"),
    EntryState.TESTING: ("running", "testing", "accent"),
    EntryState.GOOD: ("done", "good", "good"),
    EntryState.CULPRIT: ("failed", "culprit", "bad"),
    EntryState.CONFLICT: ("conflict", "conflict", "warn"),
    EntryState.HELD: ("pause", "left out", "stalled"),
    EntryState.MERGED: ("landed", "merged", "good"),
    "left": ("dot", "stopped", "dim"),
    queue_words.READY: ("queued", queue_words.READY, "text"),
    queue_words.BLOCKED: ("pause", queue_words.BLOCKED, "dim"),
    queue_words.MERGING: ("merging", queue_words.MERGING, "info"),
    queue_words.TO_APPROVE: ("pause", queue_words.TO_APPROVE, "waiting"),
    IN_HELD_QUEUE: ("pause", queue_words.HELD, "stalled"),
}
"""State of a request in its batch, or the queue's word for it → (glyph name, word, tone)."""
SUBJECT = 6
"""The width of a reason's subject, such as ``order``."""
SPINNER, SPINNER_ASCII = "⠋⠙⠸⠴⠦⠇", "|/-\\"
FRAMES_A_SECOND = 4


def spinner(now: float, ascii_only: bool) -> str:
    """Return the spinner's frame at a moment."""
    frames = SPINNER_ASCII if ascii_only else SPINNER
    return frames[int(now * FRAMES_A_SECOND) % len(frames)]


def mark_of(name: str, now: float, ascii_only: bool) -> str:
    """Return a glyph by name; the empty name is the spinner."""
    return glyph(name, ascii_only) if name else spinner(now, ascii_only)


def elapsed(seconds: float) -> str:
    """Return ``00:41``, from an hour on ``1:02:03``."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def took(seconds: float) -> str:
    """Return a short duration: ``0.4s``, ``41s``, ``2m05``."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    return f"{seconds:.0f}s" if seconds < 60 else f"{int(seconds) // 60}m{int(seconds) % 60:02}"


def who(address: str) -> str:
    """Return a worker's name without its rig."""
    return clean(parse_address(address).label) if address else ""


def gate_pieces(gate: GateRun, now: float, ascii_only: bool, *, is_live: bool, with_time: bool = True) -> Pieces:
    """Return one gate: name, mark, seconds, and the reason if it gave no verdict."""
    mark, word, tone = RESULTS.get(gate.result, ("dot", gate.result, "dim"))
    if gate.result == RUNNING and not is_live:
        mark, word, tone = "dot", "stopped", "dim"
    out: list[Piece] = [(clean(gate.name) + " ", "text"), (mark_of(mark, now, ascii_only), tone)]
    if gate.result == RUNNING and is_live:
        if with_time and gate.started_at:
            out.append((" " + elapsed(now - gate.started_at), "dim"))
    elif gate.result in (ERROR, CACHED, SKIPPED) or not mark:
        out.append((" " + (cut(clean(gate.detail), 28) or word), tone if gate.result == ERROR else "dim"))
    elif with_time and gate.secs:
        out.append((" " + took(gate.secs), "dim"))
    return tuple(out)


def gates_pieces(gates: Sequence[GateRun], now: float, ascii_only: bool, *, is_live: bool, with_time: bool) -> Pieces:
    """Return the gates side by side."""
    out: list[Piece] = []
    for gate in gates:
        if out:
            out.append(("  ", "text"))
        out += gate_pieces(gate, now, ascii_only, is_live=is_live, with_time=with_time)
    return tuple(out)


def counted(gates: Sequence[GateRun]) -> str:
    """Return ``gates 2/3``: how many have passed."""
    passed = sum(gate.result in (PASS, CACHED, SKIPPED) for gate in gates)
    return f"gates {passed}/{len(gates)}"


def phase_tone(view: RefineryView) -> str:
    """Return the tone of a refinery's phase."""
    if view.trouble:
        return "warn"
    return "stalled" if view.is_held else "accent" if view.is_busy else "dim"


def phase_words(view: RefineryView) -> str:
    """Return a refinery's phase in a word or two."""
    if view.trouble:
        return DIED if not view.is_alive else "unreadable"
    return stage_words(flight_line(view.state))


def stage_words(flight: FlightLine) -> str:
    """Return in a word or two how far a batch is."""
    stage = stage_of(flight)
    return PHASES.get(stage, clean(stage))


def held_words(view: RefineryView, now: float) -> str:
    """Return why the queue is held and for how long."""
    why = clean(view.state.hold_reason) or "no reason given"
    if view.is_by_choice:
        # it says itself until when
        return f"held: {why}"
    since = view.hold_since or view.state.updated_at
    age = format_age(now - since) if since else ""
    return f"held{f' for {age}' if age not in ('', 'now') else ''}: {why}"


def at_work_words(view: RefineryView) -> str:
    """Return why nothing lands though a batch is at work, and what becomes of it; empty if something may."""
    if not view.works_on_hold:
        return ""
    why = clean(view.state.hold_reason) or "no reason given"
    if view.is_frozen:
        return f"{why}. What is tested goes on to its end; what is green then waits, and is not tested again."
    return f"held: {why}. What is tested now may end that."


def retry_words(view: RefineryView, now: float, key: str = "P") -> str:
    """Return what lifts the hold, and when it is retried at the latest; ``key`` processes it now."""
    if view.state.hold_kind == OFF:
        return "No request is at fault and nothing is wrong: somebody wants nothing merged here now."
    if view.is_frozen:
        return f"Nothing is merged and nothing is wrong. gt mq thaw {clean(view.rig)} ends it."
    if view.state.hold_kind == SETTINGS:
        return f"No request is at fault. Merging goes on once the settings are right, at once when you press {key}."
    left = view.hold_until - now
    when = f"in {format_age(left)} at the latest, " if left > 0 else ""
    moved = f"when {clean(held_target(view.state)) or 'the target'} changes, "
    return f"No request is at fault. It retries {when}{moved}or when you press {key}."


def why_pieces(why: str, width: int, most: int = 9) -> list[Pieces]:
    """Return a reason in at most ``most`` lines, its subject before the first; what has no room is left out by clauses."""
    subject, words = subject_of(why)
    room = max(12, width - SUBJECT - 1)
    lines = wrap(clean(words), room)
    if len(lines) > most:
        lines = [*lines[: most - 1], brief(" ".join(lines[most - 1 :]), room)]
    heads = (fit(clean(subject), SUBJECT) + " ", *[" " * (SUBJECT + 1)] * (len(lines) - 1))
    return [((head, "faint"), (line, "dim")) for head, line in zip(heads, lines, strict=True)]


def brief(sentence: str, width: int) -> str:
    """Cut a sentence to ``width`` cells: after a clause if more than a third stays, else anywhere."""
    if cells(sentence) <= width:
        return sentence
    ends = [spot.start() for spot in re.finditer(r"[;,] | \(", sentence) if cells(sentence[: spot.start()]) <= width]
    return sentence[: ends[-1]] if ends and 3 * ends[-1] > width else cut(sentence, width)


def short_batch(batch: str) -> str:
    """Return a shorter batch name: of a timestamp only the time of day."""
    return clean(f"b-{batch[11:]}" if len(batch) >= 17 and batch[2:10].isdigit() and batch[10] == "-" else batch)


def batch_row(view: RefineryView, width: int, now: float, ascii_only: bool) -> Pieces:
    """Return a refinery's batch on one line: ``⚙ b-1019  4 requests  gates 2/3  unit ✓  lint ✓  e2e ⠸  00:41``."""
    from gastown_tui.text import two_ends

    state = view.state
    tone = phase_tone(view)
    if view.is_held:
        return two_ends(((f"{glyph('pause', ascii_only)} ", tone), (held_words(view, now), tone)), (), width)
    count = len(state.requests)
    left: list[Piece] = [
        (glyph("warn" if view.trouble else "merging", ascii_only) + " ", tone),
        (short_batch(state.batch) + "  ", "bright"),
    ]
    if view.trouble:
        left.append((clean(view.trouble), tone))
        return two_ends(left, (), width)
    left.append((f"{count} request{'s' if count != 1 else ''}  ", "text"))
    left.append((phase_words(view) + "  ", tone))
    probe = probe_to_show(state.probes)
    if probe is not None and state.phase in (TESTING, BISECTING):
        left.append((counted(probe.gates) + "  ", "text"))
        left += gates_pieces(probe.gates, now, ascii_only, is_live=True, with_time=False)
    right = ((elapsed(now - state.started_at), "dim"),) if state.started_at else ()
    return two_ends(left, right, width, 2)
