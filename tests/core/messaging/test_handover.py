import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.messaging import handover as way
from gastown_core.messaging.hook_drain import drain_for_hook, read_own
from gastown_core.messaging.nudge import nudge
from gastown_core.messaging.queue import dead_letters, enqueue, queue_dir, ready_nudges, waiting
from gastown_core.messaging.target import AgentTarget
from gastown_core.messaging.typist import Typist
from tests.support.tmux import SCRIPTED, events, start_agent, transcript, until

MAYOR = AgentTarget("mayor", "hq-mayor", SCRIPTED)


def take(root, way_="typed"):
    return way.take(root, "hq-mayor", ready_nudges(root, "hq-mayor"), way_)


def test_what_was_taken_waits_no_more_and_what_is_given_back_waits_in_its_old_place(tmp_path):
    root = str(tmp_path)
    paths = [enqueue(root, "hq-mayor", "overseer", text) for text in ("one", "two")]
    taken = take(root)
    assert waiting(root, "hq-mayor") == []
    assert [one.members for one in way.on_the_way(root, "hq-mayor")] == [tuple(map(os.path.basename, paths))]
    way.give_back(root, "hq-mayor", taken)
    assert waiting(root, "hq-mayor") == paths
    assert way.on_the_way(root, "hq-mayor") == []


def test_settling_may_be_repeated_and_is_told_once(tmp_path):
    root = str(tmp_path)
    name = os.path.basename(enqueue(root, "hq-mayor", "overseer", "one"))
    taken = take(root)
    for _ in range(2):
        way.settle(root, "hq-mayor", taken, "its prompt hook")
    assert way.fate_of(root, "hq-mayor", name) == (way.DELIVERED, "its prompt hook")
    assert len(events(root, "nudge_delivered")) == 1
    assert [one for one in os.listdir(queue_dir(root, "hq-mayor")) if "claimed" in one or "handover" in one] == []


def test_a_claim_of_another_program_comes_back_when_it_is_old(tmp_path):
    root = str(tmp_path)
    path = enqueue(root, "hq-mayor", "overseer", "one")
    os.rename(path, f"{path}.claimed.0a1b")
    assert way.return_orphans(root, "hq-mayor", SYSTEM_CLOCK.now()) == []
    assert way.return_orphans(root, "hq-mayor", SYSTEM_CLOCK.now() + 301) == [os.path.basename(path)]
    assert waiting(root, "hq-mayor") == [path]


def test_a_hook_gives_what_waits_once_and_a_prompt_in_mid_turn_takes_nothing_along(tmp_path):
    root = str(tmp_path)
    enqueue(root, "hq-mayor", "overseer", "one")
    assert drain_for_hook(root, "hq-mayor", "UserPromptSubmit", in_turn=True) == ""
    assert drain_for_hook(root, "hq-mayor", "Stop") == "[from overseer] one"
    assert drain_for_hook(root, "hq-mayor", "Stop") == ""
    assert [one.way for one in way.on_the_way(root, "hq-mayor")] == ["Stop"]


def test_a_text_of_which_nothing_is_seen_is_typed_three_times_and_then_dead(tmp_path):
    root = str(tmp_path)
    path = enqueue(root, "hq-mayor", "overseer", "one")
    for _ in range(way.MOST_TRIES - 1):
        way.lost(root, "hq-mayor", take(root))
        assert waiting(root, "hq-mayor") == [path] and way.on_the_way(root, "hq-mayor") == []
    # a nudge that came with its last try has tries of its own
    later = enqueue(root, "hq-mayor", "overseer", "two")
    way.lost(root, "hq-mayor", take(root))
    assert waiting(root, "hq-mayor") == [later]
    assert way.fate_of(root, "hq-mayor", os.path.basename(path))[0] == way.DEAD
    (letter,) = dead_letters(root, "hq-mayor")
    assert letter.message == "one" and "typed 3 times" in letter.reason
    assert len(events(root, "nudge_dead")) == 1


def test_a_reader_that_dies_before_it_took_a_text_leaves_it_on_the_way(tmp_path):
    root = str(tmp_path)
    for text in ("one", "two"):
        enqueue(root, "hq-mayor", "overseer", text)
    reader = read_own(root, "hq-mayor")
    assert next(reader) == "[from overseer] one"
    assert next(reader) == "[from overseer] two"
    assert [one.text for one in way.on_the_way(root, "hq-mayor")] == ["[from overseer] two"]
    assert len(way.deliveries(root, "hq-mayor")) == 1


class Killed(BaseException):
    """No handler of errors sees it, as none sees a kill."""


@pytest.mark.parametrize("where", ["nudge claimed", "nudge typed", "nudge submitted", "nudge settled"])
def test_a_sender_that_is_killed_anywhere_leaves_one_delivery(server, town_root, monkeypatch, where):
    """The next attempt finds the nudge in its queue, in the input row, or proved."""
    start_agent(server, town_root)

    def killed(name):
        if name == where:
            raise Killed

    with monkeypatch.context() as patch:
        for module in ("gastown_core.messaging.handover.point", "gastown_core.messaging.typist.point"):
            patch.setattr(module, killed)
        with pytest.raises(Killed):
            list(nudge(town_root, MAYOR, "only once", "overseer", server=server))

    def is_done():
        for _ in Typist(town_root, MAYOR, server).attempt():
            pass
        return not waiting(town_root, "hq-mayor") and not way.on_the_way(town_root, "hq-mayor")

    until(is_done, "it is delivered", 15.0)
    assert transcript(os.path.join(town_root, "mayor")) == ["[from overseer] only once"]
    assert len(way.deliveries(town_root, "hq-mayor")) == 1
