"""The board of a commons: read whole, kept until the clone changes, judged and computed without a further question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gastown_core.errors import StoreError
from gastown_core.wasteland import board as boards
from gastown_core.wasteland import clone as clones
from gastown_core.wasteland.clone import Clone
from gastown_core.wasteland.reputation import history_of
from tests.support.commons import Commons, new_commons
from tests.support.dolt import needs_dolt

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]


@pytest.fixture
def commons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commons:
    return new_commons(tmp_path, monkeypatch)


def posted(town, title, **words):
    more = [part for key, value in words.items() for part in (f"--{key}", value)]
    return town.ask("wl", "post", "--title", title, *more)["id"]


def test_the_board_shows_what_is_wanted_mine_to_judge_and_the_reputation_with_its_history(commons):
    mill, fern = commons.town("mill"), commons.town("fern")
    items = [posted(mill, f"Item {n}", priority=str(n), project="p") for n in range(3)]
    fern.gt("wl", "sync")
    for item in items[:2]:
        fern.gt("wl", "claim", item)
        fern.gt("wl", "done", item, "--evidence", f"https://example.org/{item}")
    mill.gt("wl", "sync")
    seen = boards.board_of(str(mill.root))
    assert [one.id for one in seen.wanted] == items and not seen.mine and not seen.to_send
    assert [(one.id, handed.completed_by) for one, handed in seen.to_judge] == [(one, "fern") for one in items[:2]]
    assert {one.id for one in boards.board_of(str(fern.root)).mine} == {*items[:2]}
    for item, quality in zip(items, ("5", "3"), strict=False):
        mill.gt("wl", "accept", item, "--quality", quality)
    seen = boards.board_of(str(mill.root))
    assert not seen.to_judge and seen.item(items[0]).status == "completed"
    sheet = seen.sheet("fern")
    assert [(step.quality, step.tier) for step in history_of(sheet)] == [(4.0, "newcomer"), (5.0, "newcomer")]
    assert [one.handle for one in seen.sheets()] == ["fern"] and sheet.as_json() == fern_sheet(mill)
    assert [one["quality"] for one in mill.ask("wl", "charsheet", "fern")["history"]] == [4.0, 5.0]


def fern_sheet(town):
    told = town.ask("wl", "charsheet", "fern")
    return {key: value for key, value in told.items() if key != "history"}


def test_the_clone_is_read_again_only_when_it_has_changed(commons, monkeypatch):
    mill = commons.town("mill")
    posted(mill, "One")
    assert [one.title for one in boards.board_of(str(mill.root)).wanted] == ["One"]
    with monkeypatch.context() as patch:
        patch.setattr(Clone, "_sql", lambda *_: pytest.fail("a process was started"))
        assert [one.title for one in boards.board_of(str(mill.root)).wanted] == ["One"]
    item = posted(mill, "Two")
    assert {one.title for one in boards.board_of(str(mill.root)).wanted} == {"One", "Two"}
    mill.gt("wl", "close", item, "--offline")
    seen = boards.board_of(str(mill.root))
    assert seen.item(item).status == "withdrawn" and len(seen.to_send) == 1
    kept = next(mill.root.glob(".wasteland/*/*.board.json"))
    assert kept.stat().st_mode & 0o777 == 0o600
    for junk in ("[", "{}", json.dumps({"form": boards.FORM, "mark": boards.mark_of(mill.clone), "tables": []})):
        kept.write_text(junk)
        assert len(boards.board_of(str(mill.root)).wanted) == 2
    mill.gt("wl", "leave", "--force")
    assert boards.board_of(str(mill.root)) is None and not kept.exists()


def test_a_list_of_all_is_that_of_the_database_with_each_filter(commons):
    mill = commons.town("mill")
    for n in range(4):
        posted(mill, f"Item {n}", priority=str(n % 2), type=("bug", "docs")[n // 2], project=f"p{n % 2}")
    for words in ((), ("--priority", "1"), ("--type", "bug"), ("--project", "p0"), ("--posted",), ("--mine",)):
        whole, some = (mill.ask("wl", "browse", *words, "--limit", limit) for limit in ("0", "49"))
        assert whole == some and (whole or words == ("--mine",))


def test_a_full_disk_is_named_and_what_can_be_read_is_shown(commons, monkeypatch):
    mill = commons.town("mill")
    posted(mill, "One")

    def full(*_: object, **__: object) -> None:
        raise StoreError("cannot write it", "No space left on device")

    monkeypatch.setattr(boards, "write_atomic", full)
    assert [one.title for one in boards.board_of(str(mill.root)).wanted] == ["One"]
    crash = "write /x/manifest: no space left on device\npanic: goroutine 1 [running]:\nruntime/debug.Stack()"
    assert clones._reason(crash) == "no space left on device"
    assert clones._reason("it broke\n\x08\x08panic: goroutine 1 [running]:\nmain.main()") == "it broke"
