"""Waves: tasks in the order their dependencies allow, everything that may run side by side together; pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def waves_of(waits_for: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Kahn's levels: each task once, later than all it waits for, as early as that allows.

    ``waits_for`` has every task as a key; ids that are no key don't count.  Within a wave the mapping's order is kept.
    Tasks on a cycle, or behind one, are in no wave: look for cycles first.
    """
    left = {task: len({other for other in others if other in waits_for}) for task, others in waits_for.items()}
    behind: dict[str, list[str]] = {task: [] for task in waits_for}
    for task, others in waits_for.items():
        for other in dict.fromkeys(others):
            if other in behind:
                behind[other].append(task)
    place = {task: number for number, task in enumerate(waits_for)}
    wave = [task for task, count in left.items() if count == 0]
    found = []
    while wave:
        found.append(wave)
        following = []
        for task in wave:
            for dependent in behind[task]:
                left[dependent] -= 1
                if left[dependent] == 0:
                    following.append(dependent)
        wave = sorted(following, key=place.__getitem__)
    return found
