"""``gt digest``: what happened since somebody looked, as text, JSON and Markdown."""

from __future__ import annotations

import json
import os

import pytest

from gastown_core.clock import SYSTEM_CLOCK, FixedClock
from gastown_core.events.log import append_event
from gastown_core.town.install import install_town
from tests.support.cli import gt


@pytest.fixture
def root(tmp_path) -> str:
    place = str(tmp_path / "gt")
    install_town(place, name="t", git=False)
    return place


HOSTILE = "`rm -rf /` <b>*x*</b> [a](b)\x1b[31m"


def happened(root: str, ago: float, kind: str, actor: str = "shop/refinery", **payload: object) -> None:
    append_event(root, kind, actor, payload, clock=FixedClock(SYSTEM_CLOCK.now() - ago))


def test_each_look_tells_only_what_came_since_the_last(root: str) -> None:
    happened(root, 7200, "merge_failed", bead="gt-a", worker="opal", reason=HOSTILE)
    first = gt("digest", cwd=root)
    assert first.code == 0 and "Sent back (1)" in first.out and "shop/opal" in first.out
    assert "\x1b" not in first.out

    second = gt("digest", cwd=root)
    assert "nothing that needs you" in second.out
    assert "Sent back (1)" in gt("digest", "--since", "3h", cwd=root).out


def test_json_has_every_row_and_markdown_escapes_what_others_wrote(root: str) -> None:
    happened(root, 60, "merged", bead="gt-a", mr="gt-m", worker="opal", target="main", commit="c" * 40)
    happened(root, 50, "session_death", "daemon", agent="shop/polecats/ruby", reason=HOSTILE)
    value = json.loads(gt("digest", "--since", "1h", "--json", cwd=root).out)
    assert value["summary"] == "1 landed, 1 died"
    assert [(row["section"], row["kind"]) for row in value["rows"]] == [("died", "session_death"), ("landed", "merged")]

    told = gt("digest", "--since", "1h", "--markdown", cwd=root).out
    assert told.startswith("## Since ") and "### Landed" in told
    assert "\\<b\\>\\*x\\*" in told and "\\`rm" in told and "\x1b" not in told


def test_a_look_that_cannot_be_kept_is_said(root: str) -> None:
    happened(root, 60, "merge_failed", bead="gt-a", worker="opal", reason="red")
    # a file where the folder of the mark would be
    open(os.path.join(root, ".runtime", "console"), "w").close()
    told = gt("digest", cwd=root)
    assert told.code == 0 and "Sent back (1)" in told.out and "this look cannot be kept" in told.err


def test_wrong_words_are_named(root: str) -> None:
    wrong = gt("digest", "--since", "yesterdayish", cwd=root)
    assert wrong.code == 2 and "neither a span nor a date" in wrong.err
    assert gt("digest", "--json", "--markdown", cwd=root).code == 2


def test_a_log_of_junk_is_no_obstacle(root: str) -> None:
    with open(os.path.join(root, ".events.jsonl"), "ab") as handle:
        handle.write(b"[" * 5000 + b'\n\xff\xfe\n{"type": "merged"}\n')
    assert gt("digest", cwd=root).code == 0


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_log_that_cannot_be_read_is_no_quiet_town(root: str, make) -> None:
    path = os.path.join(root, ".events.jsonl")
    if os.path.exists(path):
        os.unlink(path)
    make(path)
    ran = gt("digest", cwd=root)
    assert ran.code == 1 and "the event log is unreadable" in ran.err and path in ran.err
    assert "Nobody needs you" not in gt("inbox", cwd=root).out
