"""Stirs: changed files translated into the words that wake duties.

``ledger`` and ``ledger:<rig>`` for a store's files, ``events`` for the event log, ``channel:<name>`` for wake-up files.
"""

from __future__ import annotations

import os

from gastown_core.beads.ledger import TownLedger
from gastown_core.events.channels import channel_folder
from gastown_core.events.log import log_path
from gastown_core.files.folders import private_folder
from gastown_core.files.watch import FolderWatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHANNELS = ("refinery",)


class Stirs:
    """Watches a town's ledger, event log and channels; ``on_stir`` gets one word per change, on the event loop.

    ``tell`` is called when a watch fails or recovers, as in ``Background``.
    """

    def __init__(
        self, root: str, on_stir: Callable[[str], None], tell: Callable[[str, str], None] = lambda _, __: None
    ) -> None:
        self._root = root
        self._on_stir = on_stir
        self._stores: dict[str, str] = {}
        self._channels = {channel_folder(root, channel): channel for channel in CHANNELS}
        self._watch = FolderWatch(self._stirred, tell)

    def start(self) -> None:
        """Start watching; call it on the event loop."""
        for folder in self._channels:
            private_folder(folder)
        self._watch.start([self._root, *self._channels])
        self.look_again()

    def look_again(self) -> None:
        """Watch the stores of rigs added since."""
        self._stores = {store.beads_dir: name for name, store in TownLedger(self._root).stores().items()}
        for folder in self._stores:
            self._watch.add(folder)

    def _stirred(self, folder: str, name: str) -> None:
        if folder in self._stores:
            if name.endswith(".jsonl"):
                self._on_stir("ledger")
                self._on_stir(f"ledger:{self._stores[folder]}")
        elif folder in self._channels:
            self._on_stir(f"channel:{self._channels[folder]}")
        elif folder == self._root and name == os.path.basename(log_path(self._root)):
            self._on_stir("events")

    async def close(self) -> None:
        """Stop watching."""
        await self._watch.close()
