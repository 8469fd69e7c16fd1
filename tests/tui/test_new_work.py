"""An operator writes down new work: a bead, a convoy, a rig; and watches what takes long."""

from __future__ import annotations

import threading

from gastown_core.beads.query import Excerpt
from gastown_core.model.order import Order, Receipt
from gastown_core.orders.task import Task
from gastown_tui.dialogs.bead_form import BeadForm
from gastown_tui.dialogs.confirm import Confirm
from gastown_tui.dialogs.convoy_form import BeadsPicker
from gastown_tui.dialogs.task_list import TaskList
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeEngine

WIDE, SMALL = (120, 36), (60, 15)


def ready(*ids: str) -> list[tuple[str, Excerpt]]:
    def bead(name: str) -> Excerpt:
        return Excerpt(name, f"Work {name}", "open", 2, "task", "", NOW, NOW, 0.0, 0.0, (), (), False, False)

    return [("shop", bead(name)) for name in ids]


async def settle(app: Console, pilot, condition) -> None:
    for _ in range(2000):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(app.screen_text())


async def test_a_new_bead_is_written_down_on_one_page_even_on_a_small_screen() -> None:
    for size in (WIDE, SMALL):
        app = Console()
        async with app.run_test(size=size) as pilot:
            await pilot.press("B")
            assert isinstance(app.screen, BeadForm)
            await pilot.press(*"Fix it", "right", "down", "right", "down", "right")
            text = app.screen_text()
            assert "billing" in text and "bug" in text and "Fix it" in text and "save" in text, text
            await pilot.press("enter")
            await settle(app, pilot, lambda: app.hands.performed)
            (order,) = app.hands.performed
            assert (order.kind, order.target) == ("bead.create", "billing")
            assert order.arguments == {"title": "Fix it", "type": "bug", "priority": "3", "description": ""}


async def test_ctrl_s_slings_what_was_written_down_and_esc_keeps_it() -> None:
    class Engine(FakeEngine):
        def perform(self, order, notify, task=None) -> bool:
            self.stages = ["gt-new1"] if order.kind == "bead.create" else ["started"]
            ok = super().perform(order, lambda one: notify(one._replace(detail="gt-new1")), task)
            return ok

    app = Console(engine=Engine())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("B", *"Fix", "escape")
        assert "what you typed is kept" in app.screen_text()
        assert not app.hands.performed
        await pilot.press("B", *" it", "ctrl+s")
        await settle(app, pilot, lambda: len(app.hands.performed) == 2)
        made, slung = app.hands.performed
        assert made.arguments["title"] == "Fix it"
        assert (slung.kind, slung.target, slung.arguments) == ("bead.sling", made.target, {"bead": "gt-new1"})
        await pilot.press("B", "enter")
        assert "type a title" in app.screen_text()


async def test_what_could_not_be_written_down_is_offered_again() -> None:
    class Engine(FakeEngine):
        def perform(self, order, notify, task=None) -> bool:
            self.performed.append(order)
            notify(Receipt(order.kind, order.target, "failed", "no space left on device", ok=False, final=True))
            return False

    app = Console(engine=Engine())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("B", *"A long story", "enter")
        await settle(app, pilot, lambda: "no space left" in app.screen_text())
        await pilot.press("B")
        await settle(app, pilot, lambda: "A long story" in app.screen_text())
        await pilot.press("escape")


async def test_the_palette_takes_the_title_of_a_new_bead() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *"new bead Mend the door", "enter")
        await settle(app, pilot, lambda: app.hands.performed)
        assert app.hands.performed[0].arguments == {"title": "Mend the door"}


async def test_ready_beads_without_a_convoy_become_one() -> None:
    app = Console()
    app.hands.ready_beads = lambda: ready("gt-a1", "gt-m0001", "gt-b2", "gt-c3")
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("K")
        await settle(app, pilot, lambda: isinstance(app.screen, BeadsPicker))
        await pilot.pause()
        assert "gt-m0001" not in app.screen_text(), "it has a convoy"
        await pilot.press("tab", "down", "tab")
        assert "2 marked" in app.screen_text()
        await pilot.press("enter", *"Doors", "enter")
        await settle(app, pilot, lambda: app.hands.performed)
        order = app.hands.performed[0]
        assert (order.kind, order.arguments) == ("convoy.create", {"name": "Doors", "beads": "gt-a1 gt-c3"})


async def test_a_rig_is_cloned_from_a_url_under_a_name_that_is_offered() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *"add rig", "enter", *"git@host:me/my-app.git", "enter")
        assert "my_app" in app.screen_text()
        await pilot.press("enter")
        await settle(app, pilot, lambda: app.hands.performed)
        assert app.hands.performed[0].arguments == {"name": "my_app", "url": "git@host:me/my-app.git"}


async def test_what_takes_long_is_listed_and_can_be_cancelled() -> None:
    engine = FakeEngine()
    engine.step = threading.Event()
    app = Console(engine=engine)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("n", "enter")
        await settle(app, pilot, lambda: app.hands.performed)
        await pilot.press("Z")
        await settle(app, pilot, lambda: isinstance(app.screen, TaskList))
        await pilot.pause()
        (task,) = app.feed.tasks.running()
        assert task.what in app.screen_text() and "starting" in app.screen_text()
        await pilot.press("x")
        assert task.is_cancelled and "being cancelled" in app.screen_text()
        for _ in engine.stages:
            engine.step.set()
            await settle(app, pilot, lambda: not engine.step.is_set())
        await settle(app, pilot, lambda: not app.feed.tasks.running())
        await settle(app, pilot, lambda: "turn started" in app.screen_text())


async def test_quitting_while_something_runs_asks_first() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        task = Task("clone of my_app", NOW - 60)
        app.feed.tasks.tasks.append(task)
        await pilot.press("q")
        assert isinstance(app.screen, Confirm) and "clone of my_app" in app.screen_text()
        await pilot.press("escape")
        assert not task.is_cancelled and app.screen is app.feed
        await pilot.press("q", "y")
        assert task.is_cancelled
        assert app.return_code == 0


async def test_a_read_only_console_writes_nothing_down() -> None:
    app = Console(readonly=True)
    async with app.run_test(size=WIDE) as pilot:
        for key in ("B", "K"):
            await pilot.press(key)
            assert app.screen is app.feed and "read-only" in app.screen_text()


async def test_a_slings_receipt_ends_with_the_agent_that_has_started() -> None:
    app = Console()
    async with app.run_test(size=WIDE) as pilot:
        app.hands.stages = ["queued"]
        app.feed.acts.perform(Order("bead.sling", "shop", {"bead": "gt-new1"}), "sling of gt-new1 to shop")
        await settle(app, pilot, lambda: "sling of gt-new1 to shop: queued" in app.screen_text())
        amber = next(one for one in app.snapshot.agents if one.address.name == "amber")
        amber = amber._replace(work=amber.work._replace(bead_id="gt-new1"))
        agents = tuple(amber if one.key == amber.key else one for one in app.snapshot.agents)
        app.fake.put(app.snapshot._replace(agents=agents, version=2))
        await settle(app, pilot, lambda: "billing/amber started" in app.screen_text())


async def test_of_a_long_receipt_the_newest_stage_is_seen() -> None:
    app = Console()
    async with app.run_test(size=SMALL) as pilot:
        app.show_receipt(
            "nudge to opal", ["queued for a minute", "typed into its session", "turn started"], is_done=True
        )
        await pilot.pause()
        assert "turn started" in app.screen_text().splitlines()[-1]
