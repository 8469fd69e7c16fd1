"""Who is who in the texts of events."""

from __future__ import annotations

from gastown_core.model.address import Address, parse_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Roster:
    """Turns actor texts into addresses: registered rigs only, crew and polecats told apart."""

    def __init__(self, rigs: Mapping[str, str], agents: Mapping[str, Address]) -> None:
        """``rigs`` maps names to prefixes, ``agents`` mail identities to addresses."""
        self._known: dict[str, Address] = {}
        self.replace(rigs, agents)

    def replace(self, rigs: Mapping[str, str], agents: Mapping[str, Address]) -> None:
        """Take over a new roster."""
        self._rigs = dict(rigs)
        self._agents = dict(agents)
        self._known.clear()

    def resolve(self, actor: str) -> Address:
        """The address of an actor text; remembered, since a town has few actors and many events."""
        found = self._known.get(actor)
        if found is None:
            found = parse_address(actor, self._rigs)
            found = self._agents.get(found.mail, found)
            if len(self._known) < 4096:
                self._known[actor] = found
        return found
