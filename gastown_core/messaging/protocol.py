"""Messages between the programs of a town that its agents get too: work is handed in, can be merged, was merged or sent back.

The code acts on the records themselves and needs none of these.  An agent in a role gets them where the settings give it
the role (``patrols.<role>.mode`` is agent or both) and it has a session: mail that nobody would read is not written.
The subject is ``KIND name``, the body has a ``Key: value`` line for each fact (tmux-and-messaging.md section 10).
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.town_log import log_line
from gastown_core.messaging.mail import HIGH, Letter, announce_arrival, deliver
from gastown_core.messaging.recipients import AGENT, Target
from gastown_core.model.address import DEACON, POLECAT
from gastown_core.town import sessions
from gastown_core.town.inventory import read_inventory
from gastown_core.town.settings import agent_has_role

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.town.inventory import RosterEntry

POLECAT_DONE, MERGE_READY, MERGED = "POLECAT_DONE", "MERGE_READY", "MERGED"
FIX_NEEDED, REWORK_REQUEST, CONVOY_NEEDS_FEEDING = "FIX_NEEDED", "REWORK_REQUEST", "CONVOY_NEEDS_FEEDING"
"""What is told: to the witness that a polecat has ended its work and that it was merged or needs a rebase; to the refinery
that a branch can be merged; to the polecat that its work was sent back; to the deacon that a convoy has room."""


def tell(
    root: str,
    ledger: TownLedger,
    to: str,
    kind: str,
    name: str,
    facts: Mapping[str, object],
    *,
    sender: str,
    clock: Clock = SYSTEM_CLOCK,
) -> str:
    """Write the message to the agent at ``to`` and nudge it; return the message's id, empty if it would not be read.

    A message that cannot be written hinders nothing: the town's log says so.
    """
    try:
        entry = next((one for one in read_inventory(root).agents if one.address.path == to), None)
        if entry is None or not _takes_part(root, entry):
            return ""
        body = "\n".join(f"{key}: {value}" for key, value in facts.items() if value)
        letter = Letter(sender, f"{kind} {name}", body, HIGH)
        targets = [Target(AGENT, entry.address.mail)]
        made = deliver(root, ledger.store_for("hq-x"), letter, targets, to=to, clock=clock)
        wrong = announce_arrival(root, ledger, letter, targets, made, clock=clock)
    except (GastownError, OSError) as error:
        log_line(root, "mail", sender, f"{kind} {name} did not reach {to}: {error}", clock=clock)
        return ""
    for words in wrong:
        log_line(root, "mail", sender, words, clock=clock)
    return made[0]


def _takes_part(root: str, entry: RosterEntry) -> bool:
    """Whether the agent is there to read it: in charge of its role, with a session whose program has not ended."""
    role = entry.address.role
    if role != POLECAT and not agent_has_role(root, role):
        return False
    pane = sessions.find_session(root, entry)
    return pane is not None and not pane.dead


def tell_deacon(
    root: str, ledger: TownLedger, convoy: str, facts: Mapping[str, object], *, sender: str, clock: Clock
) -> str:
    """Tell the deacon that a convoy's work was merged and more of it may be ready."""
    return tell(root, ledger, DEACON, CONVOY_NEEDS_FEEDING, convoy, facts, sender=sender, clock=clock)
