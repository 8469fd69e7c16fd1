from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest

from gastown_core.clock import SYSTEM_CLOCK
from gastown_core.errors import DeliveryError, UsageError
from gastown_core.events.log import log_path, newest_events
from gastown_core.messaging import answer as answer_module
from gastown_core.messaging import dialog_keys
from gastown_core.messaging.dialog_keys import choose
from gastown_core.messaging.open_request import Decision, OpenRequest, hold_open, requests_of
from gastown_core.messaging.prompt_line import look
from gastown_core.model.address import Address
from gastown_core.model.choice import place_for_words
from gastown_core.model.event_kinds import answered_sentence
from gastown_core.runtimes.adapter import IDLE, WAITING, Heard
from gastown_core.runtimes.heartbeat import note_event, write_heartbeat
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.runtimes.screen import ScreenReading
from gastown_core.town import sessions
from gastown_core.town.inventory import RosterEntry
from tests.support.tmux import needs_tmux, screen, start_plain, until

pytestmark = needs_tmux
CLAUDE = BUILT_IN["claude"]

ASKING = r"""
import os, sys, tty

tty.setraw(0)
mode = sys.argv[1]
options = sys.argv[2:] or ["Yes", "Yes, always", "No"]
cursor, asked, chosen = 1, "Run it?", ""


def draw():
    rows = [f" {asked}", ""]
    rows += [f" {chr(0x276F) if place == cursor else ' '} {word}" for place, word in enumerate(options)]
    rows += ["", " Enter to confirm"]
    if chosen:
        rule = chr(0x2500) * 30
        rows = [f"chosen {chosen}", rule, chr(0x276F) + " ", rule]
    sys.stdout.write("\x1b[2J\x1b[H" + "\r\n".join(rows))
    sys.stdout.flush()


draw()
while True:
    key = os.read(0, 64)
    if key == b"\r" and mode != "deaf" and not chosen and "(Esc to stop)" not in options[cursor]:
        chosen = options[cursor]
    elif key == b"\x1b" and not chosen:
        chosen = "nothing, by Escape"
    elif options[cursor].startswith("Type") and key[:1] not in (b"\x1b", b"\r"):
        options[cursor] = key.decode()
    elif key in (b"\x1b[B", b"\x1bOB") and mode != "stuck":
        cursor = (cursor + 1) % len(options)
    elif key in (b"\x1b[A", b"\x1bOA") and mode != "stuck":
        cursor = (cursor - 1) % len(options)
    if key == b"\r" and mode == "ends":
        sys.exit()
    if mode == "turns" and key != b"\r":
        asked = "Delete it?"
    draw()
"""


@pytest.fixture
def asking(server, tmp_path):
    def start(mode="plain", words=()):
        path = tmp_path / "claude.py"
        path.write_text(ASKING)
        pane = start_plain(server, "gt-opal", sys.executable, str(path), mode, *words)
        until(lambda: "Enter to confirm" in screen(server, pane), "it asks")
        return pane

    return start


@pytest.mark.parametrize(
    ("choice", "chosen"), [("Yes", "Yes"), ("yes, always", "Yes, always"), ("n", "No"), ("3", "No"), ("1", "Yes")]
)
def test_the_choice_that_is_meant_is_the_one_that_is_chosen(server, asking, choice, chosen):
    pane = asking()
    assert choose(server, pane, CLAUDE, choice).kind == "ready"
    assert f"chosen {chosen}\n" in screen(server, pane)


def test_a_no_that_takes_words_and_names_its_key_is_given_by_that_key(server, asking):
    pane = asking("plain", ["Yes", "No, and tell it what to do differently (Esc to stop)"])
    assert choose(server, pane, BUILT_IN["copilot"], "No").kind == "ready"
    assert "chosen nothing, by Escape\n" in screen(server, pane)


@pytest.mark.parametrize("choice", ["maybe", "4", "0", "", "ye"])
def test_a_choice_that_is_not_there_or_not_one_presses_nothing(server, asking, choice):
    pane = asking()
    before = screen(server, pane)
    with pytest.raises(UsageError, match="choice"):
        choose(server, pane, CLAUDE, choice)
    assert screen(server, pane) == before


def test_words_are_typed_into_the_choice_that_takes_them(server, asking):
    pane = asking("plain", ("Red", "Blue", "Type something."))
    asked = look(server, pane.pane_id, "claude")
    assert choose(server, pane, CLAUDE, 2, asked=asked, words="mauve, with stripes").kind == "ready"
    assert "chosen mauve, with stripes\n" in screen(server, pane)


def test_words_that_do_not_stand_in_the_field_are_not_submitted(server, asking, monkeypatch):
    # long enough for a busy machine's program to move its cursor
    monkeypatch.setattr(dialog_keys, "MOVED_S", 3.0)
    pane = asking("plain", ("Red", "Blue", "Enter your own"))
    with pytest.raises(DeliveryError, match="do not stand"):
        choose(server, pane, CLAUDE, 2, words="mauve")
    assert "chosen" not in screen(server, pane)


def test_a_choice_that_takes_words_is_not_chosen_without_them(server, asking):
    pane = asking("plain", ("Red", "Blue", "Type something."))
    with pytest.raises(DeliveryError, match="without them"):
        choose(server, pane, CLAUDE, 2)
    assert "chosen" not in screen(server, pane)


def test_a_question_that_changes_on_the_way_is_not_answered(server, asking):
    pane = asking("turns")
    with pytest.raises(DeliveryError, match="has changed"):
        choose(server, pane, CLAUDE, "No")
    assert "chosen" not in screen(server, pane)


def test_another_question_than_the_person_saw_is_not_answered(server, asking):
    pane = asking()
    seen = look(server, pane.pane_id, "claude")._replace(detail="Walk the dog?", text="Walk the dog?")
    before = screen(server, pane)
    with pytest.raises(DeliveryError, match="has changed"):
        choose(server, pane, CLAUDE, "No", asked=seen)
    assert screen(server, pane) == before


def test_a_cursor_that_does_not_move_chooses_nothing(server, asking, monkeypatch):
    monkeypatch.setattr(dialog_keys, "MOVED_S", 0.3)
    pane = asking("stuck")
    with pytest.raises(DeliveryError, match="does not move"):
        choose(server, pane, CLAUDE, "No")
    assert "chosen" not in screen(server, pane)


def test_a_question_that_stays_is_told(server, asking, monkeypatch):
    monkeypatch.setattr(dialog_keys, "ANSWERED_S", 0.5)
    with pytest.raises(DeliveryError, match="still asks"):
        choose(server, asking("deaf"), CLAUDE, "Yes, always")


@pytest.fixture
def answered(server, tmp_path, monkeypatch):
    """Answers the program in the session gt-opal, as the one agent of a town."""
    monkeypatch.setattr(sessions, "server_of", lambda root: server)
    entry = RosterEntry(Address("mayor", "", ""), "gt-opal", str(tmp_path), "hq-mayor")

    def run(choice, **more):
        return list(answer_module.answer(str(tmp_path), entry, choice, sender="overseer", **more))

    return run


def told(tmp_path):
    after, before = newest_events(log_path(str(tmp_path)))
    assert (before.type, after.type) == ("answering", "answered")
    assert before.payload["answer"] == after.payload["answer"]
    return after.payload


def test_who_is_killed_while_it_answers_leaves_what_it_was_about_to_do(server, asking, answered, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    pane = asking()
    monkeypatch.setattr(dialog_keys, "await_change", killed)
    with pytest.raises(KeyboardInterrupt):
        answered("Yes, always")
    until(lambda: "chosen Yes, always" in screen(server, pane), "the key has arrived")
    (event,) = newest_events(log_path(str(tmp_path)))
    assert event.type == "answering" and event.payload["target"] == "mayor" and event.payload["question"]
    assert event.payload["answer"].endswith("Yes, always")


def test_an_answer_that_was_not_given_says_why_in_the_log(asking, answered, tmp_path, monkeypatch):
    monkeypatch.setattr(dialog_keys, "MOVED_S", 0.3)
    asking("stuck")
    with pytest.raises(DeliveryError, match="does not move"):
        answered("No")
    after, before = newest_events(log_path(str(tmp_path)))
    assert (before.type, after.type) == ("answering", "answer_failed")
    assert "does not move" in after.payload["reason"]


def test_a_key_that_changes_nothing_is_in_the_log(asking, answered, tmp_path, monkeypatch):
    monkeypatch.setattr(dialog_keys, "ANSWERED_S", 0.5)
    asking("deaf")
    with pytest.raises(DeliveryError, match="still asks the same"):
        answered("Yes, always")
    assert told(tmp_path)["answer"].endswith("Yes, always")
    assert told(tmp_path)["unconfirmed"] is True
    assert "went on asking" in answered_sentence(told(tmp_path))


def test_a_question_that_stays_on_the_screen_of_an_ended_program_is_answered(asking, answered, tmp_path):
    asking("ends")
    (receipt,) = answered("No")
    assert receipt.ok
    assert "its program has ended" in receipt.detail
    assert "unconfirmed" not in told(tmp_path)
    assert "went on asking" not in answered_sentence(told(tmp_path))


def test_where_nothing_is_asked_no_key_is_pressed(server, asking):
    pane = asking()
    choose(server, pane, CLAUDE, "No")
    before = screen(server, pane)
    with pytest.raises(DeliveryError, match="asks nothing"):
        choose(server, pane, CLAUDE, "No")
    assert screen(server, pane) == before


def test_a_fingerprint_is_for_the_whole_question_however_wide_the_pane_is():
    asked = ScreenReading("permission", "Bash: npm test", ("1 Yes", "2 No"), 0, text="npm test\nrm -rf a\nProceed?")
    assert asked.fingerprint == asked._replace(text="npm test rm\n-rf a Proceed?", cursor=1).fingerprint
    assert asked.fingerprint != asked._replace(text="npm test\nrm -rf b\nProceed?").fingerprint
    assert asked.fingerprint != asked._replace(options=("1 Yes", "2 Yes, always")).fingerprint


@pytest.mark.parametrize("word", ["[ ] Red", "☐ Red", "[x] Red"])
def test_choices_that_are_marked_are_not_answered(server, asking, word):
    pane = asking(words=[word, "Blue"])
    before = screen(server, pane)
    with pytest.raises(DeliveryError, match="cannot be answered"):
        choose(server, pane, CLAUDE, "2")
    assert screen(server, pane) == before


@pytest.mark.parametrize("words", ["Type something.", "Enter a custom value"])
def test_a_choice_for_words_of_ones_own_is_refused(server, asking, words):
    pane = asking(words=["Red", "Blue", words])
    before = screen(server, pane)
    with pytest.raises(DeliveryError, match="cannot be chosen"):
        choose(server, pane, CLAUDE, "3")
    assert screen(server, pane) == before
    choose(server, pane, CLAUDE, "1")
    assert "chosen Red" in screen(server, pane)


def test_a_request_that_a_hook_holds_open_is_decided_there_and_no_key_is_pressed(
    asking, answered, tmp_path, server, monkeypatch
):
    monkeypatch.setattr(dialog_keys, "ANSWERED_S", 0.5)
    pane = asking("deaf")
    got = []
    holder = threading.Thread(
        target=lambda: got.append(hold_open(str(tmp_path), "gt-opal", "Run it?", SYSTEM_CLOCK.now(), is_question=False))
    )
    write_heartbeat(str(tmp_path), "gt-opal")
    holder.start()
    until(lambda: requests_of(str(tmp_path), "gt-opal"), "the hook waits")
    before = screen(server, pane)
    # the program of this test is deaf to its hook, too, and goes on asking
    with pytest.raises(DeliveryError, match="still asks"):
        answered("", words="no, because \x1b[31mred\n")
    holder.join(30)
    assert got == [Decision(False, "no, because [31mred")]
    assert screen(server, pane) == before
    assert told(tmp_path)["words"] == "no, because [31mred"
    assert requests_of(str(tmp_path), "gt-opal") == []


@pytest.fixture
def held(asking, tmp_path, server, monkeypatch):
    """A question whose hook waits, and a hand that presses Escape just before the hook is told; ``then`` comes after that."""
    pane = asking()
    got = []
    holder = threading.Thread(
        target=lambda: got.append(hold_open(str(tmp_path), "gt-opal", "Run it?", SYSTEM_CLOCK.now(), is_question=False))
    )
    note_event(str(tmp_path), "gt-opal", "PermissionRequest", Heard(WAITING), SYSTEM_CLOCK.now())
    holder.start()
    until(lambda: requests_of(str(tmp_path), "gt-opal"), "the hook waits")
    tell, after = OpenRequest.decide, []

    def decide(request, decision):
        server.run("send-keys", "-t", pane.pane_id, "Escape")
        tell(request, decision)
        for do in after:
            do()

    monkeypatch.setattr(OpenRequest, "decide", decide)
    yield after
    holder.join(30)
    assert got == [Decision(True)]


def test_a_question_that_another_hand_escaped_first_is_not_said_to_be_answered(held, answered, tmp_path, monkeypatch):
    monkeypatch.setattr(answer_module, "HEARD_S", 0.3)
    with pytest.raises(DeliveryError, match="nothing tells that it took the answer") as raised:
        answered("Yes")
    assert "Escape" in raised.value.why
    assert told(tmp_path)["unconfirmed"] is True


def test_a_program_that_ends_its_turn_at_once_says_that_it_took_the_answer(held, answered, tmp_path):
    root = str(tmp_path)
    held.append(lambda: note_event(root, "gt-opal", "Stop", Heard(IDLE), SYSTEM_CLOCK.now()))
    (receipt,) = answered("Yes")
    assert receipt.ok and receipt.stage == "answered"
    assert "unconfirmed" not in told(tmp_path)


def test_words_without_a_choice_belong_to_the_field_else_to_the_only_no():
    assert place_for_words(("1 Yes", "2 Yes, always", "3 No, tell it what to do")) == 2
    assert place_for_words(("1 No", "2 Yes", "3 Type something.")) == 2
    for options in (("1 Red", "2 Blue"), ("No", "No, never")):
        with pytest.raises(UsageError, match="name the choice|question"):
            place_for_words(options)


@pytest.mark.parametrize(("looks", "left"), [(["busy", "ready"], True), (["busy"], False), (["ready", "busy"], False)])
def test_a_program_that_looks_busy_for_a_moment_has_not_taken_the_answer(tmp_path, monkeypatch, looks, left):
    monkeypatch.setattr(answer_module, "HEARD_S", 0.2)
    monkeypatch.setattr(answer_module, "BUSY_S", 0.2)
    seen = [ScreenReading(kind) for kind in looks]
    monkeypatch.setattr(answer_module, "look", lambda *_: seen.pop(0) if len(seen) > 1 else seen[0])
    entry = SimpleNamespace(session="gt-x")
    asked = SimpleNamespace(server=None, pane=SimpleNamespace(pane_id="%1"), preset=SimpleNamespace(screens="claude"))
    assert answer_module._was_left(str(tmp_path), entry, asked, ScreenReading("busy"), 0.0) is left
