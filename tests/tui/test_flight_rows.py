"""The queue view names all batches in flight, and front ends agree on the gate that they show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gastown_core.model.ahead import ConflictAhead
from gastown_core.model.daemon import DaemonView
from gastown_core.model.flights import landing_of, state_of
from gastown_core.model.refinery import (
    CACHED,
    ERROR,
    FAIL,
    PASS,
    RUNNING,
    TESTING,
    BatchEntry,
    BatchRecord,
    FlightLine,
    GateRun,
    Landing,
    Probe,
    QuarantinedTest,
    RefineryState,
    RequestLanes,
    from_json,
    gate_to_show,
    probe_to_show,
    to_json,
)
from gastown_core.model.snapshot import RefineryView, RequestView, RigView, TownSnapshot
from gastown_tui.widgets.probe_panel import batch_rows, why_rows
from gastown_tui.widgets.queue_panel import (
    flight_row,
    lands,
    places_pieces,
    quarantine_pieces,
    queue_rows,
    request_pieces,
    rigs_with_queue,
    stacked,
    told_first,
)
from gastown_tui.widgets.refinery_text import brief, retry_words, why_pieces

NOW = 1_795_262_671.0


def view(*flights: FlightLine, **state: Any) -> RefineryView:
    return RefineryView(
        "shop", "/t/shop", RefineryState("shop", phase=TESTING, flights=flights, **state), is_alive=True
    )


def lines(shown: RefineryView | None, width: int = 80, *, tells_why: bool = False) -> list[str]:
    """The rows of a queue without its heading, as text."""
    town = TownSnapshot("town", "/t", 1, NOW, refineries=(shown,) if shown is not None else ())
    rows = queue_rows(town, width, NOW, False, tells_why=tells_why)[1:]
    return ["".join(text for text, _ in row.pieces).strip() for row in rows]


def text_of(pieces: Any) -> str:
    return "".join(text for text, _ in pieces)


def test_each_of_several_batches_in_flight_has_a_row_below_the_places_in_use() -> None:
    first = FlightLine("b-20261128-101915", "bisecting", ("m1", "m2"), 2, 5, "abc", NOW - 61)
    second = FlightLine("b-2\x1b[31m", "te\nst", ("m3",), 1, 1)
    found = [" ".join(line.split()) for line in lines(view(first, second), 60)]
    assert found[0] == "2 batches in flight, gate places in use here: 3"
    assert found[1] == "b-101915 bisecting 2 requests run 5 01:01"
    assert "\x1b" not in found[2] and "1 request run 1" in found[2]


def test_the_row_of_a_batch_leaves_out_what_has_no_room_and_cuts_no_word() -> None:
    flight = FlightLine("b-20261128-101921", "testing", ("m1",), 1, 1, "abc", NOW - 20, on="b-20261128-101915", lanes=("core",))  # fmt: skip
    assert text_of(flight_row(flight, 1, 42, NOW, False)).split() == ["└", "b-101921", "testing", "core", "00:20"]
    assert "1 request  on b-101915  run 1" in text_of(flight_row(flight, 1, 80, NOW, False))
    union = FlightLine("b-20261128-101921", "testing", (), 1, 1, "abc", NOW - 20, union=("b-1",))
    assert "union of 1" in text_of(flight_row(union, 0, 42, NOW, False))
    for width in range(24, 90):
        row = text_of(flight_row(flight, 1, width, NOW, False))
        assert len(row) <= width and (width < 32 or "…" not in row), width


def test_a_batch_stands_below_the_one_on_whose_stack_it_is_and_none_is_lost_in_a_ring() -> None:
    chain = (FlightLine("b-1"), FlightLine("b-2"), FlightLine("b-3", on="b-1"), FlightLine("b-4", on="b-3"))
    assert [(depth, one.batch) for depth, one in stacked(chain)] == [(0, "b-1"), (1, "b-3"), (2, "b-4"), (0, "b-2")]
    ring = (FlightLine("b-1", on="b-2"), FlightLine("b-2", on="b-1"), FlightLine("b-3", on="b-3"))
    assert sorted(one.batch for _, one in stacked(ring)) == ["b-1", "b-2", "b-3"]


def test_one_batch_is_shown_by_the_heading_alone() -> None:
    assert lines(view(FlightLine("b-1")), 60) == [] and places_pieces(None, 60) == []


def told(shown: RefineryView, width: int = 80) -> list[str]:
    return lines(shown, width)


def test_places_in_use_are_told_of_how_many_and_a_run_without_a_place_takes_none_and_says_why() -> None:
    runs, waits = Probe(1, ("m1",)), Probe(2, ("m2",), waits="the load is 9.0 per core\x1b[2J")
    assert told(view(probes=(runs, Probe(3, (), result=PASS)), places=4)) == ["1 of 4 gate places in use here"]
    used, why = told(view(probes=(runs, waits), places=1))
    assert used == "1 of 1 gate places in use here"
    assert why.startswith("a run waits: the load is 9.0 per core") and "\x1b" not in why
    assert told(view(probes=(runs,), places=1)) == []
    chained = (FlightLine("b-20261128-101915", running=1), FlightLine("b-20261128-101920", on="b-20261128-101915"))
    found = told(view(*chained, places=2))
    assert found[0] == "2 batches in flight, 1 of 2 gate places in use here" and "on b-101915" in found[2]


def test_requests_of_all_batches_in_flight_stand_above_those_that_wait() -> None:
    flights = (FlightLine("b-1", requests=("m1",), running=1), FlightLine("b-2", requests=("m2",), running=1))
    shown = view(*flights, FlightLine("b-3", requests=("m3",)), requests=(BatchEntry("m1", "b", "w", "i", "Work"),))
    names = ("m4", "m3", "m2", "m1")
    requests = tuple(RequestView(one, "shop", "b", "opal", "merging", "i", 0.0, title=f"Do {one}") for one in names)
    town = TownSnapshot("town", "/t", 1, NOW, requests=requests, refineries=(shown,))
    rows = ["".join(text for text, _ in row.pieces) for row in queue_rows(town, 80, NOW, False)]
    found = [line.split()[1] for line in rows[1:] if " m" in line or "next" in line]
    assert "1 merging" in rows[0] and found == ["m1", "m2", "m3", "next", "m4"]
    words = {line.split()[1]: line.split()[-1] for line in rows if " Do " in line}
    assert words["m2"] == "testing" and words["m3"] == "stacked" and words["m4"] == "merging"


def test_a_batch_whose_requests_another_one_lands_does_not_count_none_of_none() -> None:
    assert BatchRecord("b-1").outcome == "left to the next batch"
    assert BatchRecord("b-1", mrs=("m1", "m2"), merged=("m1",)).outcome == "1 of 2 landed"


def test_lanes_stand_beside_batches_and_requests_and_a_union_run_says_what_it_tests() -> None:
    web = FlightLine("b-20261128-101915", "testing", ("m1",), 1, 1, lanes=("web",))
    union = FlightLine("b-20261128-101920", "testing", (), 1, 1, union=("b-1", "b-2"))
    wide = FlightLine("b-20261128-101930", "testing", ("m2",), lanes=("a", "b\x1b[2J", "c"))
    found = told(view(web, union, wide))
    assert "web  1 request  run 1" in found[1]
    assert "union of 2  all gates" in found[2] and "0 request" not in found[2]
    assert "3 lanes" in found[3] and not any("\x1b" in one for one in found)
    request = RequestView("m1", "shop", "b", "opal", "queued", "i", 0.0, title="Fix it")

    def row(width: int) -> str:
        pieces = request_pieces("queued", "m1", request, "", width, NOW, False, None, ("web", "co\x1bre"))
        return "".join(text for text, _ in pieces)

    assert "web+co" in row(80) and "\x1b" not in row(80) and "web" not in row(36) and "Fix it" in row(50)
    state = RefineryState(
        "shop", lanes=("web",), union=("b-1",), reaches=(RequestLanes("m1", ("web",)),), flights=(web, union)
    )
    assert from_json(json.loads(json.dumps(to_json(state)))) == state
    odd = from_json({"rig": "shop", "lanes": "web", "union": 3, "reaches": [{"id": "m1", "lanes": 4}, {"id": 5}]})
    assert odd is not None and odd.reaches == (RequestLanes("m1"),) and odd.lanes == odd.union == ()


def test_a_request_says_when_it_is_expected_to_land_until_that_is_past() -> None:
    landing = Landing("m1", NOW + 240, NOW + 300, NOW + 720)

    def row(width: int, now: float = NOW) -> str:
        pieces = request_pieces("queued", "m1", None, "", width, now, False, landing)
        return "".join(text for text, _ in pieces)

    assert "lands in 4m–12m" in row(80) and "~5m" in row(50) and "5m" not in row(30)
    assert "lands" not in row(80, NOW + 721)


def test_the_state_file_keeps_the_forecast_and_drops_what_is_none() -> None:
    state = RefineryState("shop", places=4, forecast=(Landing("m1", 1.0, 2.0, 3.0),))
    assert from_json(json.loads(json.dumps(to_json(state)))) == state
    odd = from_json({"rig": "shop", "places": "four", "forecast": [{"id": 3}, "x", {"id": "m1", "late": "soon"}]})
    assert odd is not None and odd.places == 0 and odd.forecast == (Landing("m1"),)


@pytest.mark.parametrize(
    ("results", "shown"),
    [((), -1), ((PASS, PASS), 1), ((FAIL, ERROR, PASS), 0), ((PASS, ERROR, FAIL), 1), ((FAIL, RUNNING, RUNNING), 2), ((CACHED,), 0)],
)  # fmt: skip
def test_the_gate_shown_runs_or_failed_first_or_was_last(results: tuple[str, ...], shown: int) -> None:
    gates = tuple(GateRun(f"g{number}", result) for number, result in enumerate(results))
    assert gate_to_show(Probe(1, (), gates=gates)) == (gates[shown] if shown >= 0 else None)


def test_the_probe_shown_runs_or_is_the_last() -> None:
    one, two, three = (Probe(number, (), result=result) for number, result in ((1, RUNNING), (2, RUNNING), (3, PASS)))
    assert probe_to_show((one, two, three)) == two and probe_to_show((three,)) == three and probe_to_show(()) is None


def test_tests_in_quarantine_are_named_until_it_ends_also_while_nothing_is_tested() -> None:
    tests = (QuarantinedTest("net\x1b[31m::a", "unit", NOW + 60), QuarantinedTest("late", "unit", NOW - 1))
    state = from_json(json.loads(json.dumps(to_json(RefineryState("shop", quarantined=tests)))))
    assert state is not None and state.quarantined == tests
    [line] = quarantine_pieces(RefineryView("shop", "/t/shop", state), 80, NOW)
    text = "".join(part for part, _ in line).strip()
    twice = RefineryState("shop", quarantined=(tests[0], QuarantinedTest(tests[0].test, "whole", NOW + 60)))
    [again] = quarantine_pieces(RefineryView("shop", "/t/shop", twice), 80, NOW)
    assert again == line, "a test that two gates run is one test"
    assert (
        text.startswith("1 test in quarantine, red counts as green: net") and "\x1b" not in text and "late" not in text
    )
    assert not quarantine_pieces(RefineryView("shop", "/t/shop", state), 80, NOW + 61) + quarantine_pieces(
        None, 80, NOW
    )
    odd = from_json({"rig": "shop", "quarantined": [5, {"test": 5}, {"test": "a", "until": "x"}]})
    assert odd is not None and odd.quarantined == (QuarantinedTest("a"),)


def test_a_landing_that_may_come_at_once_says_by_when() -> None:
    assert lands(Landing("gt-1", NOW, NOW + 8, NOW + 15), NOW, False, is_wide=True) == "lands within 15s"
    assert lands(Landing("gt-1", NOW, NOW, NOW + 0.2), NOW, False, is_wide=True) == "lands now"
    back = Landing("gt-1", NOW + 60, NOW + 90, NOW + 120, 0.9)
    assert (
        lands(back, NOW, False, is_wide=True) == "goes back 90 %" and lands(back, NOW, False, is_wide=False) == "back?"
    )


def whys(shown: RefineryView, width: int = 60) -> str:
    return "\n".join(text_of(row.pieces) for row in why_rows(shown, width, False))


def test_why_batches_run_one_after_the_other_is_said_and_not_beside_several() -> None:
    alone = "merging\x1b[31m is frozen"
    assert "one batch at a time: merging␛[31m is frozen" in whys(view(places=2, alone=alone))
    assert "one batch at a time" not in whys(view(FlightLine("b-1"), FlightLine("b-2"), places=2, alone=alone))
    assert "one batch at a time" in "\n".join(lines(view(places=2, alone=alone), tells_why=True))


def test_the_panel_of_the_batch_tells_every_reason_in_full_and_of_several_batches_whose_it_is() -> None:
    size = "size: all 2 that wait; a full batch has 12, the cheapest at a failure rate of 6 % and 1 % of runs red by chance"
    shown = whys(view(why=(size, "begin: at once: no other batch is in flight")))
    assert "".join(shown.split()).endswith(
        "".join(
            (size + "begin: at once: no other batch is in flight")
            .replace("size:", "size")
            .replace("begin:", "begin")
            .split()
        )
    )
    assert max(map(len, shown.splitlines())) <= 60
    several = whys(view(FlightLine("b-1", why=(size,)), FlightLine("b-2", why=("chain: on b-1\x1b[2J",))))
    assert "b-1  size   all 2" in several and "b-2  chain  on b-1" in several and "\x1b" not in several
    gone = view(why=(size,))._replace(is_alive=False)
    assert whys(gone) == "" and whys(view()) == ""


def test_where_the_queue_stands_alone_it_tells_the_most_important_reason_of_each_batch() -> None:
    why = ("size: all 2 that wait; a full batch has 12", "begin: at once: no other batch is in flight")
    one = FlightLine("b-1", requests=("m1",), why=why)
    two = FlightLine("b-2", on="b-1", why=("size: x", "lane: core", "chain: on the stack of b-1"))
    town = view(one, two, why=why)
    assert not [line for line in lines(town) if line.startswith(("begin", "chain", "size"))]
    found = lines(town, tells_why=True)
    assert [line.split()[0] for line in found if line.startswith(("begin", "chain", "size"))] == ["begin", "chain"]
    assert lines(view(why=why), tells_why=True) == ["size   all 2 that wait; a full batch has 12"]
    assert told_first(()) == "" and told_first(("odd",)) == "odd"


def test_why_nothing_else_begins_stands_above_what_waits_in_two_lines_at_most() -> None:
    shown = view(
        requests=(BatchEntry("m1", "b"),),
        next="2 requests wait, too few for a batch beside the batch in the first run; a full one takes 12",
    )
    waits = RequestView("m2", "shop", "b", "opal", "queued", "i", 0.0, title="Do it")
    town = TownSnapshot("town", "/t", 1, NOW, requests=(waits,), refineries=(shown,))
    found = [text_of(row.pieces).strip() for row in queue_rows(town, 58, NOW, False)]
    at = next(number for number, line in enumerate(found) if line.startswith("why"))
    assert "next" in found[at - 1] and found[at + 1].endswith("a full one takes 12") and "m2" in found[at + 2]
    assert not [one for one in lines(shown) if one.startswith("why")], "nothing waits"


def test_a_sentence_without_room_ends_after_a_clause_if_it_can() -> None:
    assert brief("what landed is not verified yet; this goes first", 40) == "what landed is not verified yet"
    assert brief("the rig has one gate place (merge_queue.max_concurrent)", 40) == "the rig has one gate place"
    assert brief("a, bcdefghijklmnopqrst", 12) == "a, bcdefghi…" and brief("short", 5) == "short"
    [line] = why_pieces("order: by score: gt-1 1400, gt-2 1300", 24, 1)
    assert text_of(line).startswith("order  by score: gt-1") and len(text_of(line)) <= 24
    assert [text_of(one) for one in why_pieces("x" * 40, 24)][0].startswith("       ")


def test_a_held_queue_names_the_branch_whose_change_ends_it_also_between_two_batches() -> None:
    held = RefineryView("shop", "/t/shop", RefineryState("shop", phase="held", last={"target": "main"}))
    assert "when main changes" in retry_words(held, NOW)
    assert "when the target changes" in retry_words(held._replace(state=RefineryState("shop", phase="held")), NOW)


def test_what_was_taken_back_is_named_among_the_last_batches() -> None:
    back = BatchRecord("b-1", pushed=("m1", "m2"), found="taken back", pair=("m2",))
    assert back.outcome == "push of 2 taken back: m2"
    assert BatchRecord("b-1", pushed=("m1",), found="green").outcome == "push of 1 green"


def test_a_green_batch_waits_to_land_and_its_requests_are_good() -> None:
    green = FlightLine("b-2", TESTING, ("sh-1",), 0, 1, good=("sh-1",))
    for flight, words in (
        (green, "waits to land"),
        (green._replace(running=1), "testing"),
        (green._replace(waits="all places are taken"), "testing"),
        (green._replace(good=()), "testing"),
    ):
        shown = view(flight, FlightLine("b-1", TESTING, ("sh-2",), 1, 1))
        assert any(words in line for line in lines(shown) if "b-2" in line), flight
    town = TownSnapshot("town", "/t", 1, NOW, refineries=(view(green, FlightLine("b-1", TESTING)),))
    request = RequestView("sh-1", "shop", "b", "cat", "merging", "", 0.0)
    rows = queue_rows(town._replace(requests=(request,)), 80, NOW, False)
    assert any("sh-1" in "".join(text for text, _ in row.pieces) and "good" in row.pieces[-2][0] for row in rows)


def test_one_that_was_singled_out_since_the_forecast_is_not_told_to_land() -> None:
    soon = Landing("sh-1", NOW, NOW + 1, NOW + 2)
    entries = tuple(BatchEntry(f"sh-{one}", "b", state=state) for one, state in ((1, "testing"), (2, "culprit")))
    state = RefineryState("shop", phase=TESTING, requests=entries, forecast=(soon, soon._replace(id="sh-2")))
    assert landing_of(state, "sh-1") == soon and landing_of(state, "sh-2") is None and landing_of(state, "x") is None
    assert landing_of(state._replace(suspects=("sh-1",)), "sh-1") is None
    assert landing_of(state._replace(hold_kind="frozen"), "sh-1") is None, "nothing lands before the thaw"
    sure = soon._replace(sent_back=0.8)
    assert landing_of(state._replace(suspects=("sh-1",), forecast=(sure,)), "sh-1") == sure
    culprit = RefineryView("shop", "/t/shop", state, is_alive=True)
    assert any("sh-2" in line and "lands" not in line for line in lines(culprit, 120)), lines(culprit, 120)
    assert any("sh-1" in line and "lands" in line for line in lines(culprit, 120))


def test_the_state_file_keeps_the_probes_of_each_batch_in_flight() -> None:
    tree = (Probe(1, ("sh-1",), "stack", result=RUNNING, gates=(GateRun("unit", RUNNING),)),)
    judged = (BatchEntry("sh-1", "b", state="culprit", why="unit is red"),)
    other = FlightLine("b-2", TESTING, ("sh-1",), 1, 1, tree=tree, judged=judged, good=("sh-1",), started_at=5.0)
    first = FlightLine("b-1", TESTING, ("sh-0",))
    state = RefineryState(
        "shop", phase=TESTING, batch="b-1", flights=(first, other), requests=(BatchEntry("sh-0", "a"),)
    )
    again = from_json(json.loads(json.dumps(to_json(state))))
    assert again == state
    shown = state_of(state, "b-2")
    assert (shown.batch, shown.probes, shown.requests, shown.started_at, shown.good) == (
        "b-2",
        tree,
        judged,
        5.0,
        ("sh-1",),
    )
    assert shown.flights == state.flights and state_of(state, "b-1") is state and state_of(state, "gone") is state


def test_all_open_rigs_have_a_queue_once_one_has() -> None:
    rigs = (
        RigView("shop", "sh", "/t/shop"),
        RigView("pages", "pg", "/t/pages"),
        RigView("docked", "do", "/t/docked", "docked"),
    )
    town = TownSnapshot("town", "/t", 1, NOW, rigs=rigs)
    assert rigs_with_queue(town) == []
    assert rigs_with_queue(town._replace(refineries=(view(),))) == ["shop", "pages"]


def test_the_reasons_of_the_batch_that_is_shown_stand_first() -> None:
    flights = tuple(FlightLine(f"b-{n}", TESTING, why=(f"size: of {n}",)) for n in (1, 2, 3))
    for batch, order in (("b-1", "123"), ("b-3", "312")):
        shown = view(*flights, batch="b-1")
        rows = why_rows(shown._replace(state=state_of(shown.state, batch)), 60, False)
        told = ["".join(text for text, _ in row.pieces) for row in rows]
        assert [line[-1] for line in told if "size" in line] == list(order), told


@pytest.mark.parametrize(
    ("kind", "word", "told"),
    [
        ("frozen", ", frozen", "by ana. What is tested goes on to its end; what is green then waits"),
        ("red-target", ", held", "held: by ana. What is tested now may end that."),
        ("", "", ""),
    ],
)
def test_a_batch_at_work_while_nothing_lands_says_so_in_its_heading_and_its_panel(
    kind: str, word: str, told: str
) -> None:
    shown = view(hold_kind=kind, hold_reason="by ana" if kind else "", batch="b-1")
    town = TownSnapshot("town", "/t", 1, NOW, refineries=(shown,))
    heading = text_of(queue_rows(town, 80, NOW, False, tells_why=False)[0].pieces)
    assert heading.split("  ")[1] == f"testing{word}"
    panel = "\n".join(text_of(row.pieces) for row in batch_rows(shown, 120, NOW, False))
    assert told in panel and panel.startswith("‖ ") == bool(kind)
    dead = shown._replace(is_alive=False, trouble="the engine is gone")
    assert "engine died" in text_of(
        queue_rows(town._replace(refineries=(dead,)), 80, NOW, False, tells_why=False)[0].pieces
    )
    assert not dead.works_on_hold


@pytest.mark.parametrize(
    ("state", "word", "told"),
    [
        ("stopped", "idle", "⚠ the daemon was stopped"),
        ("died", "idle", "⚠ the daemon died"),
        ("never", "idle", ""),
        ("runs", "idle", ""),
        ("stopped", "testing", ""),
        ("stopped", "held", ""),
    ],
)
def test_a_queue_that_waits_for_a_daemon_says_so_below_its_heading(state: str, word: str, told: str) -> None:
    engine = RefineryView("shop", "/t/shop", RefineryState("shop", phase=word, batch="b-1"), is_alive=True)
    request = RequestView("m2", "shop", "b", "opal", "queued", "i", 0.0, title="Do it")
    town = TownSnapshot("town", "/t", 1, NOW, refineries=(engine,), requests=(request,))
    town = town._replace(daemon=DaemonView(state, since=NOW - 60))
    found = [text_of(row.pieces).strip() for row in queue_rows(town, 60, NOW, False)]
    assert found[1].startswith(told) if told else not any("daemon" in line for line in found)
    assert not any("daemon" in text_of(row.pieces) for row in queue_rows(town._replace(requests=()), 60, NOW, False))


def test_conflicts_ahead_are_told_below_the_heading_in_two_lines_at_most() -> None:
    pairs = tuple(ConflictAhead(f"opal and jade{number} both change " + "cart.py " * number) for number in range(1, 9))
    found = lines(view()._replace(ahead=pairs), 60)
    told = [one for one in found if "⚠" in one]
    assert len(told) == 4 and told[0] == "⚠ conflict: opal and jade1 both change cart.py"
    assert told[-1] == "⚠ 5 more pairs of branches: gt mq conflicts shop" and len(found) <= 8
    assert not lines(view())
