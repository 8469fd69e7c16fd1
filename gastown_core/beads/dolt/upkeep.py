"""Backups of a town's databases, and collecting what their history no longer needs; both while the server runs."""

from __future__ import annotations

import os

from gastown_core.beads.dolt.address import HOST, USER, Address, town_port
from gastown_core.beads.dolt.link import Link
from gastown_core.beads.dolt.server import databases_of
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
