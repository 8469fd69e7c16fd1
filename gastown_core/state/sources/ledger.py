"""The ledger as a source: excerpts of every store, kept fresh by tailing what other processes append.

The first load asks the index; after that each appended line is a whole record.  When a store's file was replaced
(compaction, git, an import) the store is asked again and the difference counts as changes.
"""

from __future__ import annotations

import os

from gastown_core.beads.discovery import is_served
from gastown_core.beads.graph import BLOCKING_TYPES
from gastown_core.beads.ledger import TownLedger
from gastown_core.beads.ledger_line import excerpt_of, parse_line
from gastown_core.beads.query import BeadQuery, Excerpt
from gastown_core.errors import GastownError, words_of
from gastown_core.model.bead import CLOSED, HOOKED, IN_PROGRESS, TRACKS, WAITS_FOR, Bead, is_convoy, is_kind
from gastown_core.model.convoy import LANDED_S
from gastown_core.model.merge_request import LABEL as REQUEST_LABEL
from gastown_core.model.merge_request import read_request
from gastown_core.model.metadata import MOLECULE, order_of
from gastown_core.model.record import Record
from gastown_core.state.molecules import molecule_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gastown_core.beads.dolt.pulse import Pulse
    from gastown_core.beads.store import BeadStore
    from gastown_core.files.tail import Tailer
    from gastown_core.state.ledger_facts import LedgerFacts

NAMING = BLOCKING_TYPES | {TRACKS}
FIELD_LABELS = frozenset(("gt:agent", "gt:convoy", "gt:escalation"))
GATE, HUMAN = "gate", "human"


class Change(Record):
    """One bead moved in one store; ``revision`` is the record's ``updated_at`` text."""

    store: str
    old: Excerpt | None
    new: Excerpt | None
    revision: str


def says_more(bead: Excerpt) -> bool:
    """Whether its record holds facts that its excerpt lacks."""
    if is_kind(bead, REQUEST_LABEL) or bead.issue_type in (MOLECULE, GATE) or is_convoy(bead):
        return True
    is_held = bead.status in (HOOKED, IN_PROGRESS) and bool(bead.assignee)
    return is_held or bool(FIELD_LABELS.intersection(bead.labels))


def facts_in(bead: Bead) -> Iterator[tuple[str, str, object]]:
    """Yield (table of the facts, key, value) for what a record says beyond its excerpt: a merge request's facts, a molecule's
    steps, an order, or field lines."""
    if bead.status in (HOOKED, IN_PROGRESS):
        yield "orders", bead.id, order_of(bead)
    if is_kind(bead, REQUEST_LABEL):
        yield "requests", bead.id, read_request(bead)
    elif bead.issue_type == MOLECULE:
        known = molecule_facts(bead)
        if known is not None:
            yield "molecules", known.bead, known
    elif bead.issue_type == GATE:
        if bead.text("await_type") == HUMAN:
            yield "gates", bead.id, bead.description
    else:
        yield "fields", bead.id, bead.fields


class LedgerSource:
    """Keeps ``facts.ledger``, ``facts.fields`` and ``facts.requests`` true.

    For one glance (``is_glance``) the plain backlog is left out and nothing is tailed: what faces show of it is what
    other beads name, without ``with_members`` not even what convoys name.  Without ``with_records`` no record is parsed:
    enough for the stages of beads, not for fields, requests and molecules.
    """

    def __init__(
        self,
        facts: LedgerFacts,
        ledger: TownLedger,
        *,
        is_glance: bool = False,
        with_members: bool = True,
        with_records: bool = True,
    ) -> None:
        self.facts = facts
        self.ledger = ledger
        self.is_glance = is_glance
        self.with_records = with_records
        self._naming = (NAMING if is_glance else {TRACKS}) - (set() if with_members else {TRACKS})
        self._tails: dict[str, list[Tailer]] = {}
        self._pulse: Pulse | None = None

    def folders(self) -> list[str]:
        """The ``.beads`` folders to watch."""
        return [store.files_dir for store in self.ledger.stores().values()]

    def pulse(self, on_health: Callable[[], None]) -> Pulse | None:
        """Return what keeps stores on a server up to date, to be run beside this source; None if none is, or it was returned before.

        Call it again when rigs have come.  ``on_health`` is called when a server stops or begins to answer.
        """
        served = [store for store in self.ledger.stores().values() if is_served(store.beads_dir)]
        if not served:
            return None
        from gastown_core.beads.dolt.pulse import Pulse
        from gastown_core.beads.dolt.store import DoltStore

        folders = [store.beads_dir for store in served]
        made = None
        if self._pulse is None:
            made = self._pulse = Pulse(folders, on_health)
        else:
            self._pulse.follow(folders)
        for store in served:
            if isinstance(store, DoltStore):
                store.follow_mirror()
        return made

    def _trouble(self, store: BeadStore) -> str:
        return self._pulse.trouble_of(store.beads_dir) if self._pulse is not None else store.trouble

    def load(self, now: float) -> None:
        """Read every store anew."""
        for name in self.ledger.stores():
            self.load_store(name, now)
        self._note_missing()
        self.fetch_named()
        self.facts.ledger_version += 1

    def _note_missing(self) -> None:
        for name, why in self.ledger.missing.items():
            self.facts.failed(f"beads:{name}", why)

    def load_store(self, name: str, now: float) -> None:
        """Read one store anew through its index and tail it from there; a failure is noted, old facts stay."""
        source = f"beads:{name}"
        try:
            store = self.ledger.stores()[name]
            found = {e.id: e for e in self._open_beads(name, store)}
            recent = BeadQuery(statuses=(CLOSED,), closed_since=now - LANDED_S, include_wisps=True)
            found.update((e.id, e) for e in store.excerpts(recent))
            if self.with_records:
                self._read_fields(store, found)
        except (GastownError, OSError) as error:
            # untailed, so that the next look loads again: what comes later must not pass for the whole
            self._end_tail(name)
            self.facts.failed(source, words_of(error))
            return
        self.facts.ledger[name] = found
        self._note_health(source, store, now)

    def _note_health(self, source: str, store: BeadStore, now: float) -> None:
        """Note that a store answered, or why what it says may be out of date."""
        trouble = self._trouble(store)
        if trouble:
            self.facts.failed(source, trouble)
        else:
            self.facts.good(source, now)

    def _open_beads(self, name: str, store: BeadStore) -> list[Excerpt]:
        if self.is_glance:
            return store.noteworthy()
        self._begin_tail(name, store)
        return store.excerpts(BeadQuery(exclude_statuses=(CLOSED,), include_wisps=True))

    def _end_tail(self, name: str) -> None:
        for tail in self._tails.pop(name, []):
            tail.close()

    def _begin_tail(self, name: str, store: BeadStore) -> None:
        from gastown_core.files.tail import Tailer

        self._end_tail(name)
        # taken before the query: what is appended in between is then read twice, which changes nothing
        positions = store.positions()
        self._tails[name] = [
            Tailer(os.path.join(store.files_dir, file), offset=place.offset) for file, place in positions.items()
        ]

    def _read_fields(self, store: BeadStore, found: dict[str, Excerpt]) -> None:
        wanted = [e.id for e in found.values() if says_more(e)]
        for bead in store.get_many(wanted).values():
            self._note_facts(bead)

    def _note_facts(self, bead: Bead) -> None:
        for table, key, value in facts_in(bead):
            getattr(self.facts, table)[key] = value

    def fetch_named(self) -> None:
        """Look up what beads in view name and is not in view itself.

        Members of shown convoys, the work of requests and the steps of molecules that closed long ago; at a glance also
        blockers and parents, and what these name in turn.
        """
        facts = self.facts
        views = facts.ledger.values()
        fresh = [bead for beads in views for bead in beads.values() if self.is_glance or is_convoy(bead)]
        known = {bead_id for beads in views for bead_id in beads}
        named = set(self._named_by_records())
        while fresh or named:
            named.update(edge.target for bead in fresh for edge in bead.edges if edge.type in self._naming)
            spawners = {edge.target for bead in fresh for edge in bead.edges if edge.type == WAITS_FOR}
            named.update(self._children(spawners) if self.is_glance and spawners else ())
            named -= known
            known |= named
            fresh, named = self._look_up(named), set()

    def _named_by_records(self) -> Iterator[str]:
        """Ids that stand in records and not in edges: work of a request, last work of a worker, poured steps of a molecule."""
        for fields in self.facts.fields.values():
            if fields.get("hook_bead"):
                yield fields["hook_bead"]
        for request in self.facts.requests.values():
            if request.source_issue:
                yield request.source_issue
        for known in self.facts.molecules.values():
            for step in known.steps if known.is_poured else ():
                yield f"{known.root}.{step}"

    def _look_up(self, ids: set[str]) -> list[Excerpt]:
        """Take those of the ids that a store holds into its view; the ones found. A failing store is noted."""
        found: list[Excerpt] = []
        rest = set(ids)
        stores = self.ledger.stores()
        for name, store in stores.items():
            head = store.prefix.rstrip("-") + "-"
            mine = [bead_id for bead_id in ids if bead_id.startswith(head)]
            rest.difference_update(mine)
            found += self._take_in(name, store, mine)
        if rest and self.is_glance:
            # of a prefix that no store has: open ones would be in view, wherever they are kept
            for name, store in stores.items():
                found += self._take_in(name, store, list(rest))
        return found

    def _take_in(self, name: str, store: BeadStore, ids: list[str]) -> list[Excerpt]:
        if not ids or self._is_blind(name, store):
            return []
        try:
            found = store.excerpts_of(ids)
        except (GastownError, OSError) as error:
            self._end_tail(name)
            self.facts.failed(f"beads:{name}", words_of(error))
            return []
        self.facts.ledger.setdefault(name, {}).update((excerpt.id, excerpt) for excerpt in found)
        return found

    def _children(self, parents: set[str]) -> Iterator[str]:
        for name, store in self.ledger.stores().items():
            if not self._is_blind(name, store):
                yield from store.children_of(parents)

    def _is_blind(self, name: str, store: BeadStore) -> bool:
        """Whether a store failed; one whose answers may only be out of date still gives them."""
        return bool(self.facts.error_of(f"beads:{name}")) and not self._trouble(store)

    def poll(self, now: float) -> list[Change]:
        """Take in what was appended since; returns the changes, oldest first."""
        changes: list[Change] = []
        for name in list(self.ledger.stores()):
            if name not in self._tails:
                changes += self._reload(name, now)
                continue
            changes += self._poll_store(name, now)
        self._note_missing()
        if changes:
            self.facts.ledger_version += 1
            if any(change.new is not None and is_convoy(change.new) for change in changes):
                self.fetch_named()
        return changes

    def _poll_store(self, name: str, now: float) -> list[Change]:
        lines: list[bytes] = []
        try:
            for tail in self._tails[name]:
                batch = tail.read()
                if batch.reset:
                    return self._reload(name, now)
                lines += [line for _, line in batch.lines]
        except OSError as error:
            self._end_tail(name)
            self.facts.failed(f"beads:{name}", words_of(error))
            return []
        store = self.ledger.stores()[name]
        if self.facts.error_of(f"beads:{name}") != self._trouble(store):
            self._note_health(f"beads:{name}", store, now)
        view = self.facts.ledger.setdefault(name, {})
        return [change for line in lines if (change := self._apply(name, view, parse_line(line))) is not None]

    def _apply(self, name: str, view: dict[str, Excerpt], bead: Bead | None) -> Change | None:
        if bead is None or not bead.id:
            return None
        old = view.get(bead.id)
        if bead.is_tombstone:
            if old is not None and old.is_ephemeral != bead.is_ephemeral:
                # a wisp that became lasting, or the other way round: only its old file lost it
                return None
            view.pop(bead.id, None)
            for work in [work for work, known in self.facts.molecules.items() if known.root == bead.id]:
                del self.facts.molecules[work]
            return Change(name, old, None, bead.text("updated_at")) if old is not None else None
        new = excerpt_of(bead)
        view[bead.id] = new
        self.facts.orders.pop(bead.id, None)
        if says_more(new):
            self._note_facts(bead)
        return Change(name, old, new, bead.text("updated_at")) if new != old else None

    def _reload(self, name: str, now: float) -> list[Change]:
        before = self.facts.ledger.get(name, {})
        self.load_store(name, now)
        self.fetch_named()
        after = self.facts.ledger.get(name, {})
        changes = [Change(name, before.get(i), e, "") for i, e in after.items() if e != before.get(i)]
        changes += [Change(name, e, None, "") for i, e in before.items() if i not in after and e.status != CLOSED]
        return changes

    def close(self) -> None:
        """Let go of the files."""
        for tails in self._tails.values():
            for tail in tails:
                tail.close()
        self._tails.clear()
