"""What the words of ``gt sling`` mean: one bead, several, the work of an epic or a convoy, or a formula.

The first word decides: an existing bead, else a formula, else an error that says whether it looks like a bead.
"""

from __future__ import annotations

from gastown_core.beads.ids import is_valid
from gastown_core.errors import NotFoundError, UsageError
from gastown_core.model.bead import EPIC, is_convoy
from gastown_core.model.record import Record
from gastown_core.town.discover import read_rigs, rig_of_bead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead

ONE, SEVERAL, BUNDLE, FORMULA = "one several bundle formula".split()
RESET = "respawn-reset"


class Errand(Record):
    """What to sling where; ``beads`` are full ids, ``formula`` goes with them (or alone)."""

    kind: str
    beads: tuple[str, ...] = ()
    target: str = ""
    formula: str = ""


def read_errand(root: str, ledger: TownLedger, words: Sequence[str], *, on: str = "", rig_hint: str = "") -> Errand:
    """Return the errand of these words; ``on`` is the bead that a formula (the first word) goes with.

    Raises UsageError, NotFoundError; then nothing has changed.
    """
    if not words:
        raise UsageError("sling what?", "", "gt sling BEAD TARGET")
    if on:
        return _formula_on(root, ledger, words, on)
    first = _bead(ledger, words[0])
    if first is None:
        return _not_a_bead(root, ledger, words)
    if len(words) == 1:
        return Errand(BUNDLE if is_bundle(first) else ONE, (first.id,))
    return _with_more(root, ledger, first, words)


def is_bundle(bead: Bead) -> bool:
    """Whether slinging it means slinging its members."""
    return bead.issue_type == EPIC or is_convoy(bead)


def _bead(ledger: TownLedger, word: str) -> Bead | None:
    """Return the bead with an id or a part of one, None if there is none."""
    found = ledger.get(word)
    if found is not None or not is_valid(word):
        return found
    try:
        store = ledger.store_for(word)
        return store.get(store.resolve(word))
    except NotFoundError:
        return None


def _formula_on(root: str, ledger: TownLedger, words: Sequence[str], on: str) -> Errand:
    bead = _bead(ledger, on)
    if bead is None:
        raise NotFoundError(f"no bead {on}", "--on names the bead that the formula goes with")
    if len(words) > 2:
        raise UsageError("gt sling FORMULA --on BEAD takes one target at most")
    return Errand(ONE, (bead.id,), words[1] if len(words) == 2 else "", _formula(root, words[0]))


def _formula(root: str, name: str) -> str:
    from gastown_core.formulas.resolve import find_formula

    return find_formula(root, name).name


def _not_a_bead(root: str, ledger: TownLedger, words: Sequence[str]) -> Errand:
    from gastown_core.formulas.errors import FormulaNotFound

    try:
        name = _formula(root, words[0])
    except FormulaNotFound:
        if is_valid(words[0]):
            store = ledger.store_for(words[0])
            raise store.near(words[0]) from None
        raise NotFoundError(
            f"{words[0]} is neither a bead nor a formula", "", "bd ready shows work, gt formula list the formulas"
        ) from None
    if len(words) > 2:
        raise UsageError(f"{name} is a formula and takes one target", "", f"gt sling {name} TARGET")
    return Errand(FORMULA, (), words[1] if len(words) == 2 else "", name)


def _with_more(root: str, ledger: TownLedger, first: Bead, words: Sequence[str]) -> Errand:
    """Return one bead and its target, or several beads; the last word may be a rig."""
    rigs = read_rigs(root)
    last = words[-1].rstrip("/")
    second = None if last in rigs else _bead(ledger, words[-1])
    if len(words) == 2 and second is None:
        # an epic itself can go to an agent; to a rig goes the work below it
        whole = is_bundle(first) and (last in rigs or is_convoy(first))
        return Errand(BUNDLE if whole else ONE, (first.id,), words[1])
    if last not in rigs and second is None:
        raise UsageError(f"{words[-1]} is neither a bead nor a rig", "several beads go to a rig", "name the rig last")
    wanted = words[:-1] if last in rigs else words
    beads = {word: _bead(ledger, word) for word in wanted}
    missing = [word for word, bead in beads.items() if bead is None]
    if missing:
        raise NotFoundError(f"no bead {', '.join(missing)}", "nothing was started")
    ids = tuple(dict.fromkeys(bead.id for bead in beads.values() if bead is not None))
    bundles = [bead.id for bead in beads.values() if bead is not None and is_bundle(bead)]
    if bundles and len(ids) > 1:
        raise UsageError(f"{bundles[0]} holds work itself", "epics and convoys are slung one at a time")
    return Errand(SEVERAL, ids, last if last in rigs else _common_rig(rigs, ids))


def _common_rig(rigs: dict[str, str], ids: Sequence[str]) -> str:
    """Return the rig of all these beads by their prefixes. Raises UsageError if one has none, or there are several."""
    homes = {bead_id: rig_of_bead(rigs, bead_id) for bead_id in ids}
    homeless = [bead_id for bead_id, rig in homes.items() if not rig]
    if homeless:
        raise UsageError(f"{homeless[0]} is work of the town, not of a rig", "", "name the rig last")
    if len(set(homes.values())) > 1:
        told = ", ".join(f"{bead_id} of {rig}" for bead_id, rig in homes.items())
        raise UsageError("these beads belong to several rigs", told, "sling those of each rig by themselves")
    return next(iter(homes.values()))
