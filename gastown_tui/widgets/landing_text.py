"""The landing strip as text: five cells with glyph and word, or glyphs alone if narrow; pure."""

from __future__ import annotations

from gastown_core.model.address import parse_address
from gastown_core.model.landing import BEGUN, FAILED, LANDED, NO, NOW, SKIPPED, STEPS, UNKNOWN, YES
from gastown_tui.text import clean, cut, fit, glyph, two_ends, width_of, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.convoy import ConvoyView, MemberView
    from gastown_core.model.landing import LandingStrip
    from gastown_core.model.snapshot import TownSnapshot
    from gastown_tui.text import Piece, Pieces

MARKS = {
    YES: ("done", "good"),
    NO: ("dot", "faint"),
    NOW: ("running", "accent"),
    FAILED: ("failed", "bad"),
    SKIPPED: ("gap", "dim"),
    UNKNOWN: ("unknown", "dim"),
}
"""State of a step → (glyph name, tone)."""
WORDS = {
    YES: "yes",
    NO: "not yet",
    NOW: "in progress",
    FAILED: "failed",
    SKIPPED: "not proved",
    UNKNOWN: "unknown",
}
WIDE, TITLE = 96, 34


def cells_of(strip: LandingStrip | None, *, words: bool, ascii_only: bool, is_begun: bool) -> Pieces:
    """Return the five cells; unknown if the bead is begun but its strip was not computed yet."""
    out: list[Piece] = []
    for number, name in enumerate(STEPS):
        state = strip.steps[number].state if strip is not None else UNKNOWN if is_begun else NO
        mark, tone = MARKS[state]
        word_tone = {YES: "text", NO: "faint", UNKNOWN: "dim"}.get(state, tone)
        out.append((glyph(mark, ascii_only) + " ", tone))
        if words:
            out.append((fit(name, 9), word_tone))
    return tuple(out)


def strip_rows(member: MemberView, width: int, ascii_only: bool) -> list[Pieces]:
    """Return a member's row: cells, bead, title, worker; a fault is explained on the lines below."""
    strip = member.landing
    is_wide = width >= WIDE
    cells = cells_of(strip, words=is_wide, ascii_only=ascii_only, is_begun=member.status in BEGUN)
    who = clean(parse_address(member.assignee).label) if member.assignee else ""
    left: list[Piece] = [
        *cells,
        (" ", "text"),
        (fit(member.bead_id, 10) + " ", "accent" if strip is not None and strip.fault else "dim"),
        (clean(member.title) or "unknown bead", "text"),
    ]
    right: list[Piece] = []
    if strip is not None and strip.fault:
        right = [(f"{glyph('warn', ascii_only)} {strip.fault}", "bad")]
    elif is_wide:
        room = width - width_of(cells) - 13 - TITLE - 12
        if room >= 30:
            left[-1] = (fit(left[-1][0], TITLE) + "  ", "text")
            left.append((cut(_standing(member), room), "dim"))
        right = [(fit(who, 10), "dim")]
    elif who and width >= 50:
        right = [(cut(who, 10), "dim")]
    rows = [two_ends(left, right, width)]
    if strip is not None and strip.fault:
        indent = width_of(cells) + 1 if is_wide else 2
        rows += [((" " * indent, "text"), (line, "warn")) for line in wrap(clean(strip.why), max(20, width - indent))]
    return rows


def _standing(member: MemberView) -> str:
    """Return what is in progress or failed, else what the next step lacks, else the proof that it landed."""
    strip = member.landing
    if strip is None:
        return "" if member.status in BEGUN else member.stage
    going = next((step for step in strip.steps if step.state in (NOW, FAILED)), None)
    lacking = next((step for step in strip.steps if step.state in (NO, UNKNOWN)), None)
    return clean((going or lacking or strip.steps[-1]).how)


def strip_legend(width: int) -> Pieces:
    """Return the names of the columns, if the cells have no words."""
    if width >= WIDE:
        return ()
    return (("w p q g l  ", "bright"), ("written pushed queued gated landed", "dim"))


def strip_page(member: MemberView | None, width: int, ascii_only: bool) -> list[Pieces]:
    """Return one bead's way to its target: every step with its proof."""
    if member is None:
        return [(("It is not in any convoy shown, so its landing is not checked.", "dim"),)]
    strip = member.landing
    if strip is None:
        words = "checking git …" if member.status in BEGUN else "Not started."
        return [((words, "dim"),)]
    lines: list[Pieces] = []
    if strip.fault:
        lines.append(((f"{glyph('warn', ascii_only)} {strip.fault}", "bad"),))
        lines += [((line, "warn"),) for line in wrap(clean(strip.why), max(20, width))]
        lines.append(())
    for step in strip.steps:
        mark, tone = MARKS[step.state]
        first, *more = wrap(clean(step.how) or WORDS[step.state], max(20, width - 26))
        lead: tuple[Piece, ...] = (
            (" " + glyph(mark, ascii_only) + " ", tone),
            (fit("on target" if step.name == LANDED else step.name, 11), "bright" if step.state != NO else "dim"),
            (fit(WORDS[step.state], 12), tone if step.state != NO else "dim"),
        )
        lines.append((*lead, (first, "text" if step.state != NO else "dim")))
        lines += [((" " * width_of(lead) + line, "text"),) for line in more]
    if strip.branch:
        target = f"  {glyph('arrow', ascii_only)} {clean(strip.target)}" if strip.target else ""
        lines += [(), ((" branch  ", "dim"), (clean(strip.branch), "text"), (target, "dim"))]
    return lines


def member_of(snapshot: TownSnapshot, bead_id: str) -> MemberView | None:
    """Return the bead as a member of a convoy in the snapshot, None if it is in none."""
    for convoy in snapshot.convoys:
        for member in convoy.members:
            if member.bead_id == bead_id:
                return member
    return None


def faulty(snapshot: TownSnapshot) -> list[tuple[ConvoyView, MemberView]]:
    """Return every member with a fault, once, with its convoy."""
    seen: dict[str, tuple[ConvoyView, MemberView]] = {}
    for convoy in snapshot.convoys:
        for member in convoy.faults:
            seen.setdefault(member.bead_id, (convoy, member))
    return list(seen.values())
