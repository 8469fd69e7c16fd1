"""What the words of ``gt sling`` mean: a bead, several, all below an epic or in a convoy, or a formula.

The first word decides: a bead that exists, else a formula, else something that looks like a bead (which is then told
to be missing), else it is nothing.
"""

from __future__ import annotations

from gastown_core.beads.ids import is_valid
from gastown_core.errors import NotFoundError, UsageError
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
    """What is to be slung where; ``beads`` are full ids, ``formula`` is to go with them (or alone)."""

    kind: str
    beads: tuple[str, ...] = ()
    target: str = ""
    formula: str = ""


def read_errand(root: str, ledger: TownLedger, words: Sequence[str], *, on: str = "", rig_hint: str = "") -> Errand:
    """The errand of these words; ``on`` names the bead that a formula (the first word) is to go with.

    Raises UsageError, NotFoundError; nothing was touched then.
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
    """Whether slinging it means slinging what it holds."""
    return bead.issue_type in ("epic", "convoy")


def _bead(ledger: TownLedger, word: str) -> Bead | None:
    """The bead of an id or of a part of one, None if there is none."""
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
    """One bead and its target, or several beads; a rig may stand last."""
    rigs = read_rigs(root)
    last = words[-1].rstrip("/")
    second = None if last in rigs else _bead(ledger, words[-1])
    if len(words) == 2 and second is None:
        # an epic may go to a planner as it is, to a rig only what it holds
        whole = is_bundle(first) and (last in rigs or first.issue_type == "convoy")
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
    """The rig of all these beads by their prefixes. Raises UsageError if they have none, or several."""
    homes = {bead_id: rig_of_bead(rigs, bead_id) for bead_id in ids}
    homeless = [bead_id for bead_id, rig in homes.items() if not rig]
    if homeless:
        raise UsageError(f"{homeless[0]} is work of the town, not of a rig", "", "name the rig last")
    if len(set(homes.values())) > 1:
        told = ", ".join(f"{bead_id} of {rig}" for bead_id, rig in homes.items())
        raise UsageError("these beads belong to several rigs", told, "sling those of each rig by themselves")
    return next(iter(homes.values()))
