"""The host guard: no new agent while the machine has too little left, by the thresholds of the settings.

Running agents go on.  A threshold of 0 is off; a figure that the system does not report is not checked.
"""

from __future__ import annotations

import os

from gastown_core.model.record import Record
from gastown_core.town.settings import load_settings

CPU_KEY = "operational.daemon.pressure_cpu_threshold"
MEMORY_KEY = "operational.daemon.pressure_mem_threshold_gb"
DISK_KEY = "operational.daemon.pressure_disk_threshold_gb"
GB = 1024.0**3


class HostLoad(Record):
    """Load per core, and available memory and free disk in GB; None if the system does not report it."""

    load: float | None
    memory_gb: float | None
    disk_gb: float | None


def read_load(root: str) -> HostLoad:
    """Return the machine's load now; starts no process."""
    try:
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):  # Windows has no load average
        load = None
    try:
        disk = _disk_gb(root)
    except OSError:
        disk = None
    return HostLoad(load, _memory_gb(), disk)


def _disk_gb(root: str) -> float:
    if hasattr(os, "statvfs"):
        status = os.statvfs(root)
        return status.f_bavail * status.f_frsize / GB
    import shutil

    return shutil.disk_usage(root).free / GB


def _memory_gb() -> float | None:
    try:
        with open("/proc/meminfo", encoding="utf-8") as handle:
            row = next((line for line in handle if line.startswith("MemAvailable:")), "")
    except FileNotFoundError:
        import psutil

        return float(psutil.virtual_memory().available) / GB
    except OSError:
        return None
    words = row.split()
    return int(words[1]) * 1024 / GB if len(words) > 1 and words[1].isdigit() else None


def refusal(root: str) -> str:
    """Return why the machine takes no more agents now, with the setting that says so; empty if it does.

    Raises SettingsError if the settings are no JSON.
    """
    settings = load_settings(root)
    most, least_memory, least_disk = (float(settings.lenient(key)) for key in (CPU_KEY, MEMORY_KEY, DISK_KEY))
    if not (most or least_memory or least_disk):
        return ""
    return judge(read_load(root), most, least_memory, least_disk)


def judge(load: HostLoad, most: float, least_memory: float, least_disk: float) -> str:
    """Return why a machine with this load takes no more agents, empty if it does; 0 turns a threshold off."""
    if least_disk and load.disk_gb is not None and load.disk_gb < least_disk:
        return f"only {load.disk_gb:.1f} GB of the disk are free, less than {least_disk:g} ({DISK_KEY})"
    if least_memory and load.memory_gb is not None and load.memory_gb < least_memory:
        return f"only {load.memory_gb:.1f} GB of memory are available, less than {least_memory:g} ({MEMORY_KEY})"
    if most and load.load is not None and load.load > most:
        return f"the load is {load.load:.1f} per core, more than {most:g} ({CPU_KEY})"
    return ""
