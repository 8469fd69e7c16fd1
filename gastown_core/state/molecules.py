"""How far an agent is in its molecule, from the ledger alone: ``3/8 implement``; pure once the root's record is read."""

from __future__ import annotations

from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS
from gastown_core.state.facts import MoleculeFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.model.bead import Bead
    from gastown_core.state.facts import TownFacts

MOLECULE = "molecule"
"""Type of a molecule's root, and the key of what it keeps."""


def molecule_facts(root: Bead) -> MoleculeFacts | None:
    """What the root's record says; None if it is attached to no work or keeps no steps."""
    metadata = root.raw.get("metadata")
    state = metadata.get(MOLECULE) if isinstance(metadata, dict) else None
    if not isinstance(state, dict) or not state.get("bead") or not isinstance(state.get("steps"), list):
        return None
    steps = [step for step in state["steps"] if isinstance(step, dict) and step.get("id")]
    above = {str(step["parent"]) for step in steps if step.get("parent")}
    names = tuple(str(step["id"]) for step in steps if str(step["id"]) not in above)
    done, current = state.get("done"), state.get("current")
    finished = frozenset(names if root.status == CLOSED else done if isinstance(done, dict) else ())
    at_work = tuple(current) if isinstance(current, dict) else ()
    return MoleculeFacts(root.id, str(state["bead"]), names, finished, at_work, bool(state.get("poured")))


def step_text(facts: TownFacts, bead_id: str) -> str:
    """Where the work stands: which step of how many, and its name; empty if it carries no molecule."""
    known = facts.molecules.get(bead_id)
    if known is None or not known.steps:
        return ""
    done, current = (_poured(facts, known)) if known.is_poured else (known.done, known.current)
    left = [name for name in known.steps if name not in done]
    if not left:
        return f"{len(known.steps)}/{len(known.steps)} all steps done"
    at = next((name for name in left if name in current), left[0])
    return f"{min(len(known.steps) - len(left) + 1, len(known.steps))}/{len(known.steps)} {at}"


def _poured(facts: TownFacts, known: MoleculeFacts) -> tuple[frozenset[str], tuple[str, ...]]:
    """(done, being worked on) by the steps' own beads; a step out of view was closed long ago."""
    done, current = [], []
    for name in known.steps:
        found = facts.bead(f"{known.root}.{name}")
        if found is None or found[1].status == CLOSED:
            done.append(name)
        elif found[1].status in (HOOKED, IN_PROGRESS):
            current.append(name)
    return frozenset(done), tuple(current)
