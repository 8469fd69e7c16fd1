"""Checks that each ledger can be read where its route leads, and runs the checks of ``bd doctor`` on it."""

from __future__ import annotations

from gastown_core.beads.doctor import examine, mend
from gastown_core.beads.ledger import TownLedger
from gastown_core.doctor.check import Check, Finding
from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place

MENDABLE = ("layout", "merge driver", "gitignore", "index", "conflict markers")
"""Checks of ``bd doctor`` that its ``--fix`` mends without loss."""


class LedgersCheck(Check):
    """The ledgers of the town and its rigs."""

    name = "ledgers"
    about = "every ledger is readable where its route leads"
    mends = "mends what bd doctor --fix mends"

    def __init__(self) -> None:
        self._stores: dict[str, str] = {}

    def detect(self, place: Place) -> list[Finding]:
        """Return missing ledgers, ledgers read elsewhere than configured, and the findings in each store."""
        ledger = TownLedger(place.root)
        stores = {name: store for name, store in ledger.stores().items() if name == "town" or place.covers(name)}
        found = [
            Finding(
                self.name, f"{name}: {why}", "beads of it are not seen", f"bd doctor there, or {_route(name)}", (name,)
            )
            for name, why in ledger.missing.items()
            if name in ("town", "routes.jsonl", "rigs.json") or place.covers(name)
        ]
        found += [
            Finding(self.name, f"{name}: {why}", "it is read from another place", "mend the redirect", (name,))
            for name, why in ledger.warnings.items()
            if name in stores
        ]
        for name, store in stores.items():
            for one in examine(store):
                if one.level == "ok":
                    continue
                act = name if one.name in MENDABLE else ""
                remedy = one.hint or f"bd doctor in {store.beads_dir}"
                found.append(
                    Finding(
                        self.name,
                        f"{name}: {one.message}",
                        f"{one.name} of {store.beads_dir}",
                        remedy,
                        (name,),
                        act=act,
                    )
                )
        return found

    def acts(self, findings: list[Finding]) -> list[str]:
        """Name the stores that would be mended."""
        return [f"mend the store of {name}, as bd doctor --fix does" for name in _named(findings)]

    def fix(self, findings: list[Finding], root: str = "") -> list[str]:
        """Mend the stores; return what could not be."""
        left = []
        stores = TownLedger(root).stores()
        for name in _named(findings):
            try:
                if name in stores:
                    mend(stores[name])
            except (GastownError, OSError) as error:
                left.append(f"{name}: {error}")
        return left


def _named(findings: list[Finding]) -> list[str]:
    return list(dict.fromkeys(one.act for one in findings if one.act))


def _route(name: str) -> str:
    return "gt rig list" if name in ("routes.jsonl", "rigs.json") else f"gt rig status {name}"


CHECKS = [LedgersCheck()]
