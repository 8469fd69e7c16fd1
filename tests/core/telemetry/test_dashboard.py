"""The Grafana dashboard asks for metrics that exist, by attributes that they have, and leaves none out."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docs.telemetry import PANELS, query_of
from gastown_core.telemetry.metric_table import ALL_METRICS
from gastown_core.telemetry.series import plain_name

FILE = json.loads((Path(__file__).parents[3] / "docs" / "grafana-dashboard.json").read_text())
QUERIES = {panel["title"]: panel["targets"][0]["expr"] for panel in FILE["panels"] if panel["type"] == "timeseries"}


def test_each_metric_has_a_panel_and_each_panel_a_metric() -> None:
    assert {metric for _, _, metric, _ in PANELS} == set(ALL_METRICS)
    assert set(QUERIES) == {title for _, title, _, _ in PANELS}
    assert len({panel["id"] for panel in FILE["panels"]}) == len(FILE["panels"])


def test_a_panel_is_split_by_an_attribute_of_its_metric() -> None:
    for _, title, metric, by in PANELS:
        assert not by or by in [one.partition("=")[0] for one in ALL_METRICS[metric].attributes], title


def test_a_query_matches_both_spellings_of_its_metric_and_no_other() -> None:
    for _, title, metric, by in PANELS:
        assert QUERIES[title] == query_of(ALL_METRICS[metric], by)
        (pattern,) = re.findall(r'__name__=~"([^"]+)"', QUERIES[title])
        end = "_bucket" if pattern.endswith("_bucket") else ""
        for other in ALL_METRICS:
            for name in (other + end, plain_name(other) + end):
                assert (re.fullmatch(pattern, name) is not None) == (other == metric), (title, name)


def test_panels_do_not_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in FILE["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
