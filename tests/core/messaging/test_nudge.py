import os
import subprocess
import sys
import threading

import pytest

from gastown_core.clock import FixedClock
from gastown_core.errors import UsageError
from gastown_core.messaging import proof
from gastown_core.messaging.handover import deliveries, on_the_way
from gastown_core.messaging.nudge import nudge
from gastown_core.messaging.prompt_line import look
from gastown_core.messaging.queue import NEXT, NOW, dead_letters, held, read_nudge, waiting
from gastown_core.messaging.target import AgentTarget
from gastown_core.runtimes.heartbeat import read_heartbeat, write_heartbeat
from gastown_core.runtimes.presets import BUILT_IN
from gastown_core.runtimes.screen import read_screen
from gastown_core.tmux.control import ControlLink, LinkedServer
from tests.support.tmux import SCRIPTED, events, pane_of, screen, start_agent, start_plain, transcript, until

MAYOR = AgentTarget("mayor", "hq-mayor", SCRIPTED)
CLAUDE = AgentTarget("shop/polecats/opal", "gt-opal", BUILT_IN["claude"], "shop")


def stages(receipts):
    return [(receipt.stage, receipt.ok, receipt.final) for receipt in receipts]


def test_a_nudge_to_an_idle_agent_is_followed_to_the_start_of_its_turn(server, town_root):
    start_agent(server, town_root)
    receipts = list(nudge(town_root, MAYOR, "go on; `x`", "overseer", server=server))
    assert stages(receipts) == [
        ("queued", True, False),
        ("typed", True, False),
        ("submitted", True, False),
        ("turn started", True, True),
    ]
    assert receipts[-1].detail == "its prompt hook"
    assert (waiting(town_root, "hq-mayor"), on_the_way(town_root, "hq-mayor")) == ([], [])
    assert [done.proof for done in deliveries(town_root, "hq-mayor")] == ["its prompt hook"]
    # the heartbeat that proves the turn is written just before the transcript
    until(lambda: transcript(os.path.join(town_root, "mayor")) == ["[from overseer] go on; `x`"])


def test_a_nudge_is_told_to_event_log_and_town_log(server, town_root):
    start_agent(server, town_root)
    list(nudge(town_root, MAYOR, "x" * 60, "shop/witness", server=server))
    (event,) = events(town_root, "nudge")
    assert event["actor"] == "shop/witness"
    assert event["payload"] == {"rig": "", "target": "mayor", "reason": "x" * 60}
    with open(os.path.join(town_root, "logs", "town.log")) as handle:
        assert handle.read().endswith(f'[nudge] mayor nudged with "{"x" * 50}…"\n')


HALF_DRAWN = ["● Understood.", "❯ [from overseer] no, because", "  it is pinned"]
"""The last lines of a program that has not drawn its prompt below them yet; they read as a question with two choices."""


def test_a_screen_that_is_half_drawn_at_the_first_look_is_looked_at_again(server, town_root, monkeypatch):
    start_agent(server, town_root)
    half = read_screen("scripted", HALF_DRAWN)
    assert half.kind == "dialog"
    looks = iter([half])
    monkeypatch.setattr(proof, "look", lambda *given: next(looks, None) or look(*given))
    assert [receipt.stage for receipt in nudge(town_root, MAYOR, "go on", "overseer", server=server)][
        -1
    ] == "turn started"


def test_over_a_control_link_it_goes_the_same_way(server, town_root):
    start_agent(server, town_root)
    with ControlLink(server) as link:
        receipts = list(nudge(town_root, MAYOR, "hello", "overseer", server=LinkedServer(link, server)))
    assert receipts[-1].stage == "turn started"


def test_an_agent_that_died_to_a_shell_gets_nothing_typed_and_keeps_the_nudge(server, town_root, tmp_path):
    pane = start_plain(
        server, "gt-opal", "bash", "--norc", "-i", cwd=str(tmp_path), PS1="$ ", GT_PROCESS_NAMES="node,claude"
    )
    until(lambda: "$" in screen(server, pane))
    receipts = list(nudge(town_root, CLAUDE, "touch owned", "overseer", server=server))
    assert stages(receipts) == [("queued", True, False), ("not typed", False, True)]
    assert "bash is in the foreground" in receipts[-1].detail
    server.run("send-keys", "-t", pane.pane_id, "-l", "--", "true")
    until(lambda: "true" in screen(server, pane))
    assert "touch" not in screen(server, pane)
    assert not (tmp_path / "owned").exists()
    assert [read_nudge(path).message for path in waiting(town_root, "gt-opal")] == ["touch owned"]
    assert "bash is in the foreground" in held(town_root, "gt-opal")
    assert events(town_root, "nudge") == []


def test_a_missing_session_and_a_dead_program_keep_the_nudge(server, town_root):
    receipts = list(nudge(town_root, CLAUDE, "hello", "overseer", server=server))
    assert "is not running" in receipts[-1].detail
    start_plain(server, "gt-opal", "sh", "-c", "sleep 0.1")
    until(lambda: pane_of(server, "gt-opal").dead)
    receipts = list(nudge(town_root, CLAUDE, "again", "overseer", server=server))
    assert (receipts[-1].stage, receipts[-1].ok) == ("not typed", False)
    assert "has ended" in receipts[-1].detail
    assert len(waiting(town_root, "gt-opal")) == 2


def test_what_expires_while_nobody_is_there_becomes_a_dead_letter(server, town_root):
    list(nudge(town_root, CLAUDE, "old", "overseer", server=server, clock=FixedClock(1000.0)))
    list(nudge(town_root, CLAUDE, "new", "overseer", server=server))
    assert [letter.message for letter in dead_letters(town_root, "gt-opal")] == ["old"]
    assert [read_nudge(path).message for path in waiting(town_root, "gt-opal")] == ["new"]


def test_a_session_whose_name_only_begins_alike_gets_nothing(server, town_root):
    start_agent(server, town_root, "hq-mayor2")
    receipts = list(nudge(town_root, MAYOR, "hello", "overseer", server=server))
    assert not receipts[-1].ok
    assert transcript(os.path.join(town_root, "mayor")) == []


def fake_claude(tmp_path, rows):
    """A program called claude that shows a fixed screen."""
    path = tmp_path / "claude.py"
    path.write_text(f"import sys,time\nprint({rows!r}, end='', flush=True)\ntime.sleep(60)\n")
    return [sys.executable, str(path)]


def test_a_runtime_that_asks_for_permission_is_not_answered_by_a_nudge(server, town_root, tmp_path):
    rows = " Do you want to proceed?\n ❯ 1. Yes\n   2. No\n\n Esc to cancel\n"
    pane = start_plain(server, "gt-opal", *fake_claude(tmp_path, rows))
    until(lambda: "Esc to cancel" in screen(server, pane))
    before = screen(server, pane)
    for mode in (NOW, "wait-idle"):
        receipts = list(nudge(town_root, CLAUDE, f"hello {mode}", "overseer", server=server, mode=mode))
        assert (receipts[-1].stage, receipts[-1].ok) == ("not typed", False)
        assert "it asks" in receipts[-1].detail
    assert screen(server, pane) == before
    assert len(waiting(town_root, "gt-opal")) == 2


REFUSED = {
    "unknown": ("compiling 12%\n", "no empty prompt that we recognise"),
    "blank": ("\n", "no empty prompt that we recognise"),
    "a dialog without numbers": (
        " Trust it?\n\n ❯ No, exit\n   Yes\n\n Enter to confirm · Esc to cancel\n",
        "it asks: Trust it?",
    ),
    "a notice": (" A notice.\n\n Enter to continue\n", "it asks: A notice."),
    "log in": ("No API key found.\nWould you like to log in to it? [(y)es, (n)o]:\n", "nobody is logged in"),
    "a draft": ("────────────\n❯ half a line\n────────────\n  ? for shortcuts\n", "a person is typing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_empty_prompt_gets_no_key(server, town_root, tmp_path, name):
    rows, why = REFUSED[name]
    pane = start_plain(server, "gt-opal", *fake_claude(tmp_path, rows + "."))
    until(lambda: "." in screen(server, pane))
    before = screen(server, pane)
    receipts = list(nudge(town_root, CLAUDE, "hello", "overseer", server=server, mode=NOW))
    assert (receipts[-1].stage, receipts[-1].ok) == ("not typed", False)
    assert why in receipts[-1].detail
    assert screen(server, pane) == before
    assert len(waiting(town_root, "gt-opal")) == 1


def test_without_any_sign_of_a_turn_the_receipt_says_so(server, town_root, tmp_path):
    pane = start_plain(server, "gt-opal", *fake_claude(tmp_path, "────────────\n❯ \n────────────\n"))
    until(lambda: "❯" in screen(server, pane))
    receipts = list(nudge(town_root, CLAUDE, "hello", "overseer", server=server, proof_s=0.15))
    assert stages(receipts)[-1] == ("turn not seen", True, True)
    assert "no sign of this text" in receipts[-1].detail
    assert len(on_the_way(town_root, "gt-opal")) == 1


def test_only_this_text_proves_its_turn(server, town_root, tmp_path):
    pane = start_plain(server, "gt-opal", *fake_claude(tmp_path, "────────────\n❯ \n────────────\n"))
    until(lambda: "❯" in screen(server, pane))
    write_heartbeat(town_root, "gt-opal", "idle", prompt="[from overseer] hello")
    found = []
    for receipt in nudge(town_root, CLAUDE, "hello", "overseer", server=server, proof_s=0.3):
        found.append(receipt)
        if receipt.stage == "submitted":
            # a turn of another text
            write_heartbeat(town_root, "gt-opal", "working", turn=3, prompt="[from mayor] something else")
    assert found[-1].stage == "turn not seen"
    assert len(on_the_way(town_root, "gt-opal")) == 1


def test_many_nudges_at_once_are_neither_mixed_nor_lost(server, town_root):
    start_agent(server, town_root)
    texts = [f"text {number}\n{'abc ' * 200}" for number in range(12)]
    ends = []

    def send(text):
        ends.append(list(nudge(town_root, MAYOR, text, "overseer", server=server, mode=NOW, proof_s=0.0))[-1])

    threads = [threading.Thread(target=send, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = until(lambda: len(found := transcript(os.path.join(town_root, "mayor"))) == 12 and found)
    assert sorted(taken) == sorted(f"[from overseer] {text}" for text in texts)
    assert len(ends) == 12


def test_the_queue_mode_types_nothing_and_the_agent_reads_it_at_its_next_turn(server, town_root):
    start_agent(server, town_root)
    (receipt,) = nudge(town_root, MAYOR, "later", "overseer", server=server, mode=NEXT)
    assert (receipt.stage, receipt.ok, receipt.final) == ("queued", True, True)
    assert transcript(os.path.join(town_root, "mayor")) == []
    list(nudge(town_root, MAYOR, "now", "overseer", server=server))
    until(lambda: len(transcript(os.path.join(town_root, "mayor"))) == 2)
    # the heartbeat that proves the turn is written just before the transcript
    until(lambda: transcript(os.path.join(town_root, "mayor")) == ["[from overseer] now", "[from overseer] later"])
    until(lambda: (beat := read_heartbeat(town_root, "hq-mayor")) and beat.state == "idle")


def test_words_that_are_no_nudge_are_refused_before_anything_happens(server, town_root):
    with pytest.raises(UsageError, match="no text"):
        nudge(town_root, MAYOR, "  ", "overseer", server=server)
    with pytest.raises(UsageError, match="shout"):
        nudge(town_root, MAYOR, "x", "overseer", server=server, mode="shout")


def test_a_nudge_does_not_import_libtmux(town_root):
    code = "import sys, gastown_core.messaging.nudge; assert 'libtmux' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
