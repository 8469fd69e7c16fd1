"""The choices of a question as a program shows them: ``1 Yes``, ``3 No, tell it what to do``, ``3 Type something.``"""

from __future__ import annotations

import re

from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_OWN_WORDS = re.compile(r"(type|enter) (something|your|an?)\b|(other|something else)\W*$", re.IGNORECASE)
_REFUSAL = re.compile(r"(no|reject|deny|don't|decline)\b", re.IGNORECASE)


def bare_option(option: str) -> str:
    """The words of a choice without the number before them."""
    number, blank, rest = option.partition(" ")
    return rest.strip() if blank and number.rstrip(".)").isdigit() else option.strip()


def takes_words(option: str) -> bool:
    """Return whether a choice opens a field for words of one's own."""
    return bool(_OWN_WORDS.match(bare_option(option)))


def is_refusal(option: str) -> bool:
    """Return whether a choice says no."""
    return bool(_REFUSAL.match(bare_option(option)))


def place_for_words(options: Sequence[str]) -> int:
    """Return the place of the choice that words of one's own belong to: its field, else the only No. Raises UsageError."""
    fields = [place for place, option in enumerate(options) if takes_words(option)]
    found = fields or [place for place, option in enumerate(options) if is_refusal(option)]
    if len(found) != 1:
        what = "takes no words of your own" if not found else "has several choices that words may belong to"
        raise UsageError(f"the question {what}", "", f"name the choice: {'; '.join(options)}")
    return found[0]
