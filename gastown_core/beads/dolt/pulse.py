"""Keeps mirrors up to date while a console or the daemon runs: one connection, one question a beat.

The question is the hash of every database at once; only a database whose hash changed is read.  Whoever watches the
mirror's files then learns of it as of any other change of a ledger.
"""

from __future__ import annotations

import asyncio
import os

from gastown_core.beads.discovery import is_served
from gastown_core.beads.dolt.address import address_of
from gastown_core.beads.dolt.link import Link
from gastown_core.beads.dolt.mirror import FOLDER, Mirror
from gastown_core.clock import SYSTEM_CLOCK, format_local
from gastown_core.errors import GastownError, StoreError, words_of
from gastown_core.files.folders import cache_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BEAT_S = 0.2
"""How long a change may go unseen."""
AGAIN_S = 1.0
"""How often a server that does not answer is asked."""


class Pulse:
    """The pulse of the databases behind these ``.beads`` folders; ``beat`` belongs to one thread at a time.

    ``on_health`` is told when a server stops or begins to answer.
    """

    def __init__(self, folders: Iterable[str], on_health: Callable[[], None] = lambda: None) -> None:
        self._mirrors: dict[str, list[Mirror]] = {}
        self._links: dict[str, Link] = {}
        self._seen: dict[str, str] = {}
        self._trouble: dict[str, str] = {}
        self._server_of: dict[str, str] = {}
        self._on_health = on_health
        self._new: list[str] = []
        self._known: set[str] = set()
        self.follow(folders)
        self._take_new()

    def follow(self, folders: Iterable[str]) -> None:
        """Have the next beat look at these folders too, if it does not yet: stores of rigs that came since."""
        self._new += [folder for folder in folders if folder not in self._known]

    def _take_new(self) -> None:
        while self._new:
            folder = self._new.pop()
            if folder not in self._known:
                self._known.add(folder)
                try:
                    self._add(folder)
                except (GastownError, OSError) as error:
                    # its port is none, or its mirror has no room: the others are kept up to date all the same
                    self._server_of[folder], self._trouble[folder] = folder, words_of(error)

    def _add(self, beads_dir: str) -> None:
        if not is_served(beads_dir):
            return
        address = address_of(beads_dir)
        link = self._links.setdefault(address.server, Link(address))
        mirror = Mirror(cache_folder(os.path.join(beads_dir, FOLDER)), link.at(address))
        self._mirrors.setdefault(address.server, []).append(mirror)
        self._server_of[beads_dir] = address.server

    def __bool__(self) -> bool:
        return bool(self._mirrors)

    async def run(self) -> None:
        """Beat until cancelled."""
        try:
            while True:
                if await asyncio.to_thread(self.beat):
                    self._on_health()
                await asyncio.sleep(AGAIN_S if self._trouble else BEAT_S)
        finally:
            for link in self._links.values():
                link.close()

    def trouble_of(self, beads_dir: str) -> str:
        """Return why a folder's beads may be out of date; empty if they are not, or not on a server."""
        return self._trouble.get(self._server_of.get(beads_dir, ""), "")

    def beat(self) -> bool:
        """Look once at every server, and have the mirrors of what changed catch up; whether a server's health changed."""
        before = dict(self._trouble)
        self._take_new()
        for server, mirrors in self._mirrors.items():
            try:
                self._look(server, mirrors)
                self._trouble.pop(server, None)
            except (StoreError, OSError) as error:
                if server not in self._trouble:
                    since = format_local(SYSTEM_CLOCK.now())
                    self._trouble[server] = (
                        f"store unreachable since {since}, shown is what it held then: {words_of(error)}"
                    )
                    self._seen.clear()
        return before != self._trouble

    def _look(self, server: str, mirrors: list[Mirror]) -> None:
        link = self._links[server]
        names = [mirror.link.address.database for mirror in mirrors]
        hashes = link.ask("SELECT " + ", ".join(f"@@`{name}_working`" for name in names))[0]
        for mirror, name, now in zip(mirrors, names, hashes, strict=True):
            if self._seen.get(f"{server}/{name}") != now:
                mirror.catch_up()
                self._seen[f"{server}/{name}"] = str(now)
