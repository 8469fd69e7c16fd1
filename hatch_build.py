"""Makes the man pages when a wheel is built, from the command tables of the package itself."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface[Any]):
    """Adds ``share/man`` to the wheel; an editable installation has none, since its commands change under it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages into a folder that goes when the build ends, and name them as shared data."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from gastown_cli.manual.pages import write_pages

        self._folder = tempfile.TemporaryDirectory(prefix="gastown-man-")
        for path in write_pages(self._folder.name):
            place = os.path.relpath(path, self._folder.name)
            build_data["shared_data"][path] = f"share/man/{place}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        if version != "editable":
            self._folder.cleanup()
