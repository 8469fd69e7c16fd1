"""What codex's sandbox must let through so that an agent can commit and hand in its work.

Its sandbox for the workspace may write in the agent's folder alone, and there not to ``.git``.  A worktree keeps its index
and its branch in the repository that it belongs to, and ``bd`` and ``gt`` write to the town's ledgers: all of these have to
be named as writable roots.  codex takes the last list of roots that it is given, so the user's own are in ours.
"""

from __future__ import annotations

import json
import os

from gastown_core.files.plain import read_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTING = "sandbox_workspace_write.writable_roots"
UNBOUND = ("--dangerously-bypass-approvals-and-sandbox", "--yolo")
"""Arguments without a sandbox."""


def sandbox_words(folders: Sequence[str], args: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Arguments that make these ``folders`` writable; none where nothing is bound.

    A list among ``args`` is the user's own choice and stays.
    """
    if any(word in UNBOUND or SETTING in word for word in args):
        return []
    roots = [*_users_roots(env), *folders]
    return ["-c", f"{SETTING}={json.dumps(list(dict.fromkeys(roots)), ensure_ascii=False)}"]


def _users_roots(env: Mapping[str, str]) -> list[str]:
    """The roots in the user's settings; none where these cannot be read, which codex itself tells at its start."""
    import tomllib

    home = env.get("CODEX_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".codex")
    try:
        settings = tomllib.loads(read_plain(os.path.join(home, "config.toml")).decode("utf-8"))
    except (OSError, ValueError):
        return []
    table = settings.get("sandbox_workspace_write")
    roots = table.get("writable_roots") if isinstance(table, dict) else None
    return [one for one in roots if isinstance(one, str)] if isinstance(roots, list) else []
