"""kill -9 at every point of what a person says to the queue: it is said wholly or not at all, and can be said again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gastown_core.refinery.engine import process
from tests.drills.drilled import LONG, POINT, note_sweep, spread
from tests.support.cli import gt
from tests.support.queued import Queued, queued, queued_seed

__all__ = ["queued", "queued_seed"]

pytestmark = pytest.mark.timeout(3600 if LONG else 900)


class Said(NamedTuple):
    """A command of a queue with one request: what was said before, what shows that it holds, its event, what then lands."""

    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...]
    holds: Callable[[Queued, str], bool]
    event: str
    lands: bool
    renews: bool = False


def is_approved(queued: Queued, request: str) -> bool:
    return bool(queued.request(request).approved)


def is_out(queued: Queued, request: str) -> bool:
    return bool(queued.request(request).taken_out)


def is_frozen(queued: Queued, _request: str) -> bool:
    path = Path(queued.rig, ".runtime", "refinery", "freeze.json")
    return path.exists() and json.loads(path.read_text()).get("by") == "overseer"


APPROVE, FREEZE = ("approve", "{}"), ("freeze", "shop", "--for", "2h", "-r", "a release", "--now")
SAID = (
    Said(APPROVE, (), is_approved, "mr_approved", True),
    Said((*APPROVE, "--withdraw"), (APPROVE,), lambda *it: not is_approved(*it), "mr_unapproved", False),
    Said(("dequeue", "{}", "-r", "not yet"), (APPROVE,), is_out, "mr_dequeued", False),
    Said(("retry", "{}"), (APPROVE, ("dequeue", "{}")), lambda *it: not is_out(*it), "mr_retried", True, True),
    Said(FREEZE, (APPROVE,), is_frozen, "queue_frozen", False, True),
    Said(("thaw", "shop"), (APPROVE, FREEZE), lambda *it: not is_frozen(*it), "queue_thawed", True),
)


def said(queued: Queued, words: tuple[str, ...], request: str, **env: str):
    return gt("mq", *(word.replace("{}", request) for word in words), cwd=queued.root, **env)


@pytest.mark.parametrize("act", SAID, ids=[" ".join(one.words) for one in SAID])
def test_what_is_said_to_the_queue_and_killed_is_said_wholly_or_not_at_all(
    queued: Queued, tmp_path_factory: pytest.TempPathFactory, act: Said
) -> None:
    queued.gate()
    queued.settings(needs_approval=True)
    request = queued.hand_in({"file": "1"}).id
    for words in act.before:
        assert said(queued, words, request).code == 0
    base, kept = os.path.dirname(queued.root), str(tmp_path_factory.mktemp("said") / "t")
    shutil.copytree(base, kept, symlinks=True)
    listed = said(queued, act.words, request, GT_KILL_AT="list")
    assert listed.code == 0 and act.holds(queued, request), listed
    names = dict(POINT.findall(listed.err))
    wrong, kills = [], 0
    for number in spread(len(names), 3):
        shutil.rmtree(base)
        shutil.copytree(kept, base, symlinks=True)
        kills += said(queued, act.words, request, GT_KILL_AT=str(number)).code == -9
        wrong += [f"killed at {number}, {names[str(number)]}: {one}" for one in amiss(queued, act, request)]
    note_sweep(f"mq {act.words[0]}", len(names), kills, wrong)
    assert kills, "nothing was killed"
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("words", [FREEZE, ("thaw", "shop")], ids=["freeze", "thaw"])
def test_a_freeze_or_thaw_that_a_kill_left_untold_is_told_once_by_the_engine(
    queued: Queued, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    thaws = words[0] == "thaw"
    if thaws:
        assert said(queued, FREEZE, "").code == 0
    event, before = "queue_thawed" if thaws else "queue_frozen", is_frozen(queued, "")
    base, kept = os.path.dirname(queued.root), str(tmp_path_factory.mktemp("told") / "t")
    shutil.copytree(base, kept, symlinks=True)
    names = dict(POINT.findall(said(queued, words, "", GT_KILL_AT="list").err))
    seen = set()
    for number in spread(len(names), 12):
        shutil.rmtree(base)
        shutil.copytree(kept, base, symlinks=True)
        assert said(queued, words, "", GT_KILL_AT=str(number)).code == -9
        is_done, told = is_frozen(queued, "") is not before, len(queued.events(event))
        for _ in range(2):
            process(queued.root, "shop")
        at = f"killed at {number}, {names[str(number)]}"
        assert len(queued.events(event)) == int(is_done), at
        note = Path(queued.rig, ".runtime", "refinery", "freeze.json")
        assert not note.exists() or "untold" not in note.read_text(), at
        seen.add((is_done, told))
    assert (True, 0) in seen, "no kill fell between the effect and the event"


def amiss(queued: Queued, act: Said, request: str) -> list[str]:
    """What is wrong after a kill, and once the command was said again."""
    held = act.holds(queued, request)
    again = said(queued, act.words, request)
    wrong = [] if again.code == 0 or (held and again.code == 1) else [f"held: {held}, said again: {again}"]
    wrong += [] if act.holds(queued, request) else ["it does not hold"]
    told = len(queued.events(act.event))
    # what takes the place of what stood is told again
    wrong += [] if told == 1 or (told == 2 and act.renews) else [f"told {told} times"]
    process(queued.root, "shop")
    wrong += [] if (queued.merged() == [request]) is act.lands else [f"landed: {queued.merged()}"]
    names = [name for _, _, names in os.walk(os.path.dirname(queued.root)) for name in names]
    return wrong + [f"left over: {name}" for name in names if ".tmp" in name or name.endswith(".pending")]
