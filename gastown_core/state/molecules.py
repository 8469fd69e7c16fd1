"""An agent's progress in its molecule, from the ledger alone: ``3/8 implement``; pure after reading the root's record."""

from __future__ import annotations

from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS
from gastown_core.model.metadata import MOLECULE, metadata_of
from gastown_core.state.ledger_facts import MoleculeFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Bead
    from gastown_core.state.ledger_facts import LedgerFacts


def molecule_facts(root: Bead) -> MoleculeFacts | None:
    """The molecule in the root's record; None if it is not attached to work or has no steps."""
    kept = metadata_of(root).section(MOLECULE)
    steps = kept.sections("steps")
    if not kept.text("bead") or steps is None:
        return None
    above = {step.text("parent") for step in steps}
    names = tuple(name for step in steps if (name := step.text("id")) and name not in above)
    finished = frozenset(names if root.status == CLOSED else kept.section("done").kept)
    return MoleculeFacts(
        root.id, kept.text("bead"), names, finished, tuple(kept.section("current").kept), kept.flag("poured")
    )


def step_text(facts: LedgerFacts, bead_id: str) -> str:
    """The work's progress: current step, number of steps, step name; empty without a molecule."""
    known = facts.molecules.get(bead_id)
    if known is None or not known.steps:
        return ""
    done, current = (_poured(facts, known)) if known.is_poured else (known.done, known.current)
    left = [name for name in known.steps if name not in done]
    if not left:
        return f"{len(known.steps)}/{len(known.steps)} all steps done"
    at = next((name for name in left if name in current), left[0])
    return f"{min(len(known.steps) - len(left) + 1, len(known.steps))}/{len(known.steps)} {at}"


def _poured(facts: LedgerFacts, known: MoleculeFacts) -> tuple[frozenset[str], tuple[str, ...]]:
    """(done, in progress) by the steps' own beads; a step out of view was closed long ago."""
    done, current = [], []
    for name in known.steps:
        found = facts.bead(f"{known.root}.{name}")
        if found is None or found[1].status == CLOSED:
            done.append(name)
        elif found[1].status in (HOOKED, IN_PROGRESS):
            current.append(name)
    return frozenset(done), tuple(current)
