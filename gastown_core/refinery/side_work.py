"""What an engine makes beside merging, to be looked at: a forecast, reasons, records.  A fault in it ends no merge.

Each kind that fails is told once, with its reason, and once more when it is made again.
"""

from __future__ import annotations

import traceback

from gastown_core.errors import GastownError, words_of
from gastown_core.events.log import append_event, note_failure
from gastown_core.refinery.place import StoppedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from gastown_core.refinery.place import Refinery

    T = TypeVar("T")
    U = TypeVar("U")

FAILED, WORKS = "display_failed", "display_works"
_FAILING: set[tuple[str, str]] = set()
"""Of which rig's folder what fails, and that it was told; the daemon begins an engine again and again."""


def aside(place: Refinery, what: str, work: Callable[[], T], otherwise: U) -> T | U:
    """What ``work`` returns, or ``otherwise`` if it fails, whatever it raises; ``what`` names it in a sentence.

    None says that there was nothing to make, so that a fault told before stands.
    """
    key = (place.path, what)
    try:
        found = work()
    except StoppedError:
        raise
    except Exception as problem:  # noqa: BLE001  whatever is wrong with what is only shown, merging goes on
        if key not in _FAILING and _tell(place, FAILED, what, _reason(problem)):
            _FAILING.add(key)
        return otherwise
    if found is not None and key in _FAILING:
        _FAILING.discard(key)
        _tell(place, WORKS, what, "")
    return found


def _reason(problem: Exception) -> str:
    """Why it failed; of a fault of the program also where."""
    if isinstance(problem, (GastownError, OSError)):
        return words_of(problem)
    last = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{words_of(problem)} (in {last.name})"[:300]


def _tell(place: Refinery, kind: str, what: str, why: str) -> bool:
    payload = {"rig": place.rig, "what": what} | ({"reason": why} if why else {})
    is_told = append_event(place.root, kind, place.actor, payload, clock=place.clock)
    if kind == FAILED:
        note_failure(f"{what} of {place.rig} could not be made: {why}")
    return is_told
