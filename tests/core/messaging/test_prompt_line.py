"""A program that edits a line as real ones do, in a real pane: what goes into it, and what a person had there."""

from __future__ import annotations

import sys

import pytest

from gastown_core.messaging.handover import on_the_way
from gastown_core.messaging.nudge import nudge
from gastown_core.messaging.prompt_line import PromptLine
from gastown_core.messaging.queue import NOW
from gastown_core.messaging.target import AgentTarget
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.tmux.delivery import UnsubmittedError, deliver
from tests.support.tmux import needs_tmux, screen, start_plain, until

pytestmark = needs_tmux

EDITOR = r"""
import os, sys, termios, time, tty

old = termios.tcgetattr(0)
tty.setraw(0)
mode = sys.argv[1]
text, kept, taken, asks, enters = "", "", [], False, 0


def draw():
    rows = ["", *(f"took {one!r}" for one in taken[-6:]), f"enters {enters}", "-" * 40]
    if asks:
        rows = [" Run it?", "", "  > Yes", "    No", "", " Enter to confirm - Esc to cancel"]
    else:
        first, *rest = text.split("\n")
        rows += ["\u276f " + first, *("  " + one for one in rest), "-" * 40, "  ? for shortcuts"]
    sys.stdout.write("\x1b[2J\x1b[H" + "\r\n".join(rows).replace("-" * 40, "\u2500" * 40).replace("> Yes", "\u276f Yes"))
    sys.stdout.flush()


draw()
while True:
    typed = os.read(0, 65536).decode()
    for key in typed:
        if key == "\r" and asks:
            taken.append("ANSWERED")
            asks = False
        elif key == "\r":
            enters += 1
            if mode == "newline" and enters == 1:
                text += "\n"
            elif text:
                taken.append(text)
                text = kept if mode != "codex" else ""
                kept = kept if mode == "codex" else ""
        elif key == "\x13":
            text, kept = kept, text
        elif key == "\x15":
            head, _, _ = text.rpartition("\n")
            text = head + "\n" if "\n" in text else ""
        elif key in "\x7f\x08":
            text = text[:-1]
        elif key >= " " or key == "\n":
            text += key
    if mode == "asks" and "hello" in text:
        asks, text = True, text
    draw()
"""


@pytest.fixture
def editor(server, tmp_path):
    def start(mode="plain"):
        path = tmp_path / "claude.py"
        path.write_text(EDITOR)
        pane = start_plain(server, "gt-opal", sys.executable, str(path), mode)
        until(lambda: "for shortcuts" in screen(server, pane), "it draws its prompt")
        return pane

    return start


def line(server, pane, name="claude"):
    return PromptLine(server, pane.pane_id, BUILT_IN[name])


def give(server, pane, text, name="claude"):
    checks = line(server, pane, name).checks(text)
    return list(deliver(server, pane, text, is_agent=lambda pid, command: True, pause_s=0.0, **checks))


def type_as_a_person(server, pane, text):
    server.run("send-keys", "-t", pane.pane_id, "-l", text)
    until(lambda: text in screen(server, pane))


def test_a_draft_is_put_aside_and_comes_back(server, editor):
    pane = editor()
    type_as_a_person(server, pane, "half a li")
    assert "a person is typing" in line(server, pane).verdict().why
    assert line(server, pane).set_aside() == ""
    assert give(server, pane, "hello") == ["typed", "submitted"]
    assert line(server, pane).restore(submitted=True) == ""
    assert line(server, pane).read().draft == "half a li"
    assert "took 'hello'" in screen(server, pane)


def test_a_draft_comes_back_when_nothing_was_submitted(server, editor):
    pane = editor()
    type_as_a_person(server, pane, "half a li")
    assert line(server, pane).set_aside() == ""
    assert line(server, pane).restore(submitted=False) == ""
    assert line(server, pane).read().draft == "half a li"


def test_a_runtime_without_such_a_key_keeps_its_draft(server, editor):
    pane = editor()
    type_as_a_person(server, pane, "half a li")
    assert "no key" in line(server, pane, "scripted").set_aside()
    assert line(server, pane).read().draft == "half a li"


def test_a_question_that_comes_up_with_the_text_is_not_answered(server, town_root, editor):
    pane = editor("asks")
    target = AgentTarget("shop/polecats/opal", "gt-opal", BUILT_IN["claude"], "shop")
    receipts = list(nudge(town_root, target, "hello", "overseer", server=server, mode=NOW))
    assert [receipt.stage for receipt in receipts] == ["queued", "typed", "not typed"]
    assert "it asks: Run it?" in receipts[-1].detail
    assert "ANSWERED" not in screen(server, pane)
    assert line(server, pane).read().options == ("Yes", "No")
    # it stands in an input row that the question hides: nobody types it again before that is decided
    assert [one.text for one in on_the_way(town_root, "gt-opal")] == ["[from overseer] hello"]


def test_a_submit_key_that_made_a_newline_is_pressed_again(server, editor):
    pane = editor("newline")
    hasty = BUILT_IN["claude"].with_changes(keyboard=BUILT_IN["gemini"].keyboard)
    checks = PromptLine(server, pane.pane_id, hasty).checks("hello again")
    stages = deliver(server, pane, "hello again", is_agent=lambda pid, command: True, pause_s=0.0, **checks)
    assert list(stages) == ["typed", "submitted"]
    assert "took 'hello again\\n'" in screen(server, pane)
    assert "enters 2" in screen(server, pane)


def test_a_text_that_was_left_is_cleared_and_a_persons_is_not(server, editor):
    pane = editor()
    type_as_a_person(server, pane, "half a li")
    assert line(server, pane).take_back("hello") == "what stands there is not the text"
    assert line(server, pane).take_back("half a line of ours") == ""
    server.run_many(
        [("load-buffer", "-b", "b", "-"), ("paste-buffer", "-r", "-d", "-b", "b", "-t", pane.pane_id)],
        stdin=b"[from mayor] alpha\nbeta\n\ngamma",
    )
    until(lambda: "gamma" in screen(server, pane))
    assert line(server, pane).take_back("[from mayor] alpha\nbeta\n\ngamma") == ""
    assert line(server, pane).read() == ("ready", "", (), -1, "", True, 0.0, "")


def test_a_person_who_types_in_between_is_not_sent_along(server, editor):
    pane = editor()
    checks = line(server, pane).checks("hello")
    checks["may_type"] = lambda: type_as_a_person(server, pane, "half a li") or ""
    with pytest.raises(UnsubmittedError, match="a person typed"):
        list(deliver(server, pane, "hello", is_agent=lambda pid, command: True, pause_s=0.0, **checks))
    assert "took" not in screen(server, pane)
