"""The inbox as an operator uses it: after lunch, with many agents, on a small screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gastown_core.attention.marks import Mark
from gastown_core.model.agent import Health, Question
from gastown_core.model.snapshot import EscalationView, GateView, LetterView, TownSnapshot
from gastown_tui.selection import Selection
from gastown_tui.text import title_sequence
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeLive, agent, snapshot, standard_stream

SIZES = {"160x45": (160, 45), "80x24": (80, 24), "60x15": (60, 15)}
ASKED = Question(
    "permission",
    "Bash: npm install left-pad",
    "Bash command\n\n  npm install left-pad\n  Install the package\n\nDo you want to proceed?",
    ("1 Yes", "2 Yes, and don't ask again for npm install commands", "3 No, tell it what to do instead"),
    0,
    "0123456789ab",
)


def asking(path: str, *, since: float, asks: Question = ASKED):
    return agent(path, Health.WAITING, since=since, pane="%8", work=("gt-p2w8d", "Cart total", 300, ""), asks=asks)


def busy_town() -> TownSnapshot:
    """An agent that asks, two that need help, an escalation, a gate and a letter."""
    town = snapshot()
    agents = tuple(view._replace(asks=ASKED) if view.key == "shop/polecats/ruby" else view for view in town.agents)
    raised = EscalationView(
        "hq-e1",
        "3 workers died on bl-77aa1",
        1,
        NOW - 900,
        reason="the last one ended with status 70",
        about="bl-77aa1",
    )
    return town._replace(
        agents=agents,
        escalations=1,
        escalated=(raised,),
        letters=(LetterView("hq-m1", "Which currency for the invoices?", "mayor", 2, NOW - 4000),),
        gates=(GateView("gt-g1", "Gate: release", "may 1.2 be released?", NOW - 7200),),
        behind={"gt-p2w8d": ("gt-a1", "gt-a2")},
    )


def with_news(town: TownSnapshot) -> TownSnapshot:
    """The town with mail that only informs."""
    news = (("hq-m8", "🚚 Convoy landed: Bug fixes", "daemon"), ("hq-m9", "Re: Which currency?", "mayor"))
    letters = (LetterView(one, subject, sender, 2, NOW - 500, informs=True) for one, subject, sender in news)
    return town._replace(letters=(*town.letters, *letters))


def calm_town() -> TownSnapshot:
    return snapshot((agent("mayor", Health.WORKING, pane="%1"), agent("shop/polecats/opal", pane="%7")), ())


async def until(pilot, condition: Callable[[], object], what: str = "") -> None:
    for _ in range(2000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


class Loud(Console):
    """A console that notes its bells and titles."""

    def __init__(self, live: FakeLive) -> None:
        super().__init__(live)
        self.bells = 0
        self.titles: list[str] = []

    def ring(self) -> None:
        self.bells += 1

    def name_terminal(self, words: str) -> None:
        if not self.titles or self.titles[-1] != words:
            self.titles.append(words)


async def test_an_operator_comes_back_after_lunch_and_answers_without_leaving() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.pause()
        assert "✋ 5 need you" in app.screen_text()
        await pilot.press("i")
        # the question, its choices, what it holds up and the pane, without another key
        for words in ("NEEDS YOU 5", "npm install left-pad", "1 Yes", "gt-a1, gt-a2", "may 1.2 be released?"):
            await until(pilot, lambda w=words: w in app.screen_text(), words)
        await until(pilot, lambda: "Claude asks" in app.screen_text(), "the live pane")
        await until(pilot, lambda: "Retry with backoff" in app.screen_text(), "the last commits")
        await pilot.press("3")
        await until(pilot, lambda: app.hands.performed, "an answer")
        order = app.hands.performed[-1]
        assert (order.kind, order.target) == ("agent.answer", "shop/ruby")
        assert order.arguments == {"choice": "0123456789ab:3"}, "the question that was seen goes with the answer"


async def test_an_operator_says_no_and_why_and_what_no_choice_says() -> None:
    colour = Question(
        "dialog", "Which colour?", "Which colour?", ("1 Red", "2 Blue", "3 Type something."), 0, "abcdefabcdef"
    )
    town = busy_town()
    asks = {"shop/polecats/ruby": ASKED, "shop/polecats/opal": colour}
    town = town._replace(agents=tuple(one._replace(asks=asks.get(one.key), health=one.health) for one in town.agents))
    app = Console(FakeLive(town, standard_stream(50)))
    async with app.run_test(size=SIZES["80x24"]) as pilot:
        await pilot.press("i")
        app.feed.stage.inbox.select(Selection("item", "", "question:shop/polecats/ruby"))
        await pilot.press("W")
        await until(pilot, lambda: "Your words go with: No, tell it what" in app.screen_text(), "what they go with")
        await pilot.press("escape")
        assert app.hands.performed == []
        await pilot.press("W", *"no: why?", "enter")
        await until(pilot, lambda: app.hands.performed, "an answer")
        assert app.hands.performed[-1].arguments == {"choice": "0123456789ab:3", "words": "no: why?"}


async def test_capital_j_jumps_to_the_oldest_that_waits_and_on_from_anywhere() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("3", "J")
        seen = []
        for _ in range(6):
            item = app.feed.stage.inbox.item
            assert item is not None and app.feed.view == "inbox"
            seen.append(item.key)
            await pilot.press("J")
        assert seen[:3] == ["gate:gt-g1", "mail:hq-m1", "stuck:hq-cv-9zz0e"]
        assert len(set(seen[:5])) == 5 and seen[5] == seen[0]


async def test_a_row_is_snoozed_pinned_done_and_taken_back() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(50)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i", "j", "e")
        await until(pilot, lambda: "hq-e1" not in str(app.feed.inbox.found.shown), "the escalation is gone")
        assert "✋ 4 need you" in app.screen_text()
        await pilot.press("U")
        await until(pilot, lambda: "✋ 5 need you" in app.screen_text(), "it is back")
        await pilot.press("G", "k", "k", "k", "*")
        await until(pilot, lambda: app.feed.inbox.found.shown[0].is_pinned, "a pinned row is first")
        await pilot.press("g", "w", "down", "enter")
        await until(pilot, lambda: "✋ 4 need you" in app.screen_text(), "the pinned row is snoozed")
        assert app.feed.inbox.found.hidden[0].snoozed_until == NOW + 900


async def test_marked_agents_get_the_answer_only_if_they_ask_literally_the_same() -> None:
    other = ASKED._replace(text="Bash command\n npm install left-pad && rm -rf /", id="f" * 12)
    agents = (
        asking("shop/polecats/ruby", since=300),
        asking("shop/polecats/opal", since=200),
        asking("billing/polecats/onyx", since=100, asks=other),
        asking("shop/polecats/jade", since=50),
    )
    app = Console(FakeLive(snapshot(agents, ()), standard_stream(10)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i", "space", "j", "space", "j", "space", "g", "1")
        await until(pilot, lambda: len(app.hands.performed) == 2, "two answers")
        assert [order.target for order in app.hands.performed] == ["shop/ruby", "shop/opal"]
        await until(pilot, lambda: "not to onyx: it asks something else" in app.screen_text(), "who got no answer")


async def test_a_digit_that_is_no_choice_and_a_row_that_asks_nothing_press_no_key() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(10)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i", "9")
        assert "there are 3 choices" in app.screen_text()
        await pilot.press("j", "1")
        assert "cannot be answered by a digit" in app.screen_text()
        assert not app.hands.performed


async def test_a_row_offers_the_orders_that_settle_it() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(10)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i", "j", "O")
        await until(pilot, lambda: "take on" in app.screen_text(), "the acts")
        await pilot.press("enter")
        await until(pilot, lambda: app.hands.performed, "the act")
        order = app.hands.performed[-1]
        assert (order.kind, order.target) == ("escalation.ack", "hq-e1")


async def test_the_bell_rings_when_the_inbox_fills_and_never_twice_for_one_thing() -> None:
    live = FakeLive(calm_town(), standard_stream(10))
    app = Loud(live)
    waits = snapshot((asking("shop/polecats/ruby", since=10),), ())
    async with app.run_test(size=SIZES["80x24"]) as pilot:
        await pilot.pause()
        assert app.titles == ["demo: gt feed"] and not app.bells
        live.put(waits)
        await until(pilot, lambda: app.bells == 1, "a bell")
        assert app.titles[-1] == "(1) demo: 1 needs you"
        live.put(waits._replace(version=2))
        more = snapshot((*waits.agents, asking("shop/polecats/opal", since=5)), ())
        live.put(more)
        await until(pilot, lambda: app.titles[-1].startswith("(2)"), "the title")
        assert app.bells == 1, "it was not empty before"


async def test_what_waits_already_at_the_start_rings_no_bell() -> None:
    app = Loud(FakeLive(busy_town(), standard_stream(10)))
    async with app.run_test(size=SIZES["80x24"]) as pilot:
        await pilot.pause()
        assert app.titles == ["(5) demo: 5 need you"] and not app.bells


def test_no_control_character_of_a_name_reaches_the_terminals_title() -> None:
    sent = title_sequence("(1) de\x1bmo\x07\n\x9d: 1 needs you")
    inner = sent.removeprefix("\x1b]2;").removesuffix("\x07")
    assert inner.isprintable() and len(sent) - len(inner) == 5


async def test_nobody_needs_you_only_when_the_list_is_empty() -> None:
    live = FakeLive(calm_town(), standard_stream(10))
    app = Console(live)
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: "Nobody needs you." in app.screen_text(), "calm")
        await pilot.press("p")
        await until(pilot, lambda: "Nobody needs you:" in app.screen_text(), "calm in the problems too")
        live.put(calm_town()._replace(letters=(LetterView("hq-m1", "Which one?", "mayor", 2, NOW),)))
        await until(pilot, lambda: "ALSO WAITING 1" in app.screen_text(), "a letter")
        assert "Nobody needs you" not in app.screen_text()


async def test_what_only_informs_stands_last_rings_nothing_and_counts_nowhere() -> None:
    live = FakeLive(calm_town(), standard_stream(10))
    app = Loud(live)
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i")
        live.put(with_news(calm_town()))
        await until(pilot, lambda: "TO READ 2" in app.screen_text(), "the letters")
        assert "Nobody needs you." in app.screen_text() and "all clear, 2 to read" in app.screen_text()
        assert not app.bells and app.titles == ["demo: gt feed"] and "✋ 0 need you" in app.screen_text()
        await pilot.press("J")
        assert "nobody waits" in app.screen_text()
        await pilot.press("p")
        await until(pilot, lambda: "Nobody needs you: all" in app.screen_text(), "calm in the problems")
        assert "ALSO WAITING" not in app.screen_text()
        live.put(with_news(busy_town()))
        await pilot.press("i")
        await until(pilot, lambda: app.titles[-1] == "(5) demo: 5 need you", "the count")
        assert [one.needs for one in app.feed.inbox.found.shown][-2:] == ["reading", "reading"]
        await pilot.press("G", "e")
        await until(pilot, lambda: "TO READ 1" in app.screen_text(), "one is done")


async def test_all_that_is_to_be_read_goes_with_one_key_and_comes_back_with_one() -> None:
    app = Console(FakeLive(with_news(busy_town()), standard_stream(10)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: "TO READ 2" in app.screen_text(), "the letters")
        await pilot.press("E")
        await until(pilot, lambda: "TO READ" not in app.screen_text(), "all read")
        assert "2 rows marked as read; U takes it back" in app.screen_text() and "NEEDS YOU" in app.screen_text()
        await pilot.press("E")
        await until(pilot, lambda: "nothing is to be read" in app.screen_text(), "why not")
        await pilot.press("U")
        await until(pilot, lambda: "TO READ 2" in app.screen_text(), "back")


async def test_a_mark_of_the_command_line_is_seen_here() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(10)))
    async with app.run_test(size=SIZES["160x45"]) as pilot:
        await pilot.press("i")
        row = app.feed.inbox.found.shown[0]
        app.hands.inbox_marks = {row.key: Mark("snoozed", NOW + 60, row.stamp, False, NOW)}
        app.feed.show_all()
        await until(pilot, lambda: "1 snoozed" in app.screen_text(), "hidden")


def settled(keys: list[str]):
    async def press(pilot) -> None:
        await pilot.press(*keys)
        await until(pilot, lambda: "reading …" not in pilot.app.screen_text(), "all is read")
        for _ in range(5):
            await pilot.pause()

    return press


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", ["inbox", "problems", "empty", "act", "news", "calm-news"])
def test_pictures(snap_compare, name: str, size: str) -> None:
    town = calm_town() if name in ("empty", "calm-news") else busy_town()
    town = with_news(town) if "news" in name else town
    keys = {"problems": ["p"], "act": ["i", "j", "O"]}.get(name, ["i"])
    assert snap_compare(
        Console(FakeLive(town, standard_stream(50))), run_before=settled(keys), terminal_size=SIZES[size]
    )


async def test_a_gate_is_opened_from_its_row_after_a_question() -> None:
    app = Console(FakeLive(busy_town(), standard_stream(10)))
    async with app.run_test(size=SIZES["80x24"]) as pilot:
        await pilot.press("i", "j", "j", "O", "enter")
        await until(pilot, lambda: "What waits behind it goes on" in app.screen_text(), "what it does")
        assert not app.hands.performed
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.hands.performed, "the order")
        order = app.hands.performed[-1]
        assert (order.kind, order.target) == ("gate.resolve", "gt-g1")
