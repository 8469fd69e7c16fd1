"""What macOS or Windows lacks stands only in the modules that know it; the lists are those of the simulated systems."""

from __future__ import annotations

import ast
import os
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEVER_THERE = ("gastown_core/tmux/", "gastown_agent/")
"""Rooms that need tmux, which Windows lacks."""
GUARDED = {
    "gastown_core/daemon/supervisor.py": {"getuid"},
    "gastown_core/files/atomic.py": {"O_TMPFILE"},
    "gastown_core/files/locks.py": {"major", "minor"},
    "gastown_core/files/system.py": {"fcntl", "fchmod", "pread", "pwrite"},
    "gastown_core/messaging/open_request.py": {"mkfifo"},
    "gastown_core/messaging/standstill.py": {"SIGCONT", "SIGSTOP"},
    "gastown_core/process.py": {"killpg", "pidfd_open", "set_blocking"},
    "gastown_core/process_table.py": {"sysconf", "clock_gettime", "CLOCK_BOOTTIME"},
    "gastown_core/runtimes/readiness/claude.py": {"geteuid"},
    "gastown_core/state/keepers.py": {"pidfd_open"},
    "gastown_core/refinery/room.py": {"statvfs"},
    "gastown_core/town/host_load.py": {"getloadavg", "statvfs"},
    "gastown_tui/driver.py": {"SIGWINCH"},
}
"""Names that are asked for only where they are there."""


@pytest.fixture(scope="module")
def lists() -> dict[str, object]:
    """What the simulated systems hide; loaded without simulating one."""
    assert not os.environ.get("SIMULATED_SYSTEM")
    return runpy.run_path(str(ROOT / "tests/support/other_system/sitecustomize.py"))


def _uses(path: Path, hidden: dict[str, set[str]], modules: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in hidden.get(node.value.id, ()):
                found.add(node.attr)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & modules
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} & modules
            found |= {alias.name for alias in node.names} & hidden.get(node.module or "", set())
    return found


def test_names_that_a_system_lacks_stand_where_that_is_known(lists: dict[str, object]) -> None:
    hidden, modules = lists["NOT_ON_WINDOWS"], {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog"}
    used: dict[str, set[str]] = {}
    for path in sorted(ROOT.glob("gastown_*/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        found = _uses(path, hidden, modules)  # type: ignore[arg-type]
        if found and not name.startswith(NEVER_THERE):
            used[name] = found
    assert used == GUARDED


def test_the_search_finds_a_name_that_is_missing_elsewhere(tmp_path: Path, lists: dict[str, object]) -> None:
    page = tmp_path / "page.py"
    page.write_text("import os, fcntl\nfrom signal import SIGKILL\nos.fdatasync(1)\nos.path.join('a')\n")
    assert _uses(page, lists["NOT_ON_WINDOWS"], {"fcntl"}) == {"fcntl", "SIGKILL", "fdatasync"}  # type: ignore[arg-type]
