from __future__ import annotations

import random

from gastown_core.orders.registry import ORDERS
from gastown_tui.keymap import LEAVE, PLACES, Keymap, collisions, with_keys
from gastown_tui.keys import ACTIONS, BY_ID, GROUPS, OWN, applies, key_name, keys_text
from tests.support.console import Console

KEYMAP = Keymap()
meant, hints = KEYMAP.meant, KEYMAP.hints


def test_ids_are_unique_and_every_group_is_known() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert {action.group for action in ACTIONS} | {OWN} == set(GROUPS)


def test_no_key_means_two_things_at_one_place() -> None:
    for place in PLACES:
        for key in KEYMAP.all_keys:
            found = [action.id for action in KEYMAP.actions_of(key) if applies(action, place)]
            assert len(found) <= 1, (key, place, found)
        assert not any(LEAVE in action.keys for action in ACTIONS)
    assert collisions(ACTIONS) == []


def test_collisions_finds_every_key_that_is_given_twice() -> None:
    """Each action is given the keys of twelve others: exactly where both apply at one place, that is a collision."""
    rng = random.Random(12)
    for one in ACTIONS:
        for other in rng.sample(ACTIONS, 12):
            if one is other or not other.keys:
                continue
            meets = any(applies(one, place) and applies(other, place) for place in PLACES)
            found = collisions(with_keys({one.id: (other.keys[0],)}))
            assert bool([pair for pair in found if {pair.first.id, pair.second.id} == {one.id, other.id}]) == meets


def test_every_order_of_the_core_has_its_key_here() -> None:
    for order in ORDERS:
        assert BY_ID[order.id].keys == ((order.key,) if order.key else ())


def test_space_pauses_events_and_marks_agents() -> None:
    assert meant("space", "events").id == "stream.pause"
    assert meant("space", "agents").id == "rows.mark"


def test_keys_are_written_for_people() -> None:
    assert key_name("ctrl+d") == "Ctrl-D"
    assert key_name("enter", ascii_only=True) == "Enter"
    assert all(keys_text(action) for action in ACTIONS)


def test_hints_belong_to_the_place() -> None:
    for place in PLACES:
        assert hints(place)
        assert all(place in action.where or action.where == ("anywhere",) for action in hints(place))


async def test_every_action_is_an_order_or_has_one_owner() -> None:
    app = Console()
    async with app.run_test():
        feed = app.feed
        owners = (feed.stage, feed.navigation, feed.inspector, feed.search, feed.merge_queue)
        claimed = [name for owner in owners for name in owner.actions()]
        assert len(claimed) == len(set(claimed))
        orders = {order.id for order in ORDERS} | {"agent.nudge_marked"}
        assert not orders & feed.dispatch.handlers.keys()
        assert orders | feed.dispatch.handlers.keys() == BY_ID.keys()
