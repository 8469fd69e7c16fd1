"""The queue view names all batches in flight, and front ends agree on the gate that they show."""

from __future__ import annotations

import pytest

from gastown_core.model.refinery import (
    CACHED,
    ERROR,
    FAIL,
    PASS,
    RUNNING,
    TESTING,
    FlightLine,
    GateRun,
    Probe,
    RefineryState,
    gate_to_show,
    probe_to_show,
)
from gastown_core.model.snapshot import RefineryView
from gastown_tui.widgets.queue_panel import flight_pieces

NOW = 1_795_262_671.0


def view(*flights: FlightLine) -> RefineryView:
    return RefineryView("shop", "/t/shop", RefineryState("shop", phase=TESTING, flights=flights), is_alive=True)


def texts(width: int, *flights: FlightLine) -> list[str]:
    return [" ".join("".join(text for text, _ in line).split()) for line in flight_pieces(view(*flights), width, NOW)]


def test_each_of_several_batches_in_flight_has_a_row_below_the_places_in_use() -> None:
    first = FlightLine("b-20261128-101915", "bisecting", ("m1", "m2"), 2, 5, "abc", NOW - 61)
    second = FlightLine("b-2\x1b[31m", "te\nst", ("m3",), 1, 1)
    found = texts(60, first, second)
    assert found[0] == "2 batches in flight, 3 gate places in use"
    assert found[1] == "b-101915 bisecting 2 requests, run 5 01:01"
    assert "\x1b" not in found[2] and "1 request, run 1" in found[2]
    assert all(len("".join(text for text, _ in line)) <= 30 for line in flight_pieces(view(first, second), 30, NOW)[1:])


def test_one_batch_is_shown_by_the_heading_alone() -> None:
    assert texts(60, FlightLine("b-1")) == [] and flight_pieces(None, 60, NOW) == []


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
