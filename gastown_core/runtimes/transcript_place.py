"""Where a running program keeps its transcript, as its own process tells."""

from __future__ import annotations

import os

from gastown_core.errors import GastownError
from gastown_core.files.atomic import read_json
from gastown_core.process_table import process_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.process_table import Process


def transcript_of(screens: str, pane_pid: int) -> str:
    """The transcript of the program in the pane; empty if it has none yet, or none that can be found."""
    if screens not in ("claude", "codex"):
        return ""
    for pid in _family(pane_pid):
        found = _claude(pid) if screens == "claude" else _open_rollout(pid)
        if found:
            return found
    return ""


def _family(pid: int) -> list[int]:
    """The process and all that descend from it, nearest first."""
    children: dict[int, list[Process]] = {}
    for row in process_table().values():
        children.setdefault(row.parent, []).append(row)
    found = [pid]
    for one in found:
        found += [child.pid for child in children.get(one, ())]
    return found


def _claude(pid: int) -> str:
    """By the status record that Claude Code keeps under its own process number."""
    folder = _claude_folder(pid)
    try:
        record = read_json(os.path.join(folder, "sessions", f"{pid}.json")) if folder else None
    except GastownError:
        return ""
    session = str(record.get("sessionId") or "") if record else ""
    if not session or os.sep in session:
        return ""
    projects = os.path.join(folder, "projects")
    try:
        places = [os.path.join(projects, name, f"{session}.jsonl") for name in os.listdir(projects)]
    except OSError:
        return ""
    return next((path for path in places if os.path.exists(path)), "")


def _claude_folder(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            pairs = (pair.partition(b"=") for pair in handle.read().split(b"\0"))
            env = {name: value.decode("utf-8", "surrogateescape") for name, _, value in pairs}
    except OSError:
        return ""
    own, home = env.get(b"CLAUDE_CONFIG_DIR", ""), env.get(b"HOME", "")
    return own or (os.path.join(home, ".claude") if home else "")


def _open_rollout(pid: int) -> str:
    """codex keeps its rollout file open."""
    folder = f"/proc/{pid}/fd"
    try:
        ends = [os.readlink(os.path.join(folder, name)) for name in os.listdir(folder)]
    except OSError:
        return ""
    return next((end for end in ends if end.endswith(".jsonl") and "/rollout-" in end), "")
