"""Which molecule an agent is at: the one its hooked work carries, or a molecule that hangs on the hook itself."""

from __future__ import annotations

from gastown_cli import who
from gastown_core.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
    from gastown_core.town.inventory import RosterEntry


def work_of(root: str, ledger: TownLedger, entry: RosterEntry) -> Bead | None:
    """What is on the agent's hook, None if nothing is."""
    from gastown_core.town.identity import rig_prefix
    from gastown_core.work.hook.hook import hooked_work

    held = hooked_work(ledger, entry.address, rig_prefix(root, entry.address.rig))
    return held[0] if held else None


def molecule_id_of(root: str, ledger: TownLedger, entry: RosterEntry) -> str:
    """The molecule that the agent is at, empty if none."""
    from gastown_core.molecules.steps import root_for

    work = work_of(root, ledger, entry)
    found = root_for(work) if work is not None else ""
    return found if found and ledger.home_of(found) is not None else ""


def named_molecule(root: str, ledger: TownLedger, text: str) -> str:
    """The molecule that a word means: its id, a step's, its work's, an agent's; empty text is the caller's own.

    Raises NotFoundError, UsageError.
    """
    from gastown_core.molecules.steps import root_for

    home = ledger.home_of(text) if "-" in text else None
    bead = home.get(text) if home is not None else None
    if bead is not None:
        found = root_for(bead) or (bead.id if bead.issue_type == "epic" else "")
        if not found:
            raise NotFoundError(f"{text} carries no molecule", bead.title, f"gt mol attach {text} FORMULA gives it one")
        return found
    if text and "-" in text and "/" not in text and home is None and _has_prefix(ledger, text):
        raise ledger.store_for(text).near(text)
    entry = who.find(root, text)[1]
    found = molecule_id_of(root, ledger, entry)
    if not found:
        raise NotFoundError(f"{entry.address.short} is at no molecule", "its hook holds none", "gt mol status shows it")
    return found


def _has_prefix(ledger: TownLedger, text: str) -> bool:
    return any(text.startswith(f"{store.prefix.rstrip('-')}-") for store in ledger.stores().values())
