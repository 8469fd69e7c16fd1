from __future__ import annotations

from gastown_core.orders.registry import ORDERS
from gastown_tui.keys import ACTIONS, BY_ID, GROUPS, actions_of, hints, key_name, keys_text, meant
from gastown_tui.layout import VIEWS
from gastown_tui.screens.feed import ALL_KEYS
from tests.support.console import Console

PLACES = (*(name for names in VIEWS.values() for name in names), "drawer")


def test_ids_are_unique_and_every_group_is_known() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert {action.group for action in ACTIONS} == set(GROUPS)


def test_no_key_means_two_things_at_one_place() -> None:
    for key in ALL_KEYS:
        for place in PLACES:
            found = [action for action in actions_of(key) if place in action.where or action.where == ("anywhere",)]
            assert len(found) <= 1, (key, place, [action.id for action in found])


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
