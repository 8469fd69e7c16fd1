"""Decide whether text may be typed into an agent, by its screen; if not, why.

Only an input row that is seen, empty and not behind a question takes a text.  An unknown screen takes none.
"""

from __future__ import annotations

import re

from gastown_core.model.record import Record
from gastown_core.runtimes.preset import UNSAFE
from gastown_core.runtimes.question import DIALOG, LOGIN, PERMISSION
from gastown_core.runtimes.screen import BUSY, LIMITED, SHELL, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset
    from gastown_core.runtimes.screen import ScreenReading

NO_PROMPT = "its screen shows no empty prompt that we recognise"
STARTS = "starts"
"""Effect of a text that begins a turn; during a turn it is QUEUED or CUTS, as the runtime's keyboard says."""

HEAD_CHARS = 12
"""How many letters distinguish a text from one that a person typed."""
_PASTED = re.compile(r"\[Pasted [^\]]*\]", re.IGNORECASE)
"""What programs show of a long paste: ``[Pasted text #1 +7 lines]``, ``[Pasted Text: 7 lines]``, ``[Pasted Content 900 chars]``."""


class Verdict(Record):
    """``why`` says in words why nothing may be typed, empty if something may.

    ``effect`` is what a text would do.  ``is_draft`` says that only a draft stands in the way, which can be put aside,
    ``is_asked`` that a person has to answer or log in first.
    """

    why: str = ""
    effect: str = ""
    is_draft: bool = False
    is_asked: bool = False

    @property
    def may(self) -> bool:
        """Whether a text may be typed."""
        return not self.why


def may_type(reading: ScreenReading, preset: Preset) -> Verdict:
    """The verdict on typing into an agent whose screen reads so."""
    asks = _why_not(reading)
    if asks:
        return Verdict(asks, is_asked=reading.kind in (PERMISSION, DIALOG, LOGIN))
    is_in_turn = reading.kind == BUSY or (reading.kind == LIMITED and reading.wait_s > 0)
    effect = preset.keyboard.in_turn if is_in_turn else STARTS
    if effect == UNSAFE:
        return Verdict(f"it is in a turn, and what {preset.name} does with a text then is not known")
    if reading.draft:
        return Verdict("a person is typing: its input holds a draft", effect, is_draft=True)
    return Verdict("", effect)


def _why_not(reading: ScreenReading) -> str:
    """Why this screen accepts no text at all."""
    if reading.kind in (PERMISSION, DIALOG):
        return f"it asks: {reading.detail or 'a question'}; answer that first (attach to it)"
    if reading.kind == LOGIN:
        said = "" if reading.detail == "log in" else f" ({reading.detail})"
        return f"nobody is logged in{said}; log in first (attach to it)"
    if reading.kind == SHELL:
        return "its screen shows a shell"
    if reading.kind == UNKNOWN or not reading.has_input:
        return NO_PROMPT
    return ""


def may_submit(reading: ScreenReading, text: str) -> str:
    """Why the submit key may not follow a text that was typed; empty if it may.

    A program may not have drawn the text yet, so an empty row is fine; a row in which something stands before the
    text is not, as that would be submitted with it.
    """
    asks = _why_not(reading)
    if asks:
        return asks
    if _place(reading.draft, text) > 0:
        return "a person typed into its input at the same time"
    return ""


def is_in(draft: str, text: str) -> bool:
    """Whether a draft shows ``text``: its beginning, a part of it, or only that something was pasted."""
    part = "".join(draft.split())
    return _place(draft, text) == 0 or bool(_PASTED.match(draft)) or (bool(part) and part in "".join(text.split()))


def is_folded(draft: str) -> bool:
    """Whether a draft shows that something was pasted, and nothing else."""
    return bool(_PASTED.fullmatch(draft.strip()))


def is_same(draft: str, text: str) -> bool:
    """Whether a draft is ``text`` and nothing else; blanks do not matter."""
    return "".join(draft.split()) == "".join(text.split())


def _place(draft: str, text: str) -> int:
    """Return the position of the first letters of ``text`` in a draft, -1 if they are missing; blanks are ignored."""
    return " ".join(draft.split()).find(" ".join(text.split())[:HEAD_CHARS])
