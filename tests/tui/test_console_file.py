"""settings/console.toml: remapped keys, own commands, theme and read-only, checked as a whole and read again while running."""

from __future__ import annotations

import ast
import asyncio
import os
import random
import re
from pathlib import Path

import pytest

from gastown_core.errors import GastownError, UsageError
from gastown_core.orders.act_log import command_log
from gastown_core.orders.own_command import filled, run_own
from gastown_core.orders.registry import ORDERS
from gastown_tui.app import run_feed
from gastown_tui.console_file import FILE, ConsoleSettings, key_of, read_console_file
from gastown_tui.core_calls import CoreCalls
from gastown_tui.keymap import LEAVE, PLACES, Keymap, collisions
from gastown_tui.keys import ACTIONS, BY_ID, FIXED, applies, changes_something
from gastown_tui.selection import AGENT, Selection
from tests.support.console import Console
from tests.support.fake_town import FakeEngine, FakeLive

GOOD = """\
theme = "light"

[keys]
"agent.nudge" = "F5"
agent.stop = ["F7", "Ctrl-O"]
"agent.handoff" = ""

[[command]]
name = "say it"
key = "%"
where = ["agents", "problems"]
run = ["say", "--to", "{agent}", "{words} for {bead}"]
asks = { words = "What to say?" }
"""


async def until(pilot, condition, what: str = "") -> None:
    for _ in range(3000):
        if condition():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came: {what}\n{pilot.app.screen_text()}")


def write(root, text: str) -> None:
    os.makedirs(os.path.join(root, "settings"), exist_ok=True)
    # as an editor saves: a new file in place of the old one
    path = os.path.join(root, FILE)
    with open(path + ".new", "w", encoding="utf-8") as handle:
        handle.write(text)
    os.replace(path + ".new", path)


def console_at(root, engine: FakeEngine | None = None, **options) -> Console:
    live = FakeLive()
    live.root = str(root)
    return Console(live, engine, **options)


# the file


def test_a_good_file_changes_keys_and_adds_commands() -> None:
    found, problems = read_console_file(GOOD)
    assert problems == () and found.theme == "light" and not found.is_readonly
    keymap = Keymap(found.actions)
    assert keymap.by_id["agent.nudge"].keys == ("f5",)
    assert keymap.by_id["agent.stop"].keys == ("f7", "ctrl+o")
    assert keymap.by_id["agent.handoff"].keys == () and keymap.meant("h", "agents") is None
    assert keymap.meant("%", "agents").id == "own.say it" == found.commands[0].id
    assert collisions(found.actions) == []


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("[keys]\n\n# nudge\n'agent.nudg' = 'x'\n", 4, "unknown action agent.nudg", "agent.nudge"),
        ("[keys]\nagent.nudg = 'x'\n", 2, "unknown action agent.nudg", "agent.nudge"),
        ('[keys]\n"agent.nudge" = "Ctrl-"\n', 2, "there is no key Ctrl-", "Ctrl-O"),
        ('[keys]\n"agent.nudge" = 7\n', 2, "a key is a text", "Ctrl-O"),
        ('[keys]\n"agent.nudge" = "x"\n', 2, "x would mean two things in agents: agent.nudge and agent.stop", '"agent.stop" = ""'),
        ('[keys]\n"agent.nudge" = "Ctrl-Q"\n', 2, "Ctrl-Q always quits", "another"),
        ('[keys]\n"inbox.answer" = "a"\n', 2, "the keys of inbox.answer cannot be changed", ""),
        ('theme = "ligth"\n', 1, "unknown theme ligth", "light"),
        ('readonly = "yes"\n', 1, "readonly is true or false", ""),
        ('\nthemes = "light"\n', 2, "unknown setting themes", "theme"),
        ('a = 1\nb = [1,\n', 2, "", "TOML"),
        ('[[command]]\nrun = ["x"]\n', 1, "a command needs a name", "name ="),
        ('[[command]]\nname = "a"\nrun = "rm -rf x"\n', 3, "a needs run, a list of words", "run = ["),
        ('[[command]]\nname = "a"\nrun = ["x"]\n[[command]]\nname = "b"\nrun = ["x", "{agnet}"]\n', 6, "unknown value {agnet}", "agent"),
        ('[[command]]\nname = "a"\nrun = ["x"]\nshow = "page"\n', 4, "show cannot be page", "pager"),
        ('[[command]]\nname = "a"\nrun = ["x"]\nwhere = ["agent"]\n', 4, "there is no place agent", "agents"),
        ('[[command]]\nname = "a"\nrun = ["x"]\nkey = "n"\n', 4, "n would mean two things in agents: own.a and agent.nudge", ""),
        ('[[command]]\nname = "a"\nrun = ["x"]\n[[command]]\nname = "a"\nrun = ["x"]\n', 5, "there are two commands a", ""),
        ('[[command]]\nname = "a"\nrun = ["x"]\nasks = { agent = "Who?" }\n', 4, "{agent} is known without asking", ""),
        ('[[command]]\nname = "a"\nruns = ["x"]\nrun = ["x"]\n', 3, "unknown field runs of a command", "run"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_what_is_near(text: str, line: int, words: str, hint: str) -> None:
    _, problems = read_console_file(text)
    assert len(problems) == 1, problems
    assert problems[0].line == line and problems[0].words.startswith(words) and hint in problems[0].hint


def test_every_action_but_the_fixed_ones_can_be_given_a_key_of_its_own() -> None:
    for action in ACTIONS:
        if action.id in FIXED:
            continue
        found, problems = read_console_file(f'[keys]\n"{action.id}" = "F9"\n')
        assert problems == () and Keymap(found.actions).by_id[action.id].keys == ("f9",)


def test_after_any_accepted_remapping_no_key_means_two_things() -> None:
    """Each action is given seven keys of others: what is accepted has no collision, what has one is refused."""
    rng = random.Random(12)
    keys = [key for key in Keymap().all_keys if key_of(key) == key]
    assert len(keys) > 40
    for action in ACTIONS:
        if action.id in FIXED:
            continue
        for key in rng.sample(keys, 7):
            written = key.replace("\\", "\\\\").replace('"', '\\"')
            found, problems = read_console_file(f'[keys]\n"{action.id}" = "{written}"\n')
            for place in PLACES:
                twice = [one for one in found.actions if key in one.keys and applies(one, place)]
                assert len(twice) <= 1 or problems, (action.id, key, place)
            assert not any(LEAVE in one.keys for one in found.actions)


def test_the_last_good_file_stays_in_force(tmp_path) -> None:
    settings = ConsoleSettings(str(tmp_path))
    assert not settings.look(), "there is no file"
    write(tmp_path, GOOD)
    assert settings.look() and settings.good.theme == "light" and not settings.look()
    write(tmp_path, "theme = 'drak'\n")
    assert settings.look() and settings.good.theme == "light"
    assert settings.problems[0].text == "settings/console.toml line 1: unknown theme drak; did you mean dark?"
    write(tmp_path, "theme = 'dark'\n")
    assert settings.look() and settings.good.theme == "dark" and settings.problems == ()
    os.remove(tmp_path / FILE)
    assert settings.look() and settings.good.theme == ""


# in the console


async def test_help_palette_and_hints_show_the_keys_in_force_and_follow_the_file(tmp_path) -> None:
    write(tmp_path, GOOD)
    app = console_at(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        assert app.look.theme.name == "light"
        await until(pilot, lambda: "F5 nudge" in app.screen_text(), "the hint")
        await pilot.press("f5")
        await until(pilot, lambda: "Typed at its empty prompt" in app.screen_text(), "the nudge dialog")
        await pilot.press("escape", "h")
        await until(pilot, lambda: "Hand off" not in app.screen_text(), "no hand-off on h")
        await pilot.press("?")
        await until(pilot, lambda: "F5 " in app.screen_text(), "the help")
        await pilot.press("G")
        await until(pilot, lambda: "Your own commands" in app.screen_text(), "the end of the help")
        await pilot.press("escape", ":", *"say it")
        await until(pilot, lambda: "say it" in app.screen_text() and "%" in app.screen_text(), "the palette")
        await pilot.press("escape")
        write(tmp_path, GOOD.replace("F5", "F6").replace("light", "dark"))
        await until(pilot, lambda: "F6 nudge" in app.screen_text(), "the new key")
        assert app.look.theme.name == "dark" and "settings/console.toml is in force" in app.screen_text()
        write(tmp_path, GOOD.replace("F5", "nonsense"))
        await until(pilot, lambda: "line 4: there is no key nonsense" in app.screen_text(), "the mistake")
        await pilot.press("f6")
        await until(pilot, lambda: "Typed at its empty prompt" in app.screen_text(), "the last good key")


async def test_rows_of_the_problems_name_the_keys_in_force(tmp_path) -> None:
    write(tmp_path, '[keys]\n"agent.answer" = "F7"\n"agent.restart" = ""\n')
    app = console_at(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("p")
        await until(pilot, lambda: "F7 answer" in app.screen_text(), "the key in force")
        assert "y answer" not in app.screen_text()
        assert ": restart restart" in app.screen_text() and " r restart" not in app.screen_text()


async def test_a_mistake_at_the_start_is_told_and_the_page_has_all_of_them(tmp_path) -> None:
    write(tmp_path, 'theme = "drak"\n[keys]\n"agent.nudg" = "x"\n')
    app = console_at(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "line 1: unknown theme drak" in app.screen_text(), "the mistake")
        app.feed.dispatch.run("settings.open")
        await until(pilot, lambda: "did you mean agent.nudge" in app.screen_text(), "the page")
        assert "did you mean dark" in app.screen_text()


async def test_an_own_command_asks_confirms_and_runs_each_word_as_one(tmp_path) -> None:
    write(tmp_path, GOOD + "confirm = true\n")
    engine = FakeEngine()
    app = console_at(tmp_path, engine)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("g", "%")
        await until(pilot, lambda: "has no agent" in app.screen_text(), "a reason on the town's own row")
        await until(pilot, lambda: app.feed.agents.select(_row_with_work(app)), "an agent with work")
        await pilot.press("%")
        await until(pilot, lambda: "What to say?" in app.screen_text(), "the question")
        await pilot.press(*"a; b", "enter")
        await until(pilot, lambda: "Run" in app.screen_text() and "a; b for" in app.screen_text(), "the whole command")
        await pilot.press("y")
        await until(pilot, lambda: engine.own_run, "the command")
        work = app.feed.chosen.agent
        assert engine.own_run == [(["say", "--to", work.address.short, f"a; b for {work.work.bead_id}"], "")]
        await until(pilot, lambda: "said" in app.screen_text(), "its last line")


def _row_with_work(app: Console):
    agent = next(one for one in app.snapshot.agents if one.work is not None)
    return Selection(AGENT, "", agent.key)


# read-only


async def test_a_read_only_console_refuses_whatever_changes_something(tmp_path) -> None:
    app = console_at(tmp_path, readonly=True)
    async with app.run_test(size=(160, 45)) as pilot:
        assert "READ-ONLY" in app.screen_text()
        before = dict(app.hands.inbox_marks)
        changing = [action for action in ACTIONS if changes_something(action)]
        assert {order.id for order in ORDERS} <= {action.id for action in changing}
        for action in changing:
            app.feed.dispatch.run(action.id)
            await until(pilot, lambda: "the console is read-only" in app.screen_text(), action.id)
            assert app.screen is app.feed, f"{action.id} opened a dialog"
            app.say("")
        assert app.hands.performed == [] and app.hands.inbox_marks == before


async def test_what_changes_nothing_still_works_read_only(tmp_path) -> None:
    write(tmp_path, "readonly = true\n")
    app = console_at(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        for action in ("view.inbox", "inbox.next", "help.open"):
            app.feed.dispatch.run(action)
            await pilot.pause()
            assert "read-only" not in app.feed.status.message
        await pilot.press("escape")
        write(tmp_path, "readonly = false\n")
        await until(pilot, lambda: "READ-ONLY" not in app.screen_text(), "the file is read again")


def test_the_calls_of_a_read_only_console_refuse_by_themselves(tmp_path) -> None:
    calls = CoreCalls(str(tmp_path))
    calls.is_readonly = True
    from gastown_core.model.order import Order

    told = []
    assert not calls.perform(Order("scheduler.pause", ""), told.append)
    assert [one.ok for one in told] == [False] and "read-only" in told[0].detail
    for act in (
        lambda: calls.mark_row("undo", None, 0.0, 0.0),
        lambda: calls.archive_mail("hq-1", "overseer"),
        lambda: calls.answer_mail("hq-1", "x"),
        lambda: calls.run_own(["true"], ""),
        lambda: calls.run_own_attached(["true"], ""),
    ):
        with pytest.raises(GastownError, match="read-only"):
            act()
    assert os.listdir(tmp_path) == []


# the words


def test_values_stay_one_word_and_no_shell_sees_them(tmp_path) -> None:
    words = filled(["printf", "%s|", "{a}", "x{b}y"], {"a": "one; rm -rf *", "b": "$(id) 'q'"})
    assert words == ["printf", "%s|", "one; rm -rf *", "x$(id) 'q'y"]
    assert run_own(str(tmp_path), words, cwd="") == "one; rm -rf *|x$(id) 'q'y|"
    assert command_log[-1].ok and command_log[-1].command.startswith("printf")
    with pytest.raises(UsageError, match="the selection has no agent"):
        filled(["x", "{agent}"], {"agent": ""})


def test_a_command_that_fails_says_how(tmp_path) -> None:
    with pytest.raises(GastownError, match="sh ended with status 3: no such order"):
        run_own(str(tmp_path), ["sh", "-c", "echo no such order >&2; exit 3"], cwd="")
    assert not command_log[-1].ok and command_log[-1].detail == "no such order"
    with pytest.raises(GastownError):
        run_own(str(tmp_path), ["no-such-program-here"], cwd="")
    assert not command_log[-1].ok and command_log[-1].detail


def test_an_unknown_theme_is_a_usage_error(tmp_path) -> None:
    with pytest.raises(UsageError) as caught:
        run_feed(str(tmp_path), theme="ligth")
    assert "did you mean light" in caught.value.hint


def test_every_action_has_its_id_in_the_table_of_the_settings() -> None:
    assert BY_ID.keys() <= {action.id for action in read_console_file("")[0].actions}


async def test_messages_name_the_keys_in_force(tmp_path) -> None:
    write(tmp_path, '[keys]\n"search.open" = "F7"\n"quit" = "F8"\n"inbox.undo" = "F9"\n"inbox.done" = "F6"\n')
    app = console_at(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("]")
        await until(pilot, lambda: "no search here; F7 starts one" in app.screen_text(), "the search's key")
        await pilot.press("escape")
        await until(pilot, lambda: "nothing to close; F8 quits" in app.screen_text(), "the key that quits")
        await pilot.press("i", "f6")
        await until(pilot, lambda: "done; F9 takes it back" in app.screen_text(), "the key that undoes")


async def test_the_merge_queue_and_confirmations_name_the_keys_in_force(tmp_path) -> None:
    from tests.tui.test_merge_queue_pictures import town

    write(tmp_path, '[keys]\n"mq.process" = "F7"\n"act.undo" = "F8"\n')
    app = console_at(tmp_path)
    app.fake.snapshot = town("held", str(tmp_path))
    async with app.run_test(size=(160, 45)) as pilot:
        worker = next(view for view in app.snapshot.agents if view.work is not None)
        app.feed.agents.select(Selection(AGENT, "", worker.key))
        await pilot.press("u")
        await until(pilot, lambda: "F8 undoes it." in app.screen_text(), "the key that undoes")
        await pilot.press("escape", "m")
        await until(pilot, lambda: "F7" in app.screen_text(), "the key that processes")
        assert "press P" not in app.screen_text()


def test_no_message_of_the_console_names_a_default_key() -> None:
    """A message asks for the key in force: ``key_of``; one in the core says the act."""
    named = re.compile(
        r"[;:,] (?:[A-Za-z/?!&$:] |Space |Esc )(?:takes|starts|restarts|opens|shows|lists|quits|marks|resumes|ends)\b"
    )
    root = Path(__file__).parents[2]
    found = []
    for path in (
        *(root / "gastown_tui" / "controllers").glob("*.py"),
        *(root / "gastown_core" / "orders").glob("*.py"),
    ):
        texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        found += [f"{path.name}: {text}" for text in texts if isinstance(text, str) and named.search(text)]
    assert found == []


def test_the_letters_of_vim_are_three_lines_and_the_decision_shows_them() -> None:
    """docs/adr/0020: ``h`` hands off, and whoever wants it to fold writes these lines."""
    decision = (Path(__file__).parents[2] / "docs" / "adr" / "0020-h-hands-off.md").read_text()
    found, problems = read_console_file(decision.split("```toml\n")[1].split("```")[0])
    keymap = Keymap(found.actions)
    assert problems == () and collisions(found.actions) == []
    for place in ("agents", "convoys"):
        meant = keymap.meant("h", place)
        assert meant is not None and meant.id == "rows.collapse"
    for place in ("agents", "problems", "inbox"):
        meant = keymap.meant("H", place)
        assert meant is not None and meant.id == "agent.handoff"
    assert keymap.meant("%", "agents").id == "view.graph"
    plain = Keymap()
    assert plain.meant("h", "agents").id == "agent.handoff" and plain.meant("left", "agents").id == "rows.collapse"
