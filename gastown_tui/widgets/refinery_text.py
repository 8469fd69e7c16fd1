"""How a refinery is written: phases, gates, probes and verdicts, the same in the feed, the queue and the drawer; pure.

Glyph and word always go together, so everything reads without colour.
"""

from __future__ import annotations

from gastown_core.clock import format_age
from gastown_core.model.address import parse_address
from gastown_core.model.refinery import (
    BISECTING,
    CACHED,
    ERROR,
    FAIL,
    HELD,
    IDLE,
    PASS,
    POST_MERGE,
    PUSHING,
    RUNNING,
    SKIPPED,
    STACKING,
    TESTING,
)
from gastown_tui.text import clean, cut, glyph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.model.refinery import GateRun, Probe, RefineryState
    from gastown_core.model.snapshot import RefineryView
    from gastown_tui.text import Piece, Pieces

PHASES = {
    IDLE: "idle",
    STACKING: "stacking",
    TESTING: "testing",
    BISECTING: "bisecting",
    PUSHING: "pushing",
    POST_MERGE: "closing what landed",
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
"""Result → (glyph name, word, tone); a running one has the spinner for a glyph."""
PURPOSES = {
    "stack": "whole batch",
    "again": "once more",
    "base": "bare target",
    "left": "left half",
    "right": "right half",
    "alone": "alone",
    "peers": "with peers",
    "single": "one by one",
    "final": "good ones",
}
ENTRIES = {
    "waiting": ("queued", "waits", "dim"),
    "stacked": ("stacked", "stacked", "info"),
    "testing": ("running", "testing", "accent"),
    "good": ("done", "good", "good"),
    "culprit": ("failed", "culprit", "bad"),
    "conflict": ("conflict", "conflict", "warn"),
    "held": ("pause", "held", "stalled"),
    "merged": ("landed", "merged", "good"),
    "left": ("dot", "left off", "dim"),
    "queued": ("queued", "queued", "text"),
    "blocked": ("pause", "blocked", "dim"),
    "merging": ("merging", "merging", "info"),
}
"""State of a request, in a batch or waiting → (glyph name, word, tone)."""
SPINNER, SPINNER_ASCII = "⠋⠙⠸⠴⠦⠇", "|/-\\"
FRAMES_A_SECOND = 4


def spinner(now: float, ascii_only: bool) -> str:
    """The spinner at a moment: four steps a second at most."""
    frames = SPINNER_ASCII if ascii_only else SPINNER
    return frames[int(now * FRAMES_A_SECOND) % len(frames)]


def mark_of(name: str, now: float, ascii_only: bool) -> str:
    """A glyph by name; the empty name is the spinner."""
    return glyph(name, ascii_only) if name else spinner(now, ascii_only)


def elapsed(seconds: float) -> str:
    """``00:41``, from an hour on ``1:02:03``."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def took(seconds: float) -> str:
    """How long something took, briefly: ``0.4s``, ``41s``, ``2m05``."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    return f"{seconds:.0f}s" if seconds < 60 else f"{int(seconds) // 60}m{int(seconds) % 60:02}"


def who(address: str) -> str:
    """A worker's name without its rig."""
    return clean(parse_address(address).label) if address else ""


def gate_pieces(gate: GateRun, now: float, ascii_only: bool, *, is_live: bool, with_time: bool = True) -> Pieces:
    """One gate: name, mark, seconds, and why it is no verdict."""
    mark, word, tone = RESULTS.get(gate.result, ("dot", gate.result, "dim"))
    if gate.result == RUNNING and not is_live:
        mark, word, tone = "dot", "left off", "dim"
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
    """Gates side by side."""
    out: list[Piece] = []
    for gate in gates:
        if out:
            out.append(("  ", "text"))
        out += gate_pieces(gate, now, ascii_only, is_live=is_live, with_time=with_time)
    return tuple(out)


def present_probe(state: RefineryState) -> Probe | None:
    """The probe that is running, else the last one."""
    running = [probe for probe in state.probes if probe.result == RUNNING]
    return running[-1] if running else state.probes[-1] if state.probes else None


def counted(gates: Sequence[GateRun]) -> str:
    """``gates 2/3``: how many have passed."""
    passed = sum(gate.result in (PASS, CACHED, SKIPPED) for gate in gates)
    return f"gates {passed}/{len(gates)}"


def phase_tone(view: RefineryView) -> str:
    """The tone of a refinery's phase."""
    if view.trouble:
        return "warn"
    return "stalled" if view.is_held else "accent" if view.is_busy else "dim"


def phase_words(view: RefineryView) -> str:
    """What it does, in a word or two."""
    if view.trouble:
        return "engine gone" if not view.is_alive else "unreadable"
    return PHASES.get(view.state.phase, view.state.phase)


def held_words(view: RefineryView, now: float) -> str:
    """Why the queue is held and since when, in plain words."""
    why = clean(view.state.hold_reason) or "no reason was given"
    since = view.hold_since or view.state.updated_at
    age = f" for {format_age(now - since)}" if since else ""
    return f"held{age}: {why}"


def retry_words(view: RefineryView, now: float) -> str:
    """What lifts the hold, and when it is tried again by itself."""
    left = view.hold_until - now
    when = f"in {format_age(left)} at the latest, " if left > 0 else ""
    return (
        f"Nobody is blamed and nothing is lost. It is tried again {when}when {clean(view.state.target)} moves, or by P."
    )


def short_batch(batch: str) -> str:
    """A batch's name where there is little room: of a moment only the time of day."""
    return clean(f"b-{batch[-6:]}" if len(batch) == 17 and batch[2:10].isdigit() else batch)


def batch_row(view: RefineryView, width: int, now: float, ascii_only: bool) -> Pieces:
    """A refinery's batch in one line: ``⚙ b-1019  4 requests  gates 2/3  unit ✓  lint ✓  e2e ⠸  00:41``."""
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
    probe = present_probe(state)
    if probe is not None and state.phase in (TESTING, BISECTING):
        left.append((counted(probe.gates) + "  ", "text"))
        left += gates_pieces(probe.gates, now, ascii_only, is_live=True, with_time=False)
    right = ((elapsed(now - state.started_at), "dim"),) if state.started_at else ()
    return two_ends(left, right, width, 2)
