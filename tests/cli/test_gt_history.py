"""``gt log``, ``gt trail`` and ``gt audit``: what happened, from files as we and the Go tools leave them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.town_log import log_line, newest_log_lines, parse_log_line
from gastown_core.git.repo import Git, Identity
from tests.support.cli import gt
from tests.support.patience import until
from tests.support.rigged import Rigged, write

NOON = 1772452800.0
"""2026-03-02 12:00 UTC."""


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    request.addfinalizer(time.tzset)
    request.addfinalizer(monkeypatch.undo)


@pytest.mark.parametrize("zone", ["Pacific/Pitcairn", "Asia/Tokyo", "UTC", "America/New_York"], indirect=True)
def test_a_line_comes_back_as_it_was_written_in_every_zone(town_root: str, zone: None) -> None:
    log_line(town_root, "nudge", "shop/opal", 'nudged with "a  [b] c: d"', clock=FixedClock(NOON))

    (line,) = newest_log_lines(town_root)

    assert line == (NOON, "nudge", "shop/opal", 'nudged with "a  [b] c: d"')


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"2026-03-02 11:04:09",
        b"2026-13-02 11:04:09 [spawn] a b",
        b"2026-03-02 11:04:09 [spawn",
        b"\xff\xfe" * 30,
    ],
)
def test_what_is_no_line_is_skipped(line: bytes) -> None:
    assert parse_log_line(line) is None


def test_log_shows_the_newest_that_match(rigged: Rigged) -> None:
    now = SYSTEM_CLOCK.now()
    for number in range(30):
        agent = "shop/opal" if number % 2 else "mayor"
        log_line(rigged.root, "nudge", agent, f"line {number}", clock=FixedClock(now - 3600 * (30 - number)))
    write(os.path.join(rigged.root, "logs", "town.log"), _with_junk(rigged.root))

    assert len(gt("log", cwd=rigged.root).out.splitlines()) == 20
    assert [row["context"] for row in gt("log", "-a", "shop/", "-n", "2", "--json", cwd=rigged.root).lines] == [
        "line 27",
        "line 29",
    ]
    assert len(gt("log", "--since", "150m", cwd=rigged.root).out.splitlines()) == 2
    assert gt("log", "-t", "crash", cwd=rigged.root).err == "no lines that match\n"
    wrong = gt("log", "--since", "soon", cwd=rigged.root)
    assert wrong.code == 2
    assert "neither a span nor a date" in wrong.err


def _with_junk(root: str) -> str:
    with open(os.path.join(root, "logs", "town.log"), encoding="utf-8") as handle:
        return "junk\n" + handle.read() + "\x1b[31mnot a line\n"


def test_log_follows_and_ends_with_its_reader(rigged: Rigged) -> None:
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    log_line(rigged.root, "nudge", "mayor", "first")
    words = [sys.executable, "-m", "gastown_cli", "log", "--follow"]
    env = {**os.environ, "PYTHONPATH": here, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(words, cwd=rigged.root, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert "first" in process.stdout.readline()
        log_line(rigged.root, "handoff", "mayor", "second")
        assert "second" in process.stdout.readline()
        process.stdout.close()
        log_line(rigged.root, "handoff", "mayor", "third")
        until(lambda: process.poll() is not None, "it ends when nobody reads")
    finally:
        process.kill()
        process.wait()


def test_trail_tells_agents_commits_from_a_persons(rigged: Rigged, tmp_path: object) -> None:
    folder = os.path.join(rigged.root, "shop", "mayor", "rig")
    for name, email, subject in (
        ("opal", "shop.polecats.opal@gastown.local", "by an agent"),
        ("Ana", "ana@gastown.local.example.org", "by\ta person %H"),
    ):
        author = Identity(name, email)
        Git(folder, identity=author).run("commit", "--allow-empty", "-m", subject)

    agents = gt("trail", "--json", cwd=folder).json
    everyone = gt("trail", "commits", "--all", "--json", cwd=folder).json

    assert [row["subject"] for row in agents] == ["by an agent"]
    assert agents[0]["is_agent"]
    assert {"by\ta person %H", "by an agent"} <= {row["subject"] for row in everyone}
    nowhere = gt("trail", cwd=str(tmp_path))
    assert nowhere.code == 2 and "neither a repository nor a town" in nowhere.err and "fatal" not in nowhere.err
    in_town = gt("trail", "--all", "--json", cwd=rigged.root).json
    assert in_town and all(one["subject"].startswith("shop: ") for one in in_town)


def test_trail_and_audit_name_who_did_what(rigged: Rigged) -> None:
    bead = rigged.file("Mend \x1b[31mit")
    rigged.sling(bead.id)
    log_line(rigged.root, "nudge", "shop/opal", "go on")

    beads = gt("trail", "beads", "--json", cwd=rigged.root).json
    hooks = gt("trail", "hooks", "--json", cwd=rigged.root).json
    told = gt("audit", "--json", "-n", "0", cwd=rigged.root)

    assert bead.id in [row["id"] for row in beads]
    assert any(row.get("bead") == bead.id for row in hooks)
    assert told.code == 0
    assert {row["source"] for row in told.json} == {"git", "beads", "events", "townlog"}
    stamps = [row["timestamp"] for row in told.json]
    assert stamps == sorted(stamps, reverse=True)
    assert all("opal" in row["actor"] for row in gt("audit", "--actor", "OPAL", "--json", cwd=rigged.root).json)
    assert "\x1b" not in gt("audit", cwd=rigged.root).out


def test_a_source_that_cannot_be_read_is_named_and_the_rest_is_shown(rigged: Rigged) -> None:
    rigged.file("Mend it")
    os.remove(os.path.join(rigged.root, ".events.jsonl"))
    os.mkdir(os.path.join(rigged.root, ".events.jsonl"))

    told = gt("audit", "--json", cwd=rigged.root)

    assert told.code == 3
    assert "cannot read events" in told.err
    assert "Mend it" in [row["summary"] for row in told.json]


@pytest.mark.parametrize(
    "words",
    [
        ("search", "x", "-n", "9" * 20),
        ("audit", "--limit", "9" * 20),
        ("digest", "--since", "99999999999d"),
        ("costs", "--since", "9" * 400 + "w"),
    ],
)
def test_numbers_beyond_every_measure_are_mistakes(rigged: Rigged, words: tuple[str, ...]) -> None:
    refused = gt(*words, cwd=rigged.root)
    assert refused.code == 2 and "next:" in refused.err and "Traceback" not in refused.err
