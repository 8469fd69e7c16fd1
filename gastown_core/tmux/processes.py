"""Which programs run in a pane, from one pass over the process table.

*Delivery* and *liveness* ask different questions: which program would read a keystroke now (the terminal's foreground
process group), and whether the agent's process exists at all (any descendant).  Linux answers from ``/proc``;
elsewhere psutil answers, and in doubt delivery refuses.
"""

from __future__ import annotations

import os
import time

from gastown_core.process_table import age_s, process_table, read_process, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gastown_core.process_table import Process
    from gastown_core.tmux.panes import Pane

SHELLS = frozenset("bash zsh sh fish tcsh csh ksh dash ash pwsh powershell".split())
INTERPRETERS = ("python", "node", "bun", "deno", "ruby", "env")
PLACEHOLDER = ("tail", "-f", "/dev/null")
"""The placeholder that a session runs until it is set up; not an agent."""
UNBORN = "tmux: server"
"""What a pane's process is called between its fork and its exec; during an exec it has no command line."""
EXEC_S, LOOK_EVERY_S = 0.5, 0.005
MAX_DEPTH = 10
COMM_SIZE = 15

_names_cache: dict[tuple[int, float, str], frozenset[str]] = {}


def foreground_is(pane_pid: int, command: str, names: Iterable[str]) -> bool:
    """Whether the program that would read a keystroke in this pane is one of ``names``.

    ``pane_pid`` is the pane's first process, ``command`` what tmux calls its foreground program.
    """
    wanted = frozenset(names)
    if command in wanted:
        return True
    leader = read_process(pane_pid)
    if leader is None or leader.foreground <= 0:
        return command not in SHELLS and _lives_below(pane_pid, wanted, process_table())
    front = read_process(leader.foreground)
    if front is not None and is_called(front, wanted):
        return True
    return any(row.group == leader.foreground and is_called(row, wanted) for row in process_table().values())


def agents_alive(panes: Iterable[Pane], names_by_session: Mapping[str, Iterable[str]]) -> dict[str, bool]:
    """Session → whether its agent's process lives, with at most one pass over the process table.

    The names recorded in the pane itself come first, then ``names_by_session``.  A session without any is alive if anything
    runs in it except shells and the placeholder of a session that was never set up.
    """
    answers: dict[str, bool] = {}
    table: dict[int, Process] | None = None
    children: dict[int, list[int]] = {}
    for pane in panes:
        wanted = frozenset(pane.process_names or names_by_session.get(pane.session, ()))
        if pane.dead or pane.command in wanted:
            answers[pane.session] = not pane.dead
            continue
        if table is None:
            table = process_table()
            children = _children(table)
        if wanted:
            answers[pane.session] = _lives_below(pane.pid, wanted, table, children)
        else:
            answers[pane.session] = _something_runs(pane.pid, table, children)
    return answers


def pane_processes(pane_pid: int) -> list[Process]:
    """Everything that runs in a pane: descendants and what shares its terminal session; deepest first."""
    table = process_table()
    found = [row.pid for row in table.values() if row.session == pane_pid and row.pid != pane_pid]
    depth = dict.fromkeys(found, 1)
    for level, pid in _descendants(pane_pid, _children(table)):
        depth[pid] = level
    order = sorted(depth, key=lambda pid: -depth[pid])
    return [table[pid] for pid in (*order, pane_pid) if pid in table and not table[pid].is_gone]


def _children(table: Mapping[int, Process]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for row in table.values():
        children.setdefault(row.parent, []).append(row.pid)
    return children


def _descendants(pid: int, children: Mapping[int, list[int]]) -> list[tuple[int, int]]:
    """(depth, pid) of everything below ``pid``, nearest first."""
    found: list[tuple[int, int]] = []
    level = [pid]
    for depth in range(1, MAX_DEPTH + 1):
        level = [child for parent in level for child in children.get(parent, ())]
        if not level:
            break
        found += [(depth, child) for child in level]
    return found


def _lives_below(
    pid: int, wanted: frozenset[str], table: Mapping[int, Process], children: Mapping[int, list[int]] | None = None
) -> bool:
    rows = [table[pid]] if pid in table else []
    below = _descendants(pid, _children(table) if children is None else children)
    rows += [table[child] for _, child in below]
    return any(is_called(row, wanted) for row in rows)


def _something_runs(pid: int, table: Mapping[int, Process], children: Mapping[int, list[int]]) -> bool:
    """Whether anything runs in a pane except shells and the placeholder."""
    rows = [table[one] for one in (pid, *(child for _, child in _descendants(pid, children))) if one in table]
    return any(_is_program(row) for row in rows)


def _is_program(row: Process) -> bool:
    """Whether a process is neither a shell nor the placeholder; one between fork and exec is waited for a moment.

    One that is there for longer counts as a program.
    """
    now: Process | None = row
    until = time.monotonic() + EXEC_S
    while now is not None and not now.is_gone:
        words = tuple(words_of(now.pid))
        if (any(words) and now.name != UNBORN) or time.monotonic() >= until:
            return now.name.lstrip("-") not in SHELLS and words != PLACEHOLDER
        time.sleep(LOOK_EVERY_S)
        now = read_process(row.pid)
    return False


def is_called(row: Process, wanted: frozenset[str]) -> bool:
    """Whether a live process has one of these names: its program's, or that of the script an interpreter runs."""
    if row.is_gone:
        return False
    return any(row.name == name[:COMM_SIZE] for name in wanted) or not wanted.isdisjoint(_names(row))


def _names(row: Process) -> frozenset[str]:
    """The names of a process: its program, and the script that an interpreter runs. Cached once the process is settled."""
    # the key includes the name: exec makes a new child another program without making it another process
    key = (row.pid, row.started, row.name)
    known = _names_cache.get(key)
    if known is None:
        known = _read_names(row.pid)
        # a new child has its parent's words, and none during its exec, which may leave the name as it is
        if known and age_s(row) > EXEC_S:
            if len(_names_cache) > 2000:
                _names_cache.clear()
            _names_cache[key] = known
    return known


def _read_names(pid: int) -> frozenset[str]:
    words = words_of(pid)
    if not words:
        return frozenset()
    names = [os.path.basename(words[0])]
    if names[0].startswith(INTERPRETERS):
        names += _script_names(words[1:])
    return frozenset(name for name in names if name)


def _script_names(words: list[str]) -> list[str]:
    """Names of the script or module that an interpreter was given."""
    for number, word in enumerate(words):
        if word == "-m" and number + 1 < len(words):
            return [words[number + 1]]
        if word and not word.startswith("-"):
            base = os.path.basename(word)
            return [base, os.path.splitext(base)[0]]
    return []
