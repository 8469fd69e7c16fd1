"""Where a piece of work starts and where it is to be merged: a branch named for it, an epic's, or the rig's default."""

from __future__ import annotations

from gastown_core.model.address import parse_address
from gastown_core.model.record import Record
from gastown_core.town.settings import load_settings
from gastown_core.work.hook.hook import dispatch_of
from gastown_core.work.sling.rework import rework_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead

MOST_ANCESTORS = 10


class Base(Record):
    """``branch`` is what the work is merged into (empty: the rig's default), ``start`` an earlier branch to go on from.

    ``workers`` are those who know the work, to be asked first; ``known_branch`` is the branch they stand on then.
    """

    branch: str = ""
    start: str = ""
    known_branch: str = ""
    workers: tuple[str, ...] = ()


def base_of(root: str, ledger: TownLedger, bead: Bead, rig: str, wanted: str, *, dead: str = "") -> Base:
    """Work that came back goes on from its branch, work of a dead worker (``dead``: its name) too."""
    before = dispatch_of(bead)
    back = rework_of(bead)
    branch = wanted or before.get("base", "") or integration_branch(root, ledger, bead, rig)
    if back is not None:
        return Base(branch, back.branch, back.branch, (back.worker,) if back.worker else ())
    # whose work was given back when the worker died is noted with the old order
    lost = parse_address(before.get("worker", ""))
    dead = dead or (lost.name if lost.rig == rig else "")
    if dead:
        return Base(branch, before.get("branch", ""), before.get("branch", ""), (dead,))
    return Base(branch, "", before.get("branch", ""))


def integration_branch(root: str, ledger: TownLedger, bead: Bead, rig: str) -> str:
    """The integration branch of the nearest ancestor that has one, empty if none or if the rig does not use them."""
    parent = bead.parent
    if not parent or not load_settings(root, "rig", rig).lenient("merge_queue.integration_branch_polecat_enabled"):
        return ""
    seen: set[str] = set()
    while parent and parent not in seen and len(seen) < MOST_ANCESTORS:
        seen.add(parent)
        above = ledger.get(parent)
        if above is None:
            return ""
        found = branch_of_epic(above)
        if found:
            return found
        parent = above.parent
    return ""


def branch_of_epic(epic: Bead) -> str:
    """The branch on which an epic's work is gathered, empty if it has none."""
    metadata = epic.raw.get("metadata")
    found = metadata.get("integration_branch") if isinstance(metadata, dict) else ""
    return str(found or epic.fields.get("integration_branch", ""))
