"""All stores of a town as one: ids find their store through the routes, and dependencies cross from rig to rig."""

from __future__ import annotations

import os

from gastown_core.beads.discovery import BEADS, follow_redirects, is_store
from gastown_core.beads.opening import open_store
from gastown_core.beads.routes import read_routes, route_of
from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import NotFoundError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from gastown_core.beads.index import Progress
    from gastown_core.beads.jsonl_store import JsonlStore
    from gastown_core.beads.store import Excerpt, Outline
    from gastown_core.clock import Clock
    from gastown_core.model.bead import Bead

    T = TypeVar("T")

TOWN = "town"


class TownLedger:
    """The town's store (``town``) and one per rig, opened when first asked for and kept.

    ``rigs`` (name → prefix) adds rigs that the routes do not list.  ``missing`` tells why a listed store is not there.
    Its stores find dependencies in each other unless ``looks_elsewhere`` is False.
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
        self._routes = read_routes(self.root)
        self._places = self._list_places(rigs or {})
        self._open: dict[str, JsonlStore] = {}
        self._by_dir: dict[str, JsonlStore] = {}
        self._elsewhere = _Elsewhere(self.root, rigs, clock, progress, read_only) if looks_elsewhere else None

    def _list_places(self, rigs: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Store name → (``.beads`` folder, prefix)."""
        places = {TOWN: (os.path.join(self.root, BEADS), "hq")}
        for route in self._routes:
            if route.path != ".":
                name = route.path.split(os.sep)[0]
                places.setdefault(name, (self._rig_beads(route.path), route.prefix.rstrip("-")))
        for name, prefix in rigs.items():
            places.setdefault(name, (self._rig_beads(name), prefix))
        return places

    def _rig_beads(self, path: str) -> str:
        """The rig's ``.beads``; older towns keep it in ``mayor/rig``."""
        own = os.path.join(self.root, path, BEADS)
        inner = os.path.join(self.root, path, "mayor", "rig", BEADS)
        return inner if not os.path.isdir(own) and is_store(inner) else own

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all listed stores, ``town`` first, whether or not they are there."""
        return tuple(self._places)

    def stores(self) -> dict[str, JsonlStore]:
        """Every store that is there, by name, ``town`` first."""
        found = ((name, self.store(name)) for name in self._places)
        return {name: store for name, store in found if store is not None}

    def store(self, name: str) -> JsonlStore | None:
        """One store by name, None if it is not there (``missing`` then says why)."""
        if name in self._open:
            return self._open[name]
        if name not in self._places:
            return None
        beads_dir, prefix = self._places[name]
        try:
            return self._remember(name, follow_redirects(beads_dir), prefix)
        except StoreError as error:
            self.missing[name] = str(error)
            return None

    def _remember(self, name: str, beads_dir: str, prefix: str) -> JsonlStore:
        real = os.path.realpath(beads_dir)
        store = self._by_dir.get(real)
        if store is None:
            store = open_store(
                beads_dir,
                prefix=prefix,
                clock=self.clock,
                foreign=self._elsewhere.asked_by(beads_dir) if self._elsewhere is not None else None,
                progress=self.progress,
                read_only=self.read_only,
            )
            self._by_dir[real] = store
        self._open[name] = store
        return store

    def adopt(self, beads_dir: str) -> JsonlStore:
        """The store of a folder that may or may not be one of the town's, tied to the others for look-ups."""
        final = follow_redirects(beads_dir)
        real = os.path.realpath(final)
        for name, (place, _) in self._places.items():
            try:
                same = os.path.realpath(follow_redirects(place)) == real
            except StoreError:
                same = False
            if same:
                store = self.store(name)
                if store is not None:
                    return store
        return self._remember(real, final, "")

    def name_of(self, store: JsonlStore) -> str:
        """The name of a store of this town, empty if it is none."""
        return next((name for name, known in self._open.items() if known is store), "")

    def store_for(self, bead_id: str) -> JsonlStore:
        """The store an id belongs to by its prefix: the town's routes, then the rigs' own prefixes.

        Raises NotFoundError if no store has that prefix.
        """
        found = self._routed(bead_id)
        if found is not None:
            return found
        known = ", ".join(sorted({f"{prefix}-" for _, prefix in self._places.values()}))
        raise NotFoundError(f"no store for {bead_id}", "no route has its prefix", f"prefixes of this town: {known}")

    def _routed(self, bead_id: str) -> JsonlStore | None:
        route = route_of(bead_id, self._routes)
        if route is not None:
            return self.store(TOWN if route.path == "." else route.path.split(os.sep)[0])
        for name, (_, prefix) in self._places.items():
            if prefix and bead_id.startswith(prefix + "-"):
                return self.store(name)
        return None

    def get(self, bead_id: str) -> Bead | None:
        """The bead, wherever it lives: by its route, then in every store; None if no store has it."""
        return self.get_many((bead_id,)).get(bead_id)

    def get_many(self, bead_ids: Iterable[str]) -> dict[str, Bead]:
        """Those of the ids that exist in any store, in the order asked for."""
        wanted = list(dict.fromkeys(bead_ids))
        by_store: dict[int, tuple[JsonlStore, list[str]]] = {}
        for bead_id in wanted:
            store = self._routed(bead_id)
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
        """As ``get_many``, in outline and in no order: what lists of members need, also for thousands."""
        return self._gather(bead_ids, lambda store, group: store.outlines(group))

    def excerpts(self, bead_ids: Iterable[str]) -> dict[str, Excerpt]:
        """As ``outlines``, with times and edges."""
        return self._gather(bead_ids, lambda store, group: {one.id: one for one in store.excerpts_of(group)})

    def statuses(self, bead_ids: Iterable[str]) -> dict[str, str]:
        """Status of those of the ids that exist in any store."""
        return self._gather(bead_ids, lambda store, group: store.statuses(group))

    def _gather(self, bead_ids: Iterable[str], ask: Callable[[JsonlStore, list[str]], dict[str, T]]) -> dict[str, T]:
        """What the stores answer, each asked for the ids that are routed to it, then all for the rest."""
        by_stem: dict[str, list[str]] = {}
        for bead_id in bead_ids:
            by_stem.setdefault(bead_id.rpartition("-")[0], []).append(bead_id)
        found: dict[str, T] = {}
        rest: list[str] = []
        for stem, group in by_stem.items():
            # a route's prefix ends in a hyphen, so ids with one stem go one way
            store = self._routed(f"{stem}-x")
            if store is not None:
                found.update(ask(store, group))
            rest += [bead_id for bead_id in group if bead_id not in found]
        for store in self.stores().values() if rest else ():
            found.update(ask(store, rest))
        return found

    def home_of(self, bead_id: str) -> JsonlStore | None:
        """The store that holds the bead, None if none does."""
        routed = self._routed(bead_id)
        if routed is not None and routed.get(bead_id) is not None:
            return routed
        return next((store for store in self.stores().values() if store.get(bead_id) is not None), None)

    def excerpt(self, bead_id: str) -> Excerpt | None:
        """The excerpt of a bead in any store, None if no store has it."""
        return self.excerpt_beyond(bead_id, "")

    def excerpt_beyond(self, bead_id: str, asking: str) -> Excerpt | None:
        """As ``excerpt``, but never from the store whose folder is ``asking``."""
        routed = self._routed(bead_id)
        if routed is not None:
            if routed.beads_dir == asking:
                # its own prefix: no other store mints such ids
                return None
            found = routed.own_excerpt(bead_id)
            if found is not None:
                return found
        for store in self.stores().values():
            if store is not routed and store.beads_dir != asking:
                found = store.own_excerpt(bead_id)
                if found is not None:
                    return found
        return None

    def close(self) -> None:
        """Let go of all stores; they open again when asked."""
        for store in self._by_dir.values():
            store.close()


class _Elsewhere:
    """Look-ups from one store into the others, through a ledger of its own that asks no further.

    A store that held on to its own ledger would make a ring: files and indexes would then stay open until the
    collector comes by, which in a process that lives for days may be after the last descriptor is used up.
    """

    def __init__(
        self, root: str, rigs: Mapping[str, str] | None, clock: Clock, progress: Progress | None, read_only: bool
    ) -> None:
        self._make = (root, rigs, clock, progress, read_only)
        self._ledger: TownLedger | None = None

    def asked_by(self, beads_dir: str) -> Callable[[str], Excerpt | None]:
        """The look-up for the store in ``beads_dir``, which is never asked itself."""

        def look_up(bead_id: str) -> Excerpt | None:
            if self._ledger is None:
                root, rigs, clock, progress, read_only = self._make
                self._ledger = TownLedger(
                    root, rigs=rigs, clock=clock, progress=progress, read_only=read_only, looks_elsewhere=False
                )
            return self._ledger.excerpt_beyond(bead_id, beads_dir)

        return look_up
