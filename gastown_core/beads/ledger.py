"""All stores of a town as one: routes map ids to stores, and dependencies cross from rig to rig."""

from __future__ import annotations

import os

from gastown_core.beads.discovery import BEADS, broken_redirect, follow_redirects, is_store
from gastown_core.beads.opening import open_final
from gastown_core.beads.routes import read_rigs, read_routes, routes_of
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import GastownError, NotFoundError, StoreError
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from gastown_core.beads.index_intake import Progress
    from gastown_core.beads.query import Excerpt, Outline
    from gastown_core.beads.routes import Route
    from gastown_core.beads.store import BeadStore
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead

    T = TypeVar("T")
TOWN = "town"


class StorePlace(Record):
    """A possible location of a store: its ``.beads`` folder, and the prefix of its ids."""

    beads_dir: str
    prefix: str


class TownLedger:
    """The town's store (``town``) and one per rig, opened on first use and kept open.

    Rigs come from the routes and from ``mayor/rigs.json``, or from ``rigs`` (name → prefix) in place of that file.  If
    a rig's routes lead to several ledgers, the others are named by their paths.  Unreadable stores and registers do not
    raise: ``missing`` gives the reason for each, ``warnings`` names stores read from another place than configured.
    Stores look up dependencies in each other unless ``looks_elsewhere`` is False.
    """

    def __init__(
        self,
        root: str,
        *,
        rigs: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        progress: Progress | None = None,
        read_only: bool = False,
        looks_elsewhere: bool = True,
    ) -> None:
        self.root = os.path.abspath(root)
        self.clock = clock
        self.progress = progress
        self.read_only = read_only
        self.missing: dict[str, str] = {}
        self.warnings: dict[str, str] = {}
        self._routes: list[Route] = self._register("routes.jsonl", read_routes, [])
        self._places: dict[str, list[StorePlace]] = {TOWN: [StorePlace(os.path.join(self.root, BEADS), "hq")]}
        self._name_of_path: dict[str, str] = {}
        self._finals: dict[str, str] = {}
        self._list_places(rigs if rigs is not None else self._register("rigs.json", read_rigs, {}))
        self._open: dict[str, BeadStore] = {}
        self._by_dir: dict[str, BeadStore] = {}
        self._elsewhere = _Elsewhere(self.root, rigs, clock, progress, read_only) if looks_elsewhere else None

    def _register(self, name: str, read: Callable[[str], T], nothing: T) -> T:
        try:
            return read(self.root)
        except GastownError as error:
            self.missing[name] = str(error)
            return nothing

    def _list_places(self, rigs: Mapping[str, str]) -> None:
        """Collect the possible places of each store by name, the most likely first."""
        routed: dict[str, list[Route]] = {}
        for route in self._routes:
            self._name_of_path[route.path] = name = self._name_at(route.path)
            if name != TOWN:
                routed.setdefault(name, []).append(route)
        for name in [*routed, *(rig for rig in rigs if rig not in routed)]:
            routes = sorted(routed.get(name, ()), key=lambda route: route.prefix != f"{rigs.get(name, '')}-")
            places = [StorePlace(self._rig_beads(route.path), route.prefix.rstrip("-")) for route in routes]
            self._places[name] = places
            if len(places) > 1:
                self._part(name, routes, places)
            own = self._rig_beads(name)
            if name in rigs and all(place.beads_dir != own for place in places):
                places.append(StorePlace(own, rigs[name]))

    def _part(self, name: str, routes: list[Route], places: list[StorePlace]) -> None:
        """Name every ledger of a rig but the first by its path, if the rig's routes lead to several."""
        seen: set[str] = set()
        for route, place in zip(routes, tuple(places), strict=True):
            real = self._real_folder(place.beads_dir)
            if seen and real not in ("", *seen):
                places.remove(place)
                self._places[route.path] = [place]
                self._name_of_path[route.path] = route.path
            seen.add(real or name)

    def _name_at(self, path: str) -> str:
        """Return the store name for a route's path: the rig's, or the town's for the root itself."""
        inside = os.path.relpath(os.path.join(self.root, path), self.root)
        return TOWN if inside == "." else path if inside.startswith("..") else inside.split(os.sep)[0]

    def _rig_beads(self, path: str) -> str:
        """Return the rig's ``.beads``; older towns have it in ``mayor/rig``."""
        own = os.path.join(self.root, path, BEADS)
        inner = os.path.join(self.root, path, "mayor", "rig", BEADS)
        return inner if not os.path.isdir(own) and is_store(inner) else own

    def _final(self, beads_dir: str) -> str:
        """Return the folder at the end of the redirects, cached. Raises StoreError."""
        if beads_dir not in self._finals:
            self._finals[beads_dir] = follow_redirects(beads_dir)
        return self._finals[beads_dir]

    def _real_folder(self, beads_dir: str) -> str:
        """Return the same with symbolic links resolved; empty if it does not exist."""
        try:
            final = os.path.realpath(self._final(beads_dir))
        except StoreError:
            return ""
        return final if os.path.isdir(final) else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all listed stores, ``town`` first, whether or not they exist."""
        return tuple(self._places)

    def stores(self) -> dict[str, BeadStore]:
        """Return all readable stores by name, ``town`` first; a store with several names is listed once."""
        found: dict[str, BeadStore] = {}
        for name in self._places:
            store = self.store(name)
            if store is not None and all(store is not known for known in found.values()):
                found[name] = store
        return found

    def store(self, name: str) -> BeadStore | None:
        """Return one store by name, None if it cannot be read (``missing`` then says why)."""
        if name in self._open:
            return self._open[name]
        reasons = []
        for place in self._places.get(name, ()):
            try:
                store = self._made(self._final(place.beads_dir), place.prefix)
                # detect an unreadable ledger before anyone uses it
                store.check_understood()
            except StoreError as error:
                # a repair may change the redirect
                self._finals.pop(place.beads_dir, None)
                reasons.append(str(error))
                continue
            self.missing.pop(name, None)
            self._open[name] = store
            target = broken_redirect(store.beads_dir)
            if target:
                self.warnings[name] = f"{store.beads_dir} is redirected to a missing folder, {target}"
            elif store.trouble:
                self.warnings[name] = store.trouble
            return store
        if reasons:
            self.missing[name] = reasons[0]
        return None

    def _made(self, beads_dir: str, prefix: str) -> BeadStore:
        """Return the store of a folder at the end of its redirects."""
        real = os.path.realpath(beads_dir)
        store = self._by_dir.get(real)
        if store is None:
            store = open_final(
                beads_dir,
                prefix=prefix,
                clock=self.clock,
                foreign=self._elsewhere.asked_by(beads_dir) if self._elsewhere is not None else None,
                lacks=self._elsewhere.is_absent if self._elsewhere is not None else None,
                progress=self.progress,
                read_only=self.read_only,
            )
            self._by_dir[real] = store
        return store

    def adopt(self, beads_dir: str) -> BeadStore:
        """Return the store of any folder, connected to the town's stores for look-ups."""
        final = self._final(beads_dir)
        real = os.path.realpath(final)
        for name, places in self._places.items():
            if any(self._real_folder(place.beads_dir) == real for place in places):
                store = self.store(name)
                if store is not None and os.path.realpath(store.beads_dir) == real:
                    return store
        made = self._open[real] = self._made(final, "")
        return made

    def name_of(self, store: BeadStore) -> str:
        """Return the name of a store of this town, empty if it is not one."""
        return next((name for name, known in self._open.items() if known is store), "")

    def store_for(self, bead_id: str) -> BeadStore:
        """Return the store of an id by its prefix. Raises NotFoundError if there is none or it cannot be read."""
        found = self.routed(bead_id)
        if found is not None:
            return found
        for name in self._named_by(bead_id):
            if name in self.missing:
                whose = "the town" if name == TOWN else f"rig {name}"
                raise NotFoundError(f"the ledger of {whose} cannot be read", self.missing[name], "run bd doctor there")
        known = ", ".join(sorted({f"{place.prefix}-" for places in self._places.values() for place in places}))
        raise NotFoundError(
            f"no store for {bead_id}", "no route or rig has its prefix", f"prefixes of this town: {known}"
        )

    def routed(self, bead_id: str) -> BeadStore | None:
        """Return the store of an id by its prefix: searches the routes, then the rigs' prefixes, then open stores."""
        for name in self._named_by(bead_id):
            store = self.store(name)
            if store is not None:
                return store
        fits = (store for store in self._open.values() if store.prefix and bead_id.startswith(store.prefix + "-"))
        return next(fits, None)

    def _named_by(self, bead_id: str) -> list[str]:
        """Return the names of the stores that the id may belong to, the most likely first."""
        names = [self._name_of_path[route.path] for route in routes_of(bead_id, self._routes)]
        names += [
            name
            for name, places in self._places.items()
            if any(place.prefix and bead_id.startswith(place.prefix + "-") for place in places)
        ]
        return list(dict.fromkeys(names))

    def get(self, bead_id: str) -> Bead | None:
        """Return the bead in any store, the one of its route first; None if no store has it."""
        return self.get_many((bead_id,)).get(bead_id)

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Return the beads with these ids, as far as any store has them, in the given order."""
        wanted = list(dict.fromkeys(bead_ids))
        by_store: dict[int, tuple[BeadStore, list[str]]] = {}
        for bead_id in wanted:
            store = self.routed(bead_id)
            if store is not None:
                by_store.setdefault(id(store), (store, []))[1].append(bead_id)
        found: dict[str, Bead] = {}
        for store, group in by_store.values():
            found.update(store.get_many(group))
        rest = [bead_id for bead_id in wanted if bead_id not in found]
        for store in self.stores().values() if rest else ():
            found.update(store.get_many(rest))
        return {bead_id: found[bead_id] for bead_id in wanted if bead_id in found}

    def outlines(self, bead_ids: Iterable[str]) -> dict[str, Outline]:
        """As ``get_many``, as outlines and in no order; cheap for thousands."""
        return self._gather(bead_ids, lambda store, group: store.outlines(group))

    def excerpts(self, bead_ids: Iterable[str]) -> dict[str, Excerpt]:
        """As ``outlines``, as excerpts with times and edges."""
        return self._gather(bead_ids, lambda store, group: {one.id: one for one in store.excerpts_of(group)})

    def statuses(self, bead_ids: Iterable[str]) -> dict[str, str]:
        """Return the statuses of these ids, as far as any store has them."""
        return self._gather(bead_ids, lambda store, group: store.statuses(group))

    def _gather(self, bead_ids: Iterable[str], ask: Callable[[BeadStore, list[str]], dict[str, T]]) -> dict[str, T]:
        """Ask each store for the ids routed to it, then all stores for the rest."""
        by_stem: dict[str, list[str]] = {}
        for bead_id in bead_ids:
            by_stem.setdefault(bead_id.rpartition("-")[0], []).append(bead_id)
        found: dict[str, T] = {}
        rest: list[str] = []
        for stem, group in by_stem.items():
            # a route's prefix ends in a hyphen, so ids with one stem have one route
            store = self.routed(f"{stem}-x")
            if store is not None:
                found.update(ask(store, group))
            rest += [bead_id for bead_id in group if bead_id not in found]
        for store in self.stores().values() if rest else ():
            found.update(ask(store, rest))
        return found

    def home_of(self, bead_id: str) -> BeadStore | None:
        """Return the store that contains the bead, None if none does."""
        routed = self.routed(bead_id)
        if routed is not None and routed.get(bead_id) is not None:
            return routed
        return next((store for store in self.stores().values() if store.get(bead_id) is not None), None)

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """Return the excerpt of a bead in any store, None if no store has it."""
        return self.excerpt_beyond(bead_id, "")

    def excerpt_beyond(self, bead_id: str, asking: str) -> Excerpt | None:
        """As ``excerpt``, but never from the store in the folder ``asking``."""
        routed = self.routed(bead_id)
        if routed is not None and routed.beads_dir != asking:
            found = routed.own_excerpt(bead_id)
            if found is not None:
                return found
        for store in self.stores().values():
            if store is not routed and store.beads_dir != asking:
                found = store.own_excerpt(bead_id)
                if found is not None:
                    return found
        return None

    def is_absent(self, bead_id: str) -> bool:
        """Return whether the store that should have an unknown id is known, so that the bead will never appear."""
        return self.routed(bead_id) is not None

    def close(self) -> None:
        """Close all stores; they reopen on use."""
        for store in self._by_dir.values():
            store.close()


class _Elsewhere:
    """Look-ups from one store into the others, through a separate ledger that looks no further.

    A store with a reference to its own ledger would form a reference cycle: files and indexes would stay open until the
    garbage collector runs, and a long-lived process could run out of descriptors.
    """

    def __init__(
        self, root: str, rigs: Mapping[str, str] | None, clock: Clock, progress: Progress | None, read_only: bool
    ) -> None:
        self._make = (root, rigs, clock, progress, read_only)
        self._ledger: TownLedger | None = None

    def asked_by(self, beads_dir: str) -> Callable[[str], Excerpt | None]:
        """Return the look-up for the store in ``beads_dir``, which it skips."""

        def look_up(bead_id: str) -> Excerpt | None:
            return self._others().excerpt_beyond(bead_id, beads_dir)

        return look_up

    def is_absent(self, bead_id: str) -> bool:
        """As ``TownLedger.is_absent``."""
        return self._others().is_absent(bead_id)

    def _others(self) -> TownLedger:
        if self._ledger is None:
            root, rigs, clock, progress, read_only = self._make
            self._ledger = TownLedger(
                root, rigs=rigs, clock=clock, progress=progress, read_only=read_only, looks_elsewhere=False
            )
        return self._ledger
