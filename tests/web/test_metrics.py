"""The page of figures for Prometheus: its format, its key, and what it says of the town."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.testclient import TestClient

from gastown_core.events.log import append_event
from gastown_core.model.agent import Health
from gastown_core.telemetry.metric_table import ALL_METRICS
from gastown_core.telemetry.prometheus import metrics_key
from gastown_core.telemetry.series import plain_name
from gastown_core.telemetry.tally import count_on
from gastown_core.usage.cost_facts import PATIENCE_S, CostFact, keep, settle
from gastown_core.usage.usage_ledger import UsageLedger
from gastown_web.app import Dashboard
from gastown_web.guard import Guard
from tests.support.rigged import Rigged, rigged  # noqa: F401  a fixture

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)\Z')
NOW = 1_795_790_000.0


def figures(text: str) -> dict[tuple[str, str], float]:
    """The samples of a page; each must be written as the format wants it, after the type of its family."""
    found: dict[tuple[str, str], float] = {}
    types: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, "a family stands in one place"
            types[name] = kind
        elif not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            name = match[1]
            assert name in types or types[name.rpartition("_")[0]] == "histogram", line
            assert (name, match[2] or "") not in found
            found[name, match[2] or ""] = float(match[3])
    return found


def test_the_page_has_sums_usage_and_the_towns_state(rigged: Rigged) -> None:  # noqa: F811
    root = rigged.root
    count_on(root)
    append_event(root, "sling", "mayor", {"bead": "sh-1", "target": "t"})
    append_event(root, 'odd "kind"\\\n', "mayor", {})
    count_on(root)
    with UsageLedger(root) as ledger:
        keep(ledger, [CostFact("s/1", NOW, "mayor", "claude", "claude-x", 100, 10, 5, 7, 0.5)], NOW)
        settle(ledger, NOW + PATIENCE_S)
    guard = Guard("127.0.0.1", 8080, metrics_key=metrics_key(root))
    with TestClient(Dashboard(root, guard).app(), base_url="http://127.0.0.1:8080") as client:
        assert client.get("/metrics").status_code == 401
        headers = {"authorization": f"Bearer {metrics_key(root)}"}
        assert client.get("/", headers=headers).status_code == 401, "the key opens nothing else"
        assert client.post("/metrics", headers=headers).status_code in (403, 405)
        answer = client.get("/metrics", headers=headers)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = figures(answer.text)
    assert found["gastown_sling_dispatches_total", 'status="ok"'] == 1.0
    assert found["gastown_event_total", 'type="odd \\"kind\\"\\\\\\n"'] == 1.0
    whose = 'agent="mayor",gen_ai_request_model="claude-x"'
    assert found["gastown_agent_cost_total", whose] == 0.5
    assert found["gastown_agent_tokens_total", f'{whose},gen_ai_token_type="cache_read"'] == 5.0
    genai = 'gen_ai_operation_name="chat",gen_ai_provider_name="anthropic",gen_ai_request_model="claude-x"'
    assert found["gen_ai_client_inference_tokens", f'{genai},gen_ai_token_type="input"'] == 112.0
    states = {labels for name, labels in found if name == "gastown_agents"}
    assert states
    assert states <= {f'health="{state.value}"' for state in Health}
    assert ("gastown_attention", "") in found


def test_a_town_that_counts_nothing_says_so(rigged: Rigged) -> None:  # noqa: F811
    guard = Guard("127.0.0.1", 8080, metrics_key=metrics_key(rigged.root))
    with TestClient(Dashboard(rigged.root, guard).app(), base_url="http://127.0.0.1:8080") as client:
        text = client.get("/metrics", headers={"authorization": f"Bearer {metrics_key(rigged.root)}"}).text
    assert text.startswith("# telemetry is off")
    assert figures(text)


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    key = metrics_key(str(tmp_path))
    assert len(key) > 30
    assert metrics_key(str(tmp_path)) == key
    (path,) = tmp_path.rglob("metrics-key")
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_stay_different_when_they_are_written_plainly() -> None:
    assert len({plain_name(name) for name in ALL_METRICS}) == len(ALL_METRICS)
