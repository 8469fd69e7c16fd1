"""The console as a person meets it: on a pty, in a tmux window, in a pipe."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.screen import Screen
from gastown_core.beads.ledger import TownLedger
from gastown_core.events.log import append_event
from gastown_tui.boundary import FILE as FAULTS
from tests.support.patience import PATIENCE_S
from tests.support.tmux import needs_tmux

pytestmark = pytest.mark.e2e
GT = [sys.executable, "-P", "-m", "gastown_cli"]


@pytest.fixture
def screen(town: str) -> Iterator[Screen]:
    opened = Screen([*GT, "feed"], town, columns=140, rows=40)
    assert opened.wait(r"live", PATIENCE_S), opened.text()
    yield opened
    opened.close()


def ended(screen: Screen, timeout_s: float = PATIENCE_S) -> int | None:
    end = time.monotonic() + timeout_s
    while screen.process.poll() is None and time.monotonic() < end:
        screen.pump(0.05)
    return screen.process.poll()


def test_a_terminal_that_cannot_be_drawn_on_gets_plain_lines(town: str) -> None:
    opened = Screen([*GT, "feed"], town, columns=140, rows=40, term="dumb")
    try:
        assert opened.wait("mayor", PATIENCE_S), opened.text()
        append_event(town, "mail", "mayor", {"to": "demo/rust", "subject": "from outside"})
        assert opened.wait("from outside", PATIENCE_S), opened.text()
        assert "Convoys" not in opened.text()
        opened.process.send_signal(signal.SIGINT)
        assert ended(opened) == 0
    finally:
        opened.close()


def test_a_dumb_terminal_is_told_every_change_of_the_inbox(town: str) -> None:
    opened = Screen([*GT, "feed", "--plain", "--follow"], town, columns=200, rows=60, term="dumb")
    try:
        assert opened.wait("inbox .*need", PATIENCE_S), opened.text()
        run = functools.partial(subprocess.run, cwd=town, check=True, capture_output=True, timeout=PATIENCE_S)
        run(
            [*GT, "mail", "send", "overseer", "-s", "Which colour?", "-m", "Red or blue?"],
            env={**os.environ, "GT_ROLE": "mayor"},
        )
        assert opened.wait("inbox .*needs you, mail: Which colour", PATIENCE_S), opened.text()
        command = re.search(r"gt mail read (\S+)", opened.text())
        assert command, opened.text()
        letter = command[1]
        run([*GT, "inbox", "done", letter])
        assert opened.wait("hidden: .*Which colour", PATIENCE_S), opened.text()
        run([*GT, "inbox", "undo"])
        assert opened.wait("back: .*Which colour", PATIENCE_S), opened.text()
        run([*GT, "mail", "archive", letter])
        assert opened.wait("over: .*Which colour", PATIENCE_S), opened.text()
        opened.process.send_signal(signal.SIGINT)
        assert ended(opened) == 0
    finally:
        opened.close()


def test_the_sample_town_is_shown_and_an_event_and_keys_arrive(town: str, screen: Screen) -> None:
    for words in ("Demo convoy", "0/3", "rust", "alice", "dm-9d8", "escalated HIGH"):
        assert screen.wait(words, PATIENCE_S), screen.text()
    append_event(town, "mail", "mayor", {"to": "demo/rust", "subject": "from outside"})
    assert screen.wait("from outside", PATIENCE_S)
    screen.press("p")
    assert screen.wait("NEEDS HELP", PATIENCE_S), screen.text()
    screen.press("p")
    assert screen.wait("2 Convoys", PATIENCE_S)
    screen.press("?")
    assert screen.wait("handoff", PATIENCE_S)
    screen.press("\x1b")
    screen.rest(0.5)
    screen.press("q")
    assert ended(screen) == 0


@pytest.fixture
def busy(town: str) -> Iterator[str]:
    """The town while somebody writes its ledger as fast as it takes it."""
    over = threading.Event()

    def write() -> None:
        store = TownLedger(town).store_for("dm-x")
        with store.write("tester") as batch:
            made = batch.create({"title": "Busy"}).id
        number = 0
        while not over.is_set():
            number += 1
            with store.write("tester") as batch:
                batch.update(made, {"title": f"Busy {number}"})
            over.wait(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    yield town
    over.set()
    writer.join()


def test_a_town_whose_ledger_never_rests_opens_and_stays_open(busy: str) -> None:
    screen = Screen([*GT, "feed"], busy, columns=140, rows=40)
    try:
        assert screen.wait("Busy [0-9]+", PATIENCE_S), screen.text()
        assert screen.wait("live", PATIENCE_S), screen.text()
        assert "Traceback" not in screen.text() and not os.path.exists(os.path.join(busy, FAULTS))
        screen.press("q")
        assert ended(screen) == 0
    finally:
        screen.close()


def test_the_next_start_shows_the_last_picture_first(town: str, screen: Screen) -> None:
    screen.press("q")
    assert ended(screen) == 0
    picture = json.loads(Path(town, ".runtime", "console", "picture.json").read_text())
    assert any("Demo convoy" in line for line in picture["lines"])
    assert Path(town, ".runtime", "console", "picture.json").stat().st_mode & 0o077 == 0
    again = Screen([*GT, "feed"], town, columns=140, rows=40)
    try:
        # by the bytes: on a busy machine the app may have drawn over it before the screen is looked at
        assert again.arrival(rb"as of (?:just now|[^\x1b]* ago)[\s\S]*Demo convoy", 10)
        assert again.wait("live", PATIENCE_S)
        assert "as of" not in again.text()
    finally:
        again.close()


def test_escape_sequences_in_titles_never_reach_the_terminal(town: str, screen: Screen) -> None:
    append_event(town, "mail", "mayor", {"to": "x", "subject": "evil \x1b]0;owned\x07\x1b[2J\x9b31m end"})
    assert screen.wait("evil .*end", PATIENCE_S), screen.text()
    assert screen.wait("Demo convoy", PATIENCE_S), screen.text()
    assert screen.screen.title != "owned"


def test_the_console_ends_when_its_terminal_is_gone(town: str) -> None:
    screen = Screen([*GT, "feed"], town, columns=100, rows=30)
    assert screen.wait("live", PATIENCE_S)
    os.close(screen.fd)
    try:
        assert screen.process.wait(PATIENCE_S) != 0
    finally:
        screen.process.kill()
        screen.process.wait()


def test_a_pipe_that_closes_early_makes_no_noise(town: str) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" feed --plain --no-follow | head -1', "sh", *GT], cwd=town, capture_output=True, text=True
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_the_curated_feed_follows_the_towns_own_windows(town: str) -> None:
    Path(town, "settings", "config.json").write_text('{"feed_curator": {"min_aggregate_count": 2}}')
    for number in range(2):
        append_event(town, "sling", "mayor", {"bead": f"dm-{number}", "target": "demo"})
    done = subprocess.run([*GT, "feed", "--curated", "--no-follow"], cwd=town, capture_output=True, text=True)
    assert "dispatching work to 2 agents" in done.stdout


def test_plain_follow_ends_quietly_on_interrupt(town: str) -> None:
    child = subprocess.Popen(
        [*GT, "feed", "--plain", "--follow"], cwd=town, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert "spawned" in child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, complaints = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, complaints) == (0, "")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--type", "nudge"], 2),
        (["--mol", "dm-9d8"], 1),
        (["--limit", "4"], 4),
        (["--rig", "demo"], 9),
        (["--since", "3650d", "--limit", "0"], 9),
        (["--json"], 9),
    ],
)
def test_filters_hold_in_plain_mode(town: str, words: list[str], count: int) -> None:
    done = subprocess.run([*GT, "feed", "--plain", "--no-follow", *words], cwd=town, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if words == ["--rig", "demo"]:
        assert 3 <= len(lines) <= count
    else:
        assert len(lines) == count
    if words == ["--json"]:
        assert all(json.loads(line)["type"] for line in lines)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--since", "soon"], 2),
        (["--rig", "nowhere"], 1),
        (["--limit", "-1"], 2),
        (["--nonsense"], 2),
        (["--window"], 2),
    ],
)
def test_bad_words_are_refused_with_a_next_step(town: str, words: list[str], code: int) -> None:
    done = subprocess.run([*GT, "feed", "--plain", *words], cwd=town, capture_output=True, text=True)
    assert done.returncode == code
    assert "next:" in done.stderr


@needs_tmux
def test_problems_as_text_and_json(town: str) -> None:
    text = subprocess.run([*GT, "feed", "--problems", "--plain"], cwd=town, capture_output=True, text=True).stdout
    assert "NEEDS ATTENTION (1)" in text
    assert "dm-9d8" in text
    rows = json.loads(
        subprocess.run([*GT, "feed", "--problems", "--json"], cwd=town, capture_output=True, text=True).stdout
    )
    assert (rows[0]["name"], rows[0]["health"]) == ("rust", "zombie")


@needs_tmux
def test_window_opens_the_console_once_in_the_callers_session(town: str) -> None:
    socket = Path(town).parent / "tmux-own" / "s"
    socket.parent.mkdir()
    tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-s", "me", "-x", "120", "-y", "30", "-c", town, "cat"], check=True)
    inside = subprocess.run(
        [*tmux, "display-message", "-p", "-t", "me", "#{socket_path},#{pid},#{session_id}"],
        capture_output=True,
        text=True,
    ).stdout
    path, pid, session = inside.strip().split(",")
    env = {**os.environ, "TMUX": f"{path},{pid},{session.lstrip('$')}"}
    for _ in range(2):
        subprocess.run([*GT, "feed", "--window", "--since", "1h"], cwd=town, env=env, check=True)
    names = subprocess.run(
        [*tmux, "list-windows", "-t", "me", "-F", "#{window_name} #{window_active}"], capture_output=True, text=True
    ).stdout.split("\n")
    assert names.count("feed 1") == 1
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        shown = subprocess.run([*tmux, "capture-pane", "-p", "-t", "me:feed"], capture_output=True, text=True).stdout
        if "since 1h" in shown:
            break
        time.sleep(0.1)
    assert "since 1h" in shown
    subprocess.run([*tmux, "kill-server"])
