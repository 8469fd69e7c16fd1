"""The two oracles: what Gas Town says against the program's own record, and texts against the model's log."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.realagents.patience import comes_true
from tests.realagents.records import BUSY, ENDED, IDLE, LIMITED, SHELL, STARTING, WAITING, Own, own_record
from tests.realagents.world import Agent, World

TRUTH_S = 2.0
"""So soon after the program knows it, what Gas Town says is true: on a machine that has time for it."""
TRUTH_LOOKS = 12
"""So many looks an idle machine has in that time; a busy one is given as many, and the table tells how long they took."""
SAYS = {
    STARTING: "waiting",
    IDLE: "idle",
    BUSY: "working",
    WAITING: "waiting",
    LIMITED: "limited",
    ENDED: "zombie",
    SHELL: "working",
}
"""The program's own word → the ``health`` of its row in ``gt agents --json``."""


class Seen(NamedTuple):
    """One moment: what the program said, what Gas Town said, and how many seconds later (-1 if it never did)."""

    own: str
    says: str
    why: str
    after_s: float


def look(agent: Agent, own: str, says: str = "", words: Sequence[str] = (), *, timeout_s: float = 20.0) -> Seen:
    """Wait for the program's own record to say ``own``, then until Gas Town says ``says`` or its time is over.

    Left out, ``says`` is what ``SAYS`` has for it; of ``words``, if there are any, one is to be among the reasons.
    A command that Escape stops runs on in the background now and then: the program is idle, then it is not, and is later.
    """
    wanted = says or SAYS[own]
    comes_to(agent, own, timeout_s)
    start = time.monotonic()
    for number in itertools.count(1):
        if own == IDLE and own_record(agent).state == SHELL:
            return look(agent, own, says, words, timeout_s=timeout_s)
        asked = time.monotonic() - start
        row = agent.told()
        if row["health"] == wanted and gives_a_reason(row, words):
            return Seen(own, wanted, str(row["reason"]), time.monotonic() - start)
        if asked > TRUTH_S and number >= TRUTH_LOOKS:
            return Seen(own, str(row["health"]), str(row["reason"]), -1.0)
    raise AssertionError("counting has no end")


def gives_a_reason(row: Mapping[str, Any], words: Sequence[str]) -> bool:
    """Whether one of ``words`` is among the reasons of a row in ``gt agents --json``; true without words."""
    reasons = " / ".join(reason["text"] for reason in row["reasons"])
    return not words or any(word in reasons for word in words)


def comes_to(agent: Agent, state: str, timeout_s: float = 20.0) -> None:
    """Wait until the program's own record says ``state``; the test fails with what it said last."""
    last: list[Own] = []

    def look_again() -> bool:
        last[:] = [own_record(agent)]
        return last[0].state == state

    try:
        comes_true(look_again, f"{agent.address} is {state} by its own record", timeout_s)
    except BaseException:
        print(f"it is {last[0]}; its screen:\n{agent.screen()}")
        raise


def check(
    agent: Agent, name: str, own: str, says: str, record: Callable[[str, object], None], words: Sequence[str] = ()
) -> None:
    """``look``, told to the report as the moment ``name``; the test fails if it was not true in time."""
    seen = look(agent, own, says, words)
    record("moment", (agent.world.programs[0].name, name, *seen))
    assert seen.after_s >= 0, (
        f"{name}: the program is {own}, gt agents says {seen.says} ({seen.why}), not {says} {words}"
    )


def whereabouts(world: World, text: str) -> dict[str, int]:
    """Where a nudged text is: how often it reached a model, waits in a queue, is on the way, lies among the dead letters."""
    found = {"delivered": world.delivered(text), "queued": 0, "on the way": 0, "dead": 0}
    for folder, _, names in os.walk(os.path.join(world.root, ".runtime", "nudge_queue")):
        for name in names:
            place = "dead" if os.path.basename(folder) == "dead" else "queued"
            place = "on the way" if ".json.claimed." in name else place
            if place == "on the way" or name.endswith(".json"):
                with open(os.path.join(folder, name), encoding="utf-8") as handle:
                    found[place] += text in handle.read()
    return found


ONCE = {"delivered": 1, "queued": 0, "on the way": 0, "dead": 0}
KEPT = {"delivered": 0, "queued": 1, "on the way": 0, "dead": 0}


def is_once(places: dict[str, int]) -> bool:
    """Whether that text is in exactly one place; one that arrived may stay on the way until the next nudge settles it."""
    arrived = places["delivered"] + places["queued"] + places["dead"]
    return arrived == 1 or (arrived == 0 and places["on the way"] == 1)


def settled(world: World, text: str) -> dict[str, int]:
    """Where the text is once it is not on the way."""
    comes_true(lambda: not whereabouts(world, text)["on the way"], f"{text!r} is settled")
    return whereabouts(world, text)
