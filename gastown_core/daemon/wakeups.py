"""Wake-ups: changed files translated into the names of wake-ups that duties wait for.

``settings`` and ``settings:<rig>`` for changed settings, ``ledger`` and ``ledger:<rig>`` for a store's files, ``events`` for the event log, ``channel:<name>`` for wake-up files,
``nudges`` when one is queued, or when an agent with queued nudges reports something new, ``rigs`` when one came, went, or
is parked or docked.
"""

from __future__ import annotations

import os

from gastown_core.beads.discovery import is_served
from gastown_core.beads.ledger import TownLedger
from gastown_core.daemon.quiet import PLACES, REGISTER, Quiet, mark_of
from gastown_core.events.channels import channel_folder
from gastown_core.events.log import log_path
from gastown_core.files.folders import private_folder
from gastown_core.files.watch import FolderWatch
from gastown_core.messaging.handover import has_something
from gastown_core.messaging.queue import queue_dir, sessions_with_queue
from gastown_core.town.inventory import LOCAL_LAYER
from gastown_core.town.settings import TOWN_SETTINGS, settings_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.beads.dolt.pulse import Pulse
    from gastown_core.beads.store import BeadStore

CHANNELS = ("refinery",)
SETTINGS = "settings"
"""The wake-up when the town's settings changed; ``settings:shop`` those of a rig."""
SETTINGS_FILE = os.path.basename(TOWN_SETTINGS)
RIGS = "rigs"
"""The wake-up when the rigs, or what one of them may do now, changed."""


class Wakeups:
    """Watches a town's ledger, event log and channels; ``on_wakeup`` gets one name per change, on the event loop.

    ``tell`` is called when a watch fails or recovers, as in ``Background``.
    """

    def __init__(
        self, root: str, on_wakeup: Callable[[str], None], tell: Callable[[str, str], None] = lambda _, __: None
    ) -> None:
        self._root = root
        self._on_wakeup = on_wakeup
        self._stores: dict[str, str] = {}
        self._pulse: Pulse | None = None
        self._ledger: TownLedger | None = None
        self._unmoved = Quiet()
        self._channels = {channel_folder(root, channel): channel for channel in CHANNELS}
        self._heartbeats = os.path.join(root, ".runtime", "heartbeats")
        self._queues = os.path.dirname(queue_dir(root, "any"))
        self._register = os.path.join(root, REGISTER)
        self._states = os.path.join(root, LOCAL_LAYER)
        self._settings: dict[str, str] = {}
        self._watch = FolderWatch(self._changed, tell)

    def start(self) -> None:
        """Start watching; call it on the event loop."""
        folders = [*self._channels, self._heartbeats, self._queues]
        for folder in folders:
            private_folder(folder)
        self._watch.start([self._root, *folders, os.path.dirname(self._register), self._states])
        self.watch_new_stores()

    def pulse(self) -> Pulse | None:
        """Return what keeps stores on a Dolt server up to date, to be run beside the watch; None if none is, or it was returned before."""
        folders = [store.beads_dir for store in self._all_stores().values() if is_served(store.beads_dir)]
        if self._pulse is not None:
            self._pulse.follow(folders)
        if not folders or self._pulse is not None:
            return None
        from gastown_core.beads.dolt.pulse import Pulse

        self._pulse = Pulse(folders)
        return self._pulse

    def _all_stores(self) -> dict[str, BeadStore]:
        """Return the stores that there are, opened anew only when a file that places them has changed or one is missing."""
        if self._ledger is None or not self._unmoved.holds(self._root):
            self._ledger = TownLedger(self._root)
            if self._ledger.stores() and not self._ledger.missing:
                # what was written meanwhile is in the mark already, so it is read after it
                mark = mark_of(self._root, self._ledger, PLACES)
                self._ledger = TownLedger(self._root)
                self._unmoved.note(self._root, mark, nothing_waits=True)
        return self._ledger.stores()

    def watch_new_stores(self) -> None:
        """Watch the stores of rigs added since."""
        self._stores = {store.files_dir: name for name, store in self._all_stores().items()}
        rigs = [name for name in self._stores.values() if name != "town"]
        self._settings = {os.path.dirname(settings_path(self._root)): SETTINGS}
        self._settings |= {os.path.dirname(settings_path(self._root, "rig", rig)): f"{SETTINGS}:{rig}" for rig in rigs}
        for folder in (*self._stores, *self._settings):
            self._watch.add(folder)
        for session in sessions_with_queue(self._root):
            self._watch.add(queue_dir(self._root, session))

    def _changed(self, folder: str, name: str) -> None:
        if folder in self._stores:
            if name.endswith(".jsonl"):
                self._on_wakeup("ledger")
                self._on_wakeup(f"ledger:{self._stores[folder]}")
        elif folder in self._settings:
            if name in ("", SETTINGS_FILE):
                self._on_wakeup(self._settings[folder])
        elif folder in self._channels:
            self._on_wakeup(f"channel:{self._channels[folder]}")
        elif folder == self._queues:
            # a session's first nudge
            self._watch.add(queue_dir(self._root, name))
            self._on_wakeup("nudges")
        elif folder == self._heartbeats:
            if has_something(self._root, name.partition(".json")[0]):
                self._on_wakeup("nudges")
        elif os.path.dirname(folder) == self._queues:
            if name.endswith(".json"):
                self._on_wakeup("nudges")
        elif folder == self._states or os.path.join(folder, name) == self._register:
            self._on_wakeup(RIGS)
        elif folder == self._root and name == os.path.basename(log_path(self._root)):
            self._on_wakeup("events")

    async def close(self) -> None:
        """Stop watching."""
        await self._watch.close()
