"""Backups of a town's databases, collecting what their history no longer needs, and how the server is; all while it runs."""

from __future__ import annotations

import os
import time

from gastown_core.beads.discovery import is_served
from gastown_core.beads.dolt.address import HOST, USER, Address, address_of, town_port
from gastown_core.beads.dolt.link import Link
from gastown_core.beads.dolt.server import databases_of, status_of
from gastown_core.errors import GastownError
from gastown_core.files.folders import cache_folder
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BACKUPS = ".dolt-backup"


class Upkeep(Record):
    """What was done with one database."""

    database: str
    is_ok: bool
    said: str


class Vitals(Record):
    """How the server of the town's beads is; figures are None where it does not answer, or is not the town's own."""

    is_healthy: bool
    connections: int | None = None
    max_connections: int | None = None
    latency_ms: float | None = None
    disk_bytes: int | None = None


def vitals_of(town: str) -> Vitals | None:
    """Ask the server of the town's beads how it is; None for a town whose beads are in files."""
    beads = os.path.join(town, ".beads")
    if not is_served(beads):
        return None
    disk = status_of(town).disk_bytes if databases_of(town) else None
    try:
        link = Link(address_of(beads))
    except GastownError:
        return Vitals(is_healthy=False, disk_bytes=disk)
    try:
        most, now = link.ask("SELECT @@max_connections, (SELECT COUNT(*) FROM information_schema.processlist)")[0]
        began = time.perf_counter()
        link.ask("SELECT 1")
        # without the connection of this question
        return Vitals(True, max(0, int(now) - 1), int(most), (time.perf_counter() - began) * 1000, disk)
    except GastownError:
        return Vitals(is_healthy=False, disk_bytes=disk)
    finally:
        link.close()


def back_up(town: str, folder: str = "", *, dry_run: bool = False) -> list[Upkeep]:
    """Copy every database of the town, with its history, to a folder; a copy from before is brought up to date.

    A copy is what ``dolt backup restore file://FOLDER/NAME NAME`` reads.
    """
    target = os.path.abspath(folder or os.path.join(town, BACKUPS))
    if not dry_run:
        cache_folder(target)

    def copy(link: Link, name: str) -> str:
        place = os.path.join(target, name)
        if dry_run:
            return f"would be copied to {place}"
        os.makedirs(place, exist_ok=True)
        link.ask("CALL DOLT_BACKUP('sync-url', %s)", (f"file://{place}",))
        return f"copied to {place}"

    return [_each(town, name, copy) for name in databases_of(town)]


def clean_up(town: str, *, dry_run: bool = False) -> list[Upkeep]:
    """Have the server drop from its files what no commit, branch or table of a database needs any more."""

    def collect(link: Link, name: str) -> str:
        if dry_run:
            return "garbage would be collected"
        link.ask("CALL DOLT_GC()")
        # the server closes connections that were open before
        link.close()
        return "garbage collected"

    return [_each(town, name, collect) for name in databases_of(town)]


def _each(town: str, name: str, act: Callable[[Link, str], str]) -> Upkeep:
    link = Link(Address(HOST, town_port(town), USER, os.environ.get("BEADS_DOLT_PASSWORD", ""), name))
    try:
        return Upkeep(name, True, act(link, name))
    except GastownError as error:
        return Upkeep(name, False, str(error))
    finally:
        link.close()
