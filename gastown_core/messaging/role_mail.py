"""Mail to a role that the code has: nobody sits in its session, so the daemon treats what arrives.

A message between programs is archived: the code acts on the records it tells of.  A cry for help becomes an escalation, mail about
an escalation goes to the next tier once, and everything else is handed on to somebody who reads: the deacon, the mayor,
the overseer.  Each message is treated in one write of its own, so that a cut-off run loses and repeats nothing.
"""

from __future__ import annotations

import re

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.messaging.escalation import FORWARD, LABEL, escalate
from gastown_core.messaging.escalation_upkeep import forward
from gastown_core.messaging.mail import LONGEST_SUBJECT, Letter, announce_arrival, store_letter
from gastown_core.messaging.mailbox import archive, in_thread, mark_read, with_bodies
from gastown_core.messaging.message import ACKED, MESSAGE, READ, assignees_of, is_for, mail_identity, message_of
from gastown_core.messaging.recipients import AGENT, CODE_ROLES, Target
from gastown_core.model.address import DEACON, MAYOR, OVERSEER
from gastown_core.model.bead import CLOSED, HOOKED, is_kind
from gastown_core.town.inventory import read_inventory
from gastown_core.town.settings import agent_has_role, load_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.messaging.message import Message
    from gastown_core.model.address import Address

HANDED_ON = "handed-on:"
"""Label: the mail identity that a message was sent to first."""
MOST = 50
"""Messages treated in one run; the next run goes on."""
MOST_OF_ONE, MOST_AT_ONCE = 20, 2000
"""Messages of one sender to one role that are handed on one by one in a run, and that are read in one write."""
PROTOCOL = re.compile(
    r"(POLECAT_(DONE|STARTED|DIED)|CRASHED_POLECAT:?|MERGE(D|_READY|_FAILED)|FIX_NEEDED|REWORK_REQUEST|CONVOY_NEEDS_FEEDING"
    r"|LIFECYCLE:Shutdown|RECOVERED_BEAD|RECOVERY_NEEDED|ZOMBIE_DETECTED|DISPATCH_(ATTEMPT|OK|FAIL)|IDLE_PASSIVATED"
    r"|(GUPP_VIOLATION|ORPHANED_WORK):)( \S+){1,4}"
)
HELP = "help:"
KINDS_OF_HELP = (
    (("security", "credential", "data loss"), "critical", OVERSEER),
    (("crash", "panic", "oom", "disk full", "connection"), "high", DEACON),
    (("blocked", "conflict", "deadlock", "stuck"), "high", MAYOR),
)
"""Words in a cry for help → severity, and the tier that hears of it; the first row that fits counts (daemon-and-health.md section 5.7)."""
OTHER_HELP = ("medium", DEACON)
ISSUE = re.compile(r"^(?:issue|bead):\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Post:
    """One run over the mail of the roles that the code has; ``present`` are the mail identities whose program runs."""

    def __init__(
        self, root: str, ledger: TownLedger, present: Callable[[], Collection[str]], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.root, self.ledger, self.clock = root, ledger, clock
        self.store: BeadStore = ledger.store_for("hq-x")
        self._look = present
        self.present: Collection[str] = ()

    def treat(self) -> tuple[list[str], bool]:
        """Treat what waits; return what was done, in words, and whether anything is left for a later run.

        Raises the first GastownError after the messages that could be treated.
        """
        waiting = self._waiting()
        if not waiting:
            return [], False
        self.present = self._look()
        due, floods = self._without_floods([one for one in waiting if self._is_due(*one)])
        done: list[str] = []
        moved: dict[str, tuple[Address, Message]] = {}
        wrong: GastownError | None = None
        for role, message in due:
            if len(done) >= MOST:
                break
            try:
                done.append(self._one(role, message, moved))
            except GastownError as error:
                wrong = wrong or error
        done += [self._dam_up(role, rest) for role, rest in floods]
        for reader, (role, message) in moved.items():
            self._tell(reader, role, message)
        if wrong is not None:
            raise wrong
        return done, bool(floods) or len(waiting) > len(done)

    def _without_floods(
        self, due: list[tuple[Address, Message]]
    ) -> tuple[list[tuple[Address, Message]], list[tuple[Address, list[Message]]]]:
        """Return what is treated one by one, and what else a sender wrote to a role beyond ``MOST_OF_ONE`` messages."""
        by_sender: dict[tuple[Address, str], list[Message]] = {}
        for role, message in due:
            by_sender.setdefault((role, message.sender), []).append(message)
        rest = {pair: found[MOST_OF_ONE:MOST_AT_ONCE] for pair, found in by_sender.items() if len(found) > MOST_OF_ONE}
        extra = {message.id for (_, sender), found in by_sender.items() for message in found[MOST_OF_ONE:]}
        return [one for one in due if one[1].id not in extra], [(role, found) for (role, _), found in rest.items()]

    def _dam_up(self, role: Address, rest: list[Message]) -> str:
        """Mark a flood of messages read where it is, and write one letter about it to the next reader."""
        sender, count = rest[0].sender, len(rest)
        reader = self._next(role, sender)
        body = (
            f"They are marked as read, and stay where they are: gt mail inbox {role.mail}\nThe first: {rest[0].subject}"
        )
        letter = Letter(sender, f"[to {role.mail}] {count} more messages of {sender}", body)
        with self.store.write(self._actor(role)) as batch:
            for fresh in (batch.get(one.id) for one in rest):
                if fresh is not None and not fresh.is_closed:
                    batch.update(fresh.id, {"labels": sorted({*fresh.labels, READ})})
            store_letter(batch, letter, reader, (HANDED_ON + role.mail,))
        return f"told {reader} of {count} more from {sender} to {role.mail}"

    def _waiting(self) -> list[tuple[Address, Message]]:
        """Unread messages to these roles, the oldest first; none that it keeps for itself: hooked, pinned, its own."""
        roles = {
            one.address.mail: one.address for one in read_inventory(self.root).agents if one.address.role in CODE_ROLES
        }
        spellings = tuple(text for mail in roles for text in assignees_of(mail))
        open_mail = BeadQuery(exclude_statuses=(CLOSED, HOOKED), include_wisps=True, sort="oldest")
        own = open_mail._replace(assignees=spellings, labels_none=(READ,))
        copies = open_mail._replace(labels_any=tuple(f"cc:{text}" for text in spellings))
        pairs = [(roles[mail_identity(one.to)], one) for one in self._messages(own) if mail_identity(one.to) in roles]
        for one in self._messages(copies):
            pairs += [(roles[name], one) for name in map(mail_identity, one.copies) if name in roles]
        return [
            (role, one)
            for role, one in pairs
            if is_for(role.mail, one) and not one.is_read(role.mail) and not one.is_archived(role.mail)
            if not one.is_pinned and mail_identity(one.sender) != role.mail
        ]

    def _messages(self, query: BeadQuery) -> list[Message]:
        return [message_of(bead) for bead in self.store.excerpts(query) if is_kind(bead, MESSAGE)]

    def _is_due(self, role: Address, message: Message) -> bool:
        """Whether nobody will read it: an agent in charge may yet start, and gets a while for it."""
        if role.mail in self.present:
            return False
        if not agent_has_role(self.root, role.role):
            return True
        return self.clock.now() - message.at >= load_settings(self.root).seconds("patrols.deacon.untold")

    def _one(self, role: Address, message: Message, moved: dict[str, tuple[Address, Message]]) -> str:
        """Treat one message; return what was done."""
        mine, name = role.mail, message.id
        if message.is_copy_for(mine):
            mark_read(self.store, [name], mine)
            return f"read {name}"
        raised = message.value("escalation:") if LABEL in message.labels else ""
        if raised:
            went = self._pass_up(role, raised)
            mark_read(self.store, [name], mine)
            return f"passed {raised} on to {went}" if went else f"read {name}"
        if PROTOCOL.fullmatch(message.subject) and mail_identity(message.sender) != OVERSEER:
            archive(self.store, [name], mine)
            return f"archived {name}"
        if message.subject.lower().startswith(HELP):
            known = self._cry(role, message)
            archive(self.store, [name], mine)
            return f"raised {known} for {message.sender}"
        reader = self._next(role, message.sender)
        if not self._hand_on(role, message, reader):
            return f"archived {name}: {reader} has it"
        moved[reader] = (role, message)
        return f"handed {name} on from {mine} to {reader}"

    def _next(self, role: Address, sender: str) -> str:
        """The next in the route who reads and is not the sender: deacon, mayor, overseer; else it waits for the mayor."""
        above = [] if role.role == DEACON else [DEACON + "/"]
        route = [one for one in (*above, MAYOR + "/", OVERSEER) if one != mail_identity(sender)]
        return next((one for one in route if one == OVERSEER or one in self.present), MAYOR + "/")

    def _hand_on(self, role: Address, message: Message, reader: str) -> bool:
        """Give the message to the reader, who finds in its subject whom it was for; False if the reader has it already."""
        with self.store.write(self._actor(role)) as batch:
            fresh = message_of(batch.need(message.id))
            if mail_identity(fresh.to) != role.mail or fresh.is_read(role.mail) or fresh.is_archived(role.mail):
                return False
            if any(
                self._is_same(one, fresh, reader)
                for one in (in_thread(self.store, fresh.thread) if fresh.thread else ())
            ):
                batch.close(fresh.id, f"{reader} has it", force=True)
                return False
            labels = [label for label in fresh.labels if not label.startswith((ACKED, "delivery-acked-"))]
            subject = f"[to {role.mail}] {fresh.subject}"[:LONGEST_SUBJECT]
            batch.update(
                fresh.id, {"assignee": reader, "title": subject, "labels": sorted({*labels, HANDED_ON + role.mail})}
            )
        return True

    @staticmethod
    def _is_same(one: Message, fresh: Message, reader: str) -> bool:
        """Whether ``one`` is what a list of recipients brought the reader anyway."""
        return one.id != fresh.id and is_for(reader, one) and (one.sender, one.body) == (fresh.sender, fresh.body)

    def _pass_up(self, role: Address, raised: str) -> str:
        """Pass an open escalation on to the mayor, if nobody above has heard of it; return to whom."""
        bead = self.ledger.get(raised)
        if bead is None or bead.status == CLOSED or "acked" in bead.labels:
            return ""
        told = BeadQuery(labels_all=(f"escalation:{raised}",), types=("message",), include_wisps=True)
        above = {FORWARD[MAYOR], FORWARD[OVERSEER]}
        if any(mail_identity(one.assignee) in above for one in self.store.excerpts(told)):
            return ""
        note = f"{role.mail} is run by code, which has done what it can"
        forward(self.root, self.ledger, bead, MAYOR, actor=self._actor(role), note=note, clock=self.clock)
        return MAYOR

    def _cry(self, role: Address, message: Message) -> str:
        """Raise what an agent asks help for, once for each bead or, without one, each agent; return the escalation."""
        whole = next(iter(with_bodies(self.store, [message])), message)
        text = f"{whole.subject}\n{whole.body}".lower()
        rows = ((level, tier) for words, level, tier in KINDS_OF_HELP if any(word in text for word in words))
        level, tier = next(rows, OTHER_HELP)
        found = ISSUE.search(whole.body)
        about = found.group(1) if found and self.ledger.get(found.group(1)) is not None else ""
        title = whole.subject[len(HELP) :].strip() or f"{whole.sender} asks for help"
        raised = escalate(
            self.root,
            self.ledger,
            level,
            title,
            sender=whole.sender,
            reason=whole.body,
            about=about,
            source=role.mail,
            key=f"{HELP}{about or whole.sender}",
            to=tier,
            clock=self.clock,
        )
        return raised.id

    def _tell(self, reader: str, role: Address, message: Message) -> None:
        """Tell the reader of the last message of this run that came to it so."""
        letter = Letter(self._actor(role), f"[to {role.mail}] {message.subject}", priority=message.priority)
        announce_arrival(self.root, self.ledger, letter, [Target(AGENT, reader)], [message.id], clock=self.clock)

    @staticmethod
    def _actor(role: Address) -> str:
        """Not the role's own address: what the code does is no sign that its agent lives."""
        return f"patrol:{role.path}"
