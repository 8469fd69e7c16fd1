"""A town in memory as its sources would leave it: what patrols and the dam detector see, moved by hand."""

from __future__ import annotations

from gastown_core.beads.query import Excerpt
from gastown_core.clock import FixedClock
from gastown_core.model.bead import CLOSED, HOOKED, IN_REVIEW, OPEN, TRACKS, Edge
from gastown_core.model.daemon import RUNS, DaemonView
from gastown_core.model.merge_request import LABEL
from gastown_core.model.snapshot import TownSnapshot
from gastown_core.runtimes.heartbeat import Heartbeat
from gastown_core.state.evidence import Thresholds
from gastown_core.state.facts import TownFacts
from gastown_core.state.reduce import reduce_town
from gastown_core.tmux.panes import Pane
from gastown_core.town.inventory import Inventory, RigEntry, RosterEntry
from tests.support.fake_town import NOW, address

NAMES = ("opal", "ruby", "jade", "amber")


def pane(session: str, at: float, **more: object) -> Pane:
    return Pane(session, "@1", "%1", 1, "agent", False, None, at, 0, False, "", 80, 24, created=at, **more)  # type: ignore[arg-type]


class World:
    """The town ``t`` with the rig ``shop`` (prefix ``gt``), polecats, a mayor, a convoy, and a daemon that runs."""

    def __init__(self, root: str = "/t", *, workers: int = 2, **limits: object) -> None:
        self.clock = FixedClock(NOW)
        people = ["mayor", "shop/witness", *(f"shop/polecats/{name}" for name in NAMES[:workers])]
        agents = tuple(self._entry(path) for path in people)
        rigs = (RigEntry("shop", "gt", f"{root}/shop", "operational"),)
        self.facts = TownFacts(Inventory("t", root, rigs, agents), Thresholds(**{"places": workers, **limits}))  # type: ignore[arg-type]
        self.facts.ledger = {"town": {}, "shop": {}}
        self.facts.panes = {}
        self.start("mayor")
        self.facts.daemon = DaemonView(RUNS, 1, NOW - 9000)
        for source in ("tmux", "heartbeats", "beads:town", "beads:shop"):
            self.facts.good(source, NOW)

    def _entry(self, path: str) -> RosterEntry:
        who = address(path)
        prefix = "gt" if who.rig else "hq"
        return RosterEntry(who, who.session(prefix), f"/t/{path}", who.bead_id(prefix))

    @property
    def now(self) -> float:
        return self.clock.now()

    def start(self, path: str) -> None:
        session = self._entry(path).session
        assert self.facts.panes is not None
        self.facts.panes[session] = pane(session, self.now)
        self.facts.alive[session] = True

    def end(self, path: str) -> None:
        session = self._entry(path).session
        assert self.facts.panes is not None
        self.facts.panes.pop(session)
        self.facts.alive.pop(session)
        self.facts.heartbeats.pop(session, None)

    def beat(self, path: str, state: str = "working", words: str = "", until: float = 0.0) -> None:
        self.facts.heartbeats[self._entry(path).session] = Heartbeat(self.now, state, words, until=until)

    def put(
        self,
        bead_id: str,
        status: str = OPEN,
        assignee: str = "",
        *,
        kind: str = "task",
        labels: tuple[str, ...] = (),
        edges: tuple[Edge, ...] = (),
        at: float | None = None,
    ) -> None:
        store = "town" if bead_id.startswith("hq-") else "shop"
        moment = self.now if at is None else at
        known = self.facts.ledger[store].get(bead_id)
        self.facts.ledger[store][bead_id] = Excerpt(
            bead_id, f"Title of {bead_id}", status, 2, kind, assignee, known.created_at if known else moment, moment,
            moment if status == CLOSED else 0.0, 0.0, labels, edges, False, False,
        )  # fmt: skip
        self.facts.ledger_version += 1

    def convoy(self, *members: str, convoy_id: str = "hq-cv-1", status: str = OPEN) -> None:
        self.put(
            convoy_id,
            status,
            kind="convoy",
            labels=("gt:convoy",),
            edges=tuple(Edge(one, TRACKS, "", "", "") for one in members),
        )

    def give(self, bead_id: str, name: str) -> None:
        """The bead on a polecat's hook, whose session works on it."""
        path = f"shop/polecats/{name}"
        self.put(bead_id, HOOKED, f"shop/{name}")
        self.start(path)
        self.beat(path)

    def hand_in(self, bead_id: str) -> str:
        """The bead in review, and its request queued; the request's id."""
        self.put(bead_id, IN_REVIEW)
        request = f"{bead_id}-mr"
        self.put(request, OPEN, kind="merge-request", labels=(LABEL,))
        return request

    def merge(self, bead_id: str) -> None:
        self.put(bead_id, CLOSED)
        self.put(f"{bead_id}-mr", CLOSED, kind="merge-request", labels=(LABEL,))

    def town(self) -> TownSnapshot:
        return reduce_town(self.facts, self.now)
