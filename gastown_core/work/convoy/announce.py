"""Telling those who asked to hear of a convoy: mail to each once, a nudge, and a banner for the person at the console.

Nothing here fails the act it tells of: a letter that cannot be kept or a nudge that nobody takes is left out.
"""

from __future__ import annotations

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError
from gastown_core.messaging.mail import NORMAL, send_mail
from gastown_core.model.address import OVERSEER, parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead


def listeners(convoy: Bead, extra: Iterable[str] = ()) -> list[str]:
    """Mail addresses of owner, notify, watchers and ``extra``, each once, whatever spelling they were given in."""
    fields = convoy.fields
    named = [fields.get("notify", ""), *_words(fields.get("watchers", "")), *extra]
    owner = parse_address(fields.get("owner", ""))
    if owner.is_agent:
        named.insert(0, owner.mail)
    return list(dict.fromkeys(mail_address(text) for text in named if text.strip()))


def mail_address(text: str) -> str:
    """The mailbox that an address means: ``mayor`` is ``mayor/``, ``shop/polecats/opal`` is ``shop/opal``."""
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
    clock: Clock = SYSTEM_CLOCK,
) -> list[str]:
    """Mail the listeners, nudge those who asked for nudges; returns who got mail.

    ``banner`` is shown on the terminals of the town's sessions if the overseer listens; it must hold no words of beads.
    """
    told: list[str] = []
    for address in listeners(convoy, extra):
        try:
            send_mail(root, ledger, address, subject, body, sender=sender, priority=priority, clock=clock)
        except GastownError:
            continue
        told.append(address)
    for address in dict.fromkeys([*_words(convoy.fields.get("nudge_watchers", "")), *nudge_extra]):
        _nudge(root, address, f"{banner}. `gt convoy show {convoy.id}` tells more.", sender, clock)
    if OVERSEER in told:
        show_banner(root, banner)
    return told


def _nudge(root: str, address: str, text: str, sender: str, clock: Clock) -> None:
    from gastown_core.messaging.nudge import nudge
    from gastown_core.messaging.targets import target_of
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.identity import resolve_agent
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.sessions import server_of

    if not has_tmux():
        return
    try:
        entry = resolve_agent(read_inventory(root), address)
        for _ in nudge(root, target_of(root, entry), text, sender, server=server_of(root), clock=clock, wait_s=0.0):
            pass
    except GastownError:
        return


def show_banner(root: str, text: str) -> int:
    """Show one line on every terminal that looks at a session of this town; on how many."""
    from gastown_core.tmux.socket import has_tmux
    from gastown_core.town.sessions import server_of

    if not has_tmux():
        return 0
    shown = 0
    try:
        server = server_of(root)
        if not server.is_running():
            return 0
        for client in server.run("list-clients", "-F", "#{client_control_mode} #{client_name}").splitlines():
            is_control, _, name = client.partition(" ")
            if is_control == "0" and name:
                server.run("display-message", "-c", name, "-d", "8000", text)
                shown += 1
    except GastownError:
        return shown
    return shown
