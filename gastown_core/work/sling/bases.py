"""The start and target of work: its own earlier branch, an epic's integration branch, or the rig's default branch."""

from __future__ import annotations

from gastown_core.model.address import parse_address
from gastown_core.model.metadata import Rework, metadata_of, read_dispatch, read_rework
from gastown_core.model.record import Record
from gastown_core.town.settings import load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.bead import Bead
_SHOWN = 4000


def rework_lines(back: Rework) -> list[str]:
    """Return why the work came back from the merge queue, for the worker's briefing."""
    again = f" (attempt {back.attempt + 1})" if back.attempt else ""
    out = ["", f"## Why it came back{again}", ""]
    out.append(f"{back.mr or 'The merge request'} was not merged. The work so far is on {back.branch}.")
    text = back.failure.strip()
    if text:
        tail = text if len(text) <= _SHOWN else "… " + text[-_SHOWN:]
        out += ["", *(f"    {line}" for line in tail.splitlines())]
    return [*out, "", "Fix this on your branch; then gt done hands it in again."]


MOST_ANCESTORS = 10


class Base(Record):
    """``branch`` is the target (empty: the rig's default), ``start`` an earlier branch to continue from.

    ``workers`` know the work and are preferred; ``known_branch`` is the branch of their worktree.
    """

    branch: str = ""
    start: str = ""
    known_branch: str = ""
    workers: tuple[str, ...] = ()


def base_of(root: str, ledger: TownLedger, bead: Bead, rig: str, wanted: str, *, dead: str = "") -> Base:
    """Return the base; work that came back, or whose worker died (``dead``: its name), continues on its branch."""
    before = read_dispatch(bead)
    back = read_rework(bead)
    branch = wanted or before.base or integration_branch(root, ledger, bead, rig)
    if back is not None:
        return Base(branch, back.branch, back.branch, (back.worker,) if back.worker else ())
    # whose work was given back when the worker died is noted with the old order
    lost = parse_address(before.worker)
    dead = dead or (lost.name if lost.rig == rig else "")
    if dead:
        return Base(branch, before.branch, before.branch, (dead,))
    return Base(branch, "", before.branch)


def integration_branch(root: str, ledger: TownLedger, bead: Bead, rig: str) -> str:
    """Return the integration branch of the nearest ancestor with one; empty without one, or if the rig uses none."""
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
    """Return the branch that collects an epic's work, empty if it has none."""
    return metadata_of(epic).text("integration_branch") or epic.fields.get("integration_branch", "")
