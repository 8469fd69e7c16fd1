"""Whether an agent lives: THE rule for all code.

An agent lives if its program runs in its pane.  It may also live without a session in tmux's list (session renamed or
moved, server out of reach, started by hand): a process on a terminal with the agent's identity or in its folder counts
too, so that nobody else is put in its place.  A worker works on a bead only if its session was started for that order;
an order is ``<session>/<nonce>``, kept in ``metadata.dispatch.order``.
"""

from __future__ import annotations

import os

from gastown_core.errors import GastownError, TmuxError
from gastown_core.model.metadata import order_of
from gastown_core.process_table import environment_of, folder_of, on_terminals
from gastown_core.tmux.panes import Pane, find_pane, list_panes
from gastown_core.tmux.processes import agents_alive, is_called
from gastown_core.tmux.server import TmuxServer, nearest_server
from gastown_core.tmux.socket import has_tmux, socket_name
from gastown_core.town.inventory import RosterEntry, read_inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


INTERPRETERS = frozenset(("node", "bun", "python", "deno"))
"""Names that many programs share: alone they do not identify an agent."""


class LiveSessions(frozenset[str]):
    """Names of the sessions whose agent lives; ``orders`` maps a session to what it was started for, if noted."""

    orders: Mapping[str, tuple[str, ...]]

    def __new__(cls, names: Iterable[str] = (), orders: Mapping[str, tuple[str, ...]] | None = None) -> LiveSessions:
        """Make the set, with the orders of the sessions that have any."""
        made = super().__new__(cls, names)
        made.orders = orders or {}
        return made


def is_for(orders: tuple[str, ...] | None, session: str, order: str) -> bool:
    """Whether a session started for ``orders`` (None: unknown) serves ``order``; another session's order fits any."""
    return orders is None or order in orders or not order.startswith(f"{session}/")


def works_on(live: frozenset[str], session: str, order: str) -> bool:
    """Whether the agent of this session lives and was started for that order (empty: any)."""
    if session not in live:
        return False
    orders = live.orders.get(session) if isinstance(live, LiveSessions) else None
    return is_for(orders, session, order)


def new_order(entry: RosterEntry) -> str:
    """Return a new order for the agent's session."""
    return f"{entry.session}/{os.urandom(6).hex()}"


def orders_on_hook(root: str, entry: RosterEntry) -> list[str] | None:
    """Return the orders of all work the agent holds; None if the ledger cannot be read."""
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
    """Return session → whether its agent's program runs in its pane; scans the process table at most once."""
    panes = list(panes)
    return agents_alive(panes, {pane.session: process_names(pane) for pane in panes if not pane.dead})


def process_names(pane: Pane) -> tuple[str, ...]:
    """Return the possible names of the agent's process: as noted at creation, else by runtime, else by environment."""
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
    """Whether the agent lives, in its session or elsewhere, and for ``order`` if given. Raises TmuxError."""
    pane = find_pane(TmuxServer(socket_name(root)), entry.session) if has_tmux() else None
    if pane is not None and living([pane])[pane.session]:
        return is_for(pane.orders, entry.session, order)
    return entry.session in found_elsewhere(root)


def live_sessions(root: str) -> LiveSessions | None:
    """Return the sessions whose agent lives; None if that is unknown (no tmux, or no answer from it)."""
    if not has_tmux():
        return None
    try:
        panes = list_panes(nearest_server(socket_name(root)))
    except TmuxError:
        return None
    alive = living(panes.values())
    names = {name for name, pane in panes.items() if alive[name]}
    orders = {name: panes[name].orders or () for name in names if panes[name].orders is not None}
    return LiveSessions(names | found_elsewhere(root).keys(), orders)


def found_elsewhere(root: str) -> dict[str, int]:
    """Return session → pid of every agent of the town on a terminal, whether or not tmux lists it.

    Found by its environment, or as an agent program whose working directory is an agent's folder.
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
            # other towns' processes are passed over before anything is imported to judge them
            names = frozenset(_names_by("", env)) if os.path.realpath(home) == here else frozenset[str]()
            if names and is_called(row, names - INTERPRETERS or names):
                found.setdefault(session, row.pid)
        elif is_called(row, known):
            by_hand.append((row.pid, folder_of(row.pid)))
    if not by_hand:
        return found
    folders = {os.path.realpath(entry.work_dir): entry.session for entry in read_inventory(root).agents}
    for pid, folder in by_hand:
        session = _session_at(folders, folder)
        if session:
            found.setdefault(session, pid)
    return found


def _session_at(folders: Mapping[str, str], folder: str) -> str:
    """Return the session of the agent whose folder contains this one (the nearest), empty if none."""
    while folder not in folders and len(folder) > 1:
        folder = os.path.dirname(folder)
    return folders.get(folder, "")
