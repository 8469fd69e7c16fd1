"""What will stop an agent's program before its first prompt, told before it is started.

Files are read and no process is started.  What only a longer look can tell is left to ``gt doctor agents``.
"""

from __future__ import annotations

import os

from gastown_core.runtimes.presets import SCRIPTED
from gastown_core.town.hook_files import hook_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.runtimes.preset import Preset
    from gastown_core.town.inventory import RosterEntry


def start_warnings(root: str, entry: RosterEntry, preset: Preset) -> tuple[str, ...]:
    """Return a sentence for each obstacle, with its remedy; none for the scripted agent."""
    if preset.screens == SCRIPTED:
        return ()
    from gastown_core.runtimes.readiness import obstacles
    from gastown_core.runtimes.readiness.obstacle import Look

    look = Look(os.environ, is_quick=True)
    for file in hook_files(root, entry, preset):
        # written by the start itself
        if not file.problem and file.content:
            look.plan(os.path.join(entry.work_dir, file.path), file.content)
    return tuple(f"{one.what}: {one.why}; {one.remedy}" for one in obstacles(preset, entry.work_dir, look))
