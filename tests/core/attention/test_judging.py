"""What other towns handed in is attention: at a glance, in the live model, and only while it waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gastown_core.attention.item import YOU
from gastown_core.attention.look import attention
from gastown_core.errors import StoreError
from gastown_core.state.collect import collect
from gastown_core.state.live import LiveTown
from gastown_core.wasteland import board
from gastown_core.wasteland.board import commons_of
from tests.support.board import HOSTILE, item, keep_board
from tests.support.cli import gt
from tests.support.paper import Paper
from tests.support.rigged import Rigged

HANDED = {"id": "c-2", "wanted_id": "w-005", "completed_by": "fern", "evidence": "https://example.org/2"}


def judged(town):
    return [one for one in attention(town) if one.kind == "judge"]


def test_a_completion_for_this_town_is_a_row_with_what_judges_it(paper: Paper) -> None:
    assert not judged(collect(paper.root))
    keep_board(paper.root)
    (row,) = judged(collect(paper.root))
    assert row.subject.id == "w-003" and "fern handed in A ladder" in row.question and row.hint == "gt wl show w-003"
    assert row.orders == ("wanted.accept", "wanted.reject") and HOSTILE in row.evidence[0] and not row.bead
    assert row.needs == YOU and row.stamp == "c-1"


def test_the_row_goes_once_it_was_judged(paper: Paper) -> None:
    keep_board(paper.root)
    assert judged(collect(paper.root))
    keep_board(paper.root, wanted=[item(3, "A ladder", status="completed", claimed_by="fern")])
    assert not judged(collect(paper.root))


def test_the_longest_waiting_is_told_first_and_a_long_text_is_cut(paper: Paper) -> None:
    rows = [
        {**HANDED, "id": f"c-{n}", "wanted_id": f"w-{n:03d}", "completed_at": f"2026-03-0{9 - n} 10:00:00"}
        for n in (1, 2)
    ]
    items = [item(n, "x" * 9000, status="in_review", claimed_by="fern") for n in (1, 2)]
    keep_board(paper.root, wanted=items, completions=rows)
    found = commons_of(paper.root)
    assert found is not None and [one.item.id for one in found.to_judge] == ["w-002", "w-001"]
    assert all(len(one.item.title) == board.MOST_CHARS and one.since > 0 for one in found.to_judge)


def test_what_was_kept_costs_one_small_file_and_a_damaged_one_is_read_anew(paper: Paper, monkeypatch) -> None:
    keep_board(paper.root)
    first = commons_of(paper.root)
    monkeypatch.setattr(board, "read_board", lambda member: (_ for _ in ()).throw(StoreError("not this")))
    assert commons_of(paper.root) == first
    monkeypatch.undo()
    path = next(Path(paper.root).glob(".wasteland/org/*.summary.json"))
    for junk in ("[]", "{", '{"form": 2, "upstream": "org/commons", "handle": "mill", "mark": 1, "to_judge": [3]}'):
        path.write_text(junk)
        assert commons_of(paper.root) == first


def test_a_commons_that_cannot_be_read_is_a_source_with_an_error_and_hides_nothing(paper: Paper) -> None:
    keep_board(paper.root)
    (Path(paper.root) / "mayor/wasteland.json").write_text('{"upstream": 3}')
    found = collect(paper.root)
    assert found.source_error("wasteland") is not None and found.agents


async def test_the_live_town_tells_what_comes_while_it_is_open(paper: Paper) -> None:
    town = LiveTown(paper.root)
    await town.start()
    seen = asyncio.Event()

    async def follow() -> None:
        async for update in town.updates():
            if judged(update.snapshot):
                seen.set()

    task = asyncio.create_task(follow())
    try:
        # joined under the open console; then something is handed in
        keep_board(paper.root, completions=[])
        while town.snapshot.commons is None:
            await asyncio.sleep(0.05)
        assert not judged(town.snapshot)
        keep_board(paper.root)
        await asyncio.wait_for(seen.wait(), 30)
    finally:
        task.cancel()
        await town.close()


def test_each_rig_is_named_where_a_claim_asks_for_one(rigged: Rigged) -> None:
    keep_board(rigged.root)
    found = gt("wl", "claim", "--choices", "--json", "--", "w-001", cwd=rigged.root).json
    assert all(one["number"] in one["what"] for one in found if one["number"] != "-") and len(found) > 1
