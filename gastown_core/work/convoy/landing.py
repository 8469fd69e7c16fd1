"""Landing: a convoy closes itself when all its members are closed, and its listeners get mail, a nudge or a banner."""

from __future__ import annotations

from gastown_core.beads.query import BeadQuery
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.events.log import append_event
from gastown_core.events.told import last_told
from gastown_core.messaging.mail import NORMAL, Letter, announce_arrival, send_mail
from gastown_core.messaging.outward import announce
from gastown_core.messaging.recipients import AGENT, Target
from gastown_core.model.address import MAYOR, OVERSEER, parse_address
from gastown_core.model.bead import CLOSED, OPEN, TOMBSTONE
from gastown_core.town.settings import load_settings
from gastown_core.work.convoys import find_convoys, member_ids, tracking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.beads.query import Excerpt
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


def listeners(convoy: Bead, extra: Iterable[str] = ()) -> list[str]:
    """Return the mail addresses of owner, notify, watchers and ``extra``, without duplicates in any spelling."""
    fields = convoy.fields
    named = [fields.get("notify", ""), *_words(fields.get("watchers", "")), *extra]
    owner = parse_address(fields.get("owner", ""))
    if owner.is_agent:
        named.insert(0, owner.mail)
    return list(dict.fromkeys(mail_address(text) for text in named if text.strip()))


def mail_address(text: str) -> str:
    """Return the mailbox of an address: ``mayor`` is ``mayor/``, ``shop/polecats/opal`` is ``shop/opal``."""
    who = parse_address(text)
    return who.mail if who.is_agent else text.strip()


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def tell(
    root: str,
    ledger: TownLedger,
    convoy: Bead,
    subject: str,
    body: str,
    *,
    banner: str,
    sender: str,
    extra: Iterable[str] = (),
    nudge_extra: Iterable[str] = (),
    priority: int = NORMAL,
    informs: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Mail the listeners, tell agents that they have mail, and nudge those who asked for nudges; return who got mail.

    ``banner`` is shown on the town's terminals if the overseer listens; it must not contain text of beads.  ``informs``: it
    asks nothing of anybody.
    """
    told: list[str] = []
    nudged = dict.fromkeys([*_words(convoy.fields.get("nudge_watchers", "")), *nudge_extra])
    # the overseer sees the banner
    spared = {OVERSEER, *(mail_address(one) for one in nudged)}
    for address in listeners(convoy, extra):
        try:
            made = send_mail(
                root, ledger, address, subject, body, sender=sender, priority=priority, informs=informs, clock=clock
            )
        except GastownError:
            continue
        told.append(address)
        if address not in spared:
            # an agent at rest reads no mail before it is told of some
            letter, to = Letter(sender, subject, body, priority), Target(AGENT, address)
            announce_arrival(root, ledger, letter, (to,), (made,), clock=clock)
    for address in nudged:
        _nudge(root, address, f"{banner}. `gt convoy show {convoy.id}` tells more.", sender, clock)
    if OVERSEER in told:
        announce(root, banner)
    return told


def _nudge(root: str, address: str, text: str, sender: str, clock: Clock) -> None:
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.target import target_of
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.identity import resolve_agent
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.sessions import server_of

    if not has_tmux():
        return
    try:
        entry = resolve_agent(read_inventory(root), address)
        for _ in nudge(root, target_of(root, entry), text, sender, server=server_of(root), clock=clock, proof_s=0.0):
            pass
    except GastownError:
        return


OWNED = "gt:owned"
LANDED_REASON = "all members closed"


def check_convoys(
    root: str,
    ledger: TownLedger,
    bead_ids: Iterable[str] | None = None,
    *,
    actor: str,
    only: Iterable[str] = (),
    dry_run: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Close every complete system-managed convoy (tracking ``bead_ids``, or named in ``only``); return their ids.

    Owner, notify and watchers get one mail each.  A dry run only finds the convoys.
    """
    town = ledger.store_for("hq-x")
    if bead_ids is not None:
        found = {convoy.id for bead_id in bead_ids for convoy in tracking(ledger, bead_id)}
        convoys = town.excerpts_of(sorted(found))
    else:
        convoys = find_convoys(town.excerpts, BeadQuery(statuses=(OPEN,)))
    wanted = frozenset(only)
    ripe = [one for one in convoys if one.status == OPEN and OWNED not in one.labels]
    ripe = [one for one in ripe if (not wanted or one.id in wanted)]
    complete = _complete(ledger, ripe)
    if dry_run:
        return [one.id for one in complete]
    return [
        one.id for one in complete if land_one(root, ledger, one.id, actor=actor, judged=member_ids(one), clock=clock)
    ]


def _complete(ledger: TownLedger, convoys: list[Excerpt]) -> list[Excerpt]:
    """Return those with members that are all closed or deleted; a member that no ledger has keeps a convoy open."""
    members = {one.id: member_ids(one) for one in convoys}
    known = ledger.statuses(dict.fromkeys(bead_id for ids in members.values() for bead_id in ids))

    def is_over(bead_id: str) -> bool:
        status = known.get(bead_id)
        if status is None:
            gone = ledger.excerpt(bead_id)
            status = gone.status if gone is not None else ""
        return status in (CLOSED, TOMBSTONE)

    return [one for one in convoys if members[one.id] and all(map(is_over, members[one.id]))]


def land_one(
    root: str,
    ledger: TownLedger,
    convoy_id: str,
    *,
    actor: str,
    reason: str = LANDED_REASON,
    extra: Iterable[str] = (),
    judged: tuple[str, ...] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> bool:
    """Close one convoy as landed and notify its listeners; return False if it is already closed.

    ``judged`` are the members it was found complete with: if they have changed since, it stays open.
    """
    with ledger.store_for("hq-x").write(actor) as batch:
        convoy = batch.get(convoy_id)
        if convoy is None or convoy.is_closed or (judged is not None and member_ids(convoy) != judged):
            return False
        batch.close(convoy_id, reason, force=True)
    total = len(member_ids(convoy))
    payload = {"convoy": convoy_id, "title": convoy.title, "total": total}
    append_event(root, "convoy_landed", actor, payload, clock=clock)
    wants_mayor = load_settings(root).lenient("convoy.notify_on_complete")
    tell(
        root,
        ledger,
        convoy,
        f"🚚 Convoy landed: {convoy.title}",
        _letter(ledger, convoy),
        banner=f"Convoy {convoy_id} landed ({total} bead{'' if total == 1 else 's'})",
        sender=actor,
        extra=extra,
        nudge_extra=(MAYOR,) if wants_mayor else (),
        informs=True,
        clock=clock,
    )
    return True


def open_again(root: str, ledger: TownLedger, bead_id: str, *, actor: str, clock: Clock = SYSTEM_CLOCK) -> None:
    """Open the convoys again that landed with this bead, since it was taken back, and tell their listeners, once.

    A convoy that somebody closed stays closed. After a kill, a repeated call does what is left.
    """
    town = ledger.store_for("hq-x")
    for convoy in tracking(ledger, bead_id, with_closed=True):
        with town.write(actor) as batch:
            now = batch.get(convoy.id)
            if now is not None and now.is_closed and now.text("close_reason") == LANDED_REASON:
                batch.reopen(convoy.id, f"{bead_id} was taken back")
            is_open = now is not None and batch.need(convoy.id).status == OPEN
        if is_open and last_told(root, "convoy", convoy.id, "convoy_landed", "convoy_reopened") == "convoy_landed":
            payload = {"convoy": convoy.id, "title": convoy.title, "reason": f"{bead_id} was taken back"}
            append_event(root, "convoy_reopened", actor, payload, clock=clock)
            tell(
                root,
                ledger,
                convoy,
                f"🚚 Convoy open again: {convoy.title}",
                f"{bead_id}, which had landed, was taken back. `gt convoy show {convoy.id}` tells more.",
                banner=f"Convoy {convoy.id} is open again: {bead_id} was taken back",
                sender=actor,
                informs=True,
                clock=clock,
            )


def _letter(ledger: TownLedger, convoy: Bead) -> str:
    """Return the mail about the members, one line each."""
    ids = member_ids(convoy)
    beads = ledger.get_many(ids)
    lines = [f"{convoy.id} is complete: {len(ids)} bead{'' if len(ids) == 1 else 's'}.", ""]
    for bead_id in ids[:50]:
        bead = beads.get(bead_id)
        why = bead.text("close_reason") if bead is not None else "deleted"
        lines.append(f"- {bead_id} {bead.title if bead is not None else ''}{f' ({why})' if why else ''}")
    if len(ids) > 50:
        lines.append(f"- and {len(ids) - 50} more")
    return "\n".join(lines)
