"""Checks free disk space and the size of the town's logs."""

from __future__ import annotations

import os

from gastown_core.doctor.check import Check, Finding
from gastown_core.events.log import log_path
from gastown_core.events.town_log import town_log_path
from gastown_core.town.host_load import GB, read_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.doctor.checked_town import Place

LEAST_GB = 1.0
MOST_LOG_GB = 0.25


class DiskCheck(Check):
    """Free space, and the town's logs."""

    name = "disk"
    about = "there is room, and the logs are of a sane size"

    def detect(self, place: Place) -> list[Finding]:
        """Return low disk space, and logs that are too large."""
        found = []
        free = read_load(place.root).disk_gb
        if free is not None and free < LEAST_GB:
            found.append(
                Finding(
                    self.name, f"{free:.2f} GB are free on the disk", "a full disk stops every write", "free some space"
                )
            )
        for path, remedy in ((log_path(place.root), "gt krc prune"), (town_log_path(place.root), "move it away")):
            try:
                size = os.stat(path).st_size / GB
            except OSError:
                continue
            if size > MOST_LOG_GB:
                found.append(Finding(self.name, f"{path} has {size:.1f} GB", "reading it takes long", remedy))
        return found


CHECKS = [DiskCheck()]
