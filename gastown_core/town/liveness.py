"""Who lives: THE judgement about an agent's session that every face, duty and command shares.

An agent lives if its program runs in its pane.  What tmux does not list may live all the same (its session renamed or
moved, its server out of reach, started by hand): a process with the agent's identity or in its folder, on a terminal,
counts too, so that nobody is given a place in which somebody works.  A worker works on a piece of work only if its
session was started for that order; an order is ``<session>/<nonce>`` and stands in ``metadata.dispatch.order``.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, TmuxError
from gastown_core.model.metadata import DISPATCH, metadata_of
from gastown_core.process_table import environment_of, folder_of
from gastown_core.tmux.panes import Pane, find_pane, list_panes
from gastown_core.tmux.processes import agents_alive, is_called, on_terminals
from gastown_core.tmux.server import TmuxServer
from gastown_core.tmux.socket import has_tmux, socket_name
from gastown_core.town.inventory import RosterEntry, read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.model.bead import Bead

INTERPRETERS = frozenset(("node", "bun", "python", "deno"))
"""Names that many programs bear: alone they make nobody an agent."""


class LiveSessions(frozenset[str]):
    """Names of the sessions whose agent lives; ``orders`` holds those of each session that noted what it was started for."""

    orders: Mapping[str, tuple[str, ...]]

    def __new__(cls, names: Iterable[str] = (), orders: Mapping[str, tuple[str, ...]] | None = None) -> LiveSessions:
        """The set, with the orders of those that noted any."""
        made = super().__new__(cls, names)
        made.orders = orders or {}
        return made


def is_for(orders: tuple[str, ...] | None, session: str, order: str) -> bool:
    """Whether a session that was started for ``orders`` (None: nobody knows) is the one that ``order`` asked for."""
    return orders is None or order in orders or not order.startswith(f"{session}/")


def works_on(live: frozenset[str], session: str, order: str) -> bool:
    """Whether the agent of this session lives, and was started for that order (empty: any will do)."""
    if session not in live:
        return False
    orders = live.orders.get(session) if isinstance(live, LiveSessions) else None
    return is_for(orders, session, order)


def new_order(entry: RosterEntry) -> str:
    """A fresh order for the agent's session."""
    return f"{entry.session}/{os.urandom(6).hex()}"


def order_of(bead: Bead | None) -> str:
    """The order with which a piece of work was handed out, empty if a person or another tool put it on the hook."""
    return metadata_of(bead).section(DISPATCH).text("order") if bead is not None else ""


def orders_on_hook(root: str, entry: RosterEntry) -> list[str] | None:
    """The orders of everything in the agent's hands now; None if the ledger cannot be read."""
    from gastown_core.beads.ledger import TownLedger
    from gastown_core.model.address import same_agent

    try:
        stores = TownLedger(root).stores().values()
        held = [
            (store, one.id)
            for store in stores
            for one in store.held_work()
            if same_agent(one.assignee, entry.address.path)
        ]
        found = [order_of(store.get(bead_id)) for store, bead_id in held]
    except (GastownError, OSError):
        return None
    return [order for order in found if order.startswith(f"{entry.session}/")]


def living(panes: Iterable[Pane]) -> dict[str, bool]:
    """Session → whether its agent's program runs in its pane; one pass over the process table at most."""
    panes = list(panes)
    return agents_alive(panes, {pane.session: process_names(pane) for pane in panes if not pane.dead})


def process_names(pane: Pane) -> tuple[str, ...]:
    """What the agent's process may be called: as noted at creation, else by its runtime, else by its environment."""
    if pane.process_names:
        return pane.process_names
    return _names_by(pane.agent, {}) or _names_by("", environment_of(pane.pid))


def _names_by(agent: str, env: Mapping[str, str]) -> tuple[str, ...]:
    from gastown_core.runtimes.launch import process_names as names_of
    from gastown_core.runtimes.registry import find_preset

    told = tuple(name for name in env.get("GT_PROCESS_NAMES", "").split(",") if name)
    alias = agent or env.get("GT_AGENT", "")
    preset = find_preset(alias, ()) if alias and not told else None
    return told or (names_of(preset) if preset is not None else ())


def lives(root: str, entry: RosterEntry, order: str = "") -> bool:
    """Whether the agent lives, in its session or elsewhere, and for that order if one is named. Raises TmuxError."""
    pane = find_pane(TmuxServer(socket_name(root)), entry.session) if has_tmux() else None
    if pane is not None and living([pane])[pane.session]:
        return is_for(pane.orders, entry.session, order)
    return entry.session in found_elsewhere(root)


def live_sessions(root: str) -> LiveSessions | None:
    """The sessions whose agent lives; None where that cannot be known (no tmux, or it gives no answer)."""
    if not has_tmux():
        return None
    try:
        panes = list_panes(TmuxServer(socket_name(root)))
    except TmuxError:
        return None
    alive = living(panes.values())
    names = {name for name, pane in panes.items() if alive[name]}
    orders = {name: panes[name].orders or () for name in names if panes[name].orders is not None}
    return LiveSessions(names | found_elsewhere(root).keys(), orders)


def found_elsewhere(root: str) -> dict[str, int]:
    """Session → process of every agent of the town that runs on a terminal, whatever tmux knows of it.

    By its environment, or by an agent program whose working directory is an agent's folder.
    """
    rows = on_terminals()
    if not rows:
        return {}
    from gastown_core.runtimes.presets import BUILT_IN

    known = frozenset(name for preset in BUILT_IN.values() for name in preset.process_names) - INTERPRETERS
    here = os.path.realpath(root)
    found: dict[str, int] = {}
    by_hand = []
    for row in rows:
        env = environment_of(row.pid)
        session = env.get("GT_SESSION", "")
        home = env.get("GT_TOWN_ROOT") or env.get("GT_ROOT") or ""
        if session and home:
            names = frozenset(_names_by("", env))
            if os.path.realpath(home) == here and is_called(row, names - INTERPRETERS or names):
                found.setdefault(session, row.pid)
        elif is_called(row, known):
            by_hand.append((row.pid, folder_of(row.pid)))
    for pid, folder in by_hand:
        session = _session_at(root, folder)
        if session:
            found.setdefault(session, pid)
    return found


def _session_at(root: str, folder: str) -> str:
    """The session of the agent in whose folder this one lies, the nearest of several; empty if in nobody's."""
    folders = {os.path.realpath(entry.work_dir): entry.session for entry in read_inventory(root).agents}
    while folder not in folders and len(folder) > 1:
        folder = os.path.dirname(folder)
    return folders.get(folder, "")
