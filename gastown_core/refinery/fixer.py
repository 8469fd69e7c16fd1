"""Inline repairs: a gate that declares ``fix_cmd`` is given the chance to mend what it complains about.

Only tracked files are taken in, as a commit of the engine's own on top of the stack; it counts only if the gates are then
green.
"""

from __future__ import annotations

from gastown_core.model.refinery import FAIL, PASS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.refinery import GateRun
    from gastown_core.refinery.gates import Gates, GateSet
    from gastown_core.refinery.policy import Gate
    from gastown_core.refinery.stack import Stacked, Stacker
    from gastown_core.refinery.worktrees import Worktrees


def fix(
    worktrees: Worktrees,
    gates: Gates,
    stacker: Stacker,
    stack: Stacked,
    found: GateSet,
    on_change: Callable[[GateRun], None],
) -> tuple[GateSet, Stacked | None]:
    """Mend a red stack gate by gate; the last verdict, and the mended stack if it is green."""
    by_name = {gate.name: gate for gate in gates.policy.gates}
    here, tried = stack, set()
    while found.result == FAIL:
        gate = by_name.get(found.worst.name) if found.worst is not None else None
        if gate is None or not gate.fix_cmd or gate.name in tried:
            break
        tried.add(gate.name)
        mended = _mend(worktrees, gates, stacker, here, gate, on_change)
        if mended is None:
            break
        here = mended
        with worktrees.open(here.commit) as tree:
            found = gates.run(tree, here.tree, on_change)
    return found, here if here is not stack and found.result == PASS else None


def _mend(
    worktrees: Worktrees,
    gates: Gates,
    stacker: Stacker,
    stack: Stacked,
    gate: Gate,
    on_change: Callable[[GateRun], None],
) -> Stacked | None:
    """The stack with what the gate's fixer changed, None if it failed or changed nothing."""
    with worktrees.open(stack.commit) as tree:
        run = gates.run_one(f"{gate.name}-fix", gate.fix_cmd, gate.timeout_s, tree, stack.tree, on_change)
        if run.result != PASS:
            return None
        tree.run("add", "--update")
        made = tree.run("write-tree")
    return stacker.commit_on(stack, made, f"Fix style ({gate.name})\n") if made != stack.tree else None
