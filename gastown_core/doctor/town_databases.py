"""Checks that the Go tools can write the databases of a town on Dolt."""

from __future__ import annotations

from gastown_core.beads.discovery import is_served
from gastown_core.beads.ledger import TownLedger
from gastown_core.doctor.check import Check, Finding
from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.dolt.defaults import Lack
    from gastown_core.beads.dolt.link import Link
    from gastown_core.doctor.checked_town import Place


class DatabasesCheck(Check):
    """The databases of the town and its rigs; nothing where beads are in files."""

    name = "databases"
    about = "the bd of the Go tools can write the databases, if there are any"
    mends = "adds the defaults that a table lacks which an earlier version made"

    def __init__(self) -> None:
        self._lacks: dict[str, list[Lack]] = {}

    def detect(self, place: Place) -> list[Finding]:
        """Return the tables without defaults. Raises StoreError."""
        found = []
        self._lacks = {}
        for name, store in TownLedger(place.root, read_only=True).stores().items():
            beads_dir = store.beads_dir
            # a server that does not answer is told of by the check of ledgers
            if not is_served(beads_dir) or store.trouble or not (name == "town" or place.covers(name)):
                continue
            store.close()
            lacks = _examined(beads_dir)
            self._lacks[beads_dir] = lacks
            if lacks:
                tables = ", ".join(one.table for one in lacks)
                found.append(
                    Finding(
                        self.name,
                        f"{name}: {len(lacks)} tables lack defaults: {tables}",
                        "the bd of the Go tools cannot write them; an earlier version of this program made them",
                        "gt doctor --fix",
                        (name,),
                        act=beads_dir,
                    )
                )
        return found

    def acts(self, findings: list[Finding]) -> list[str]:
        """Name the statements that would be run."""
        return [
            f"in the database of {beads_dir}: {one.statement}"
            for beads_dir in _named(findings)
            for one in self._lacks.get(beads_dir, [])
        ]

    def fix(self, findings: list[Finding], root: str = "") -> list[str]:
        """Run them, and commit; return what could not be."""
        from gastown_core.beads.dolt.defaults import add_defaults, lacks_of

        left = []
        for beads_dir in _named(findings):
            link = _link(beads_dir)
            try:
                # what is lacking now: another may have mended it while the operator was asked
                add_defaults(link, lacks_of(link))
            except GastownError as error:
                left.append(f"the database of {beads_dir}: {error}")
            finally:
                link.close()
        return left


def _examined(beads_dir: str) -> list[Lack]:
    from gastown_core.beads.dolt.defaults import lacks_of

    link = _link(beads_dir)
    try:
        return lacks_of(link)
    finally:
        link.close()


def _link(beads_dir: str) -> Link:
    from gastown_core.beads.dolt.address import address_of
    from gastown_core.beads.dolt.link import Link

    return Link(address_of(beads_dir))


def _named(findings: list[Finding]) -> list[str]:
    return list(dict.fromkeys(one.act for one in findings if one.act))


CHECKS = [DatabasesCheck()]
