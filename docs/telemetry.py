"""The page of telemetry's data model, and the Grafana dashboard, from the tables of metrics and log records."""

from __future__ import annotations

import json

from gastown_core.telemetry.metric_table import (
    ALL_METRICS,
    COUNTER,
    HISTOGRAM,
    LOGS,
    METRICS,
    OUR_LOGS,
    OURS,
    UNTOLD,
    LogKind,
    Metric,
)

HEAD = """# Telemetry: the data model

This page is made from the tables of `gastown_core/telemetry/metric_table.py` (`make docs`).
[How telemetry works](otel-architecture.md) says where it goes, and what it costs.

OTLP names are as below. Remote write and `/metrics` write them as Prometheus does, with `_` for every other character:
`gastown_sling_dispatches_total`. All counters are cumulative, with the time since which they count as their start;
`service.instance.id` names that row of sums. A metric has at most 500 series; what has further attributes is counted
together, with the attribute `otel.metric.overflow`.
"""
ORIGIN = """
## Who did it

Metrics come from the resource `service.name = gastown-daemon`. Log records and spans come from `service.name = gastown`
with the attributes of who did it: `gt.actor`, and for an agent `gt.role`, `gt.rig` and `gt.agent`. All have `service.version`,
`host.name`, `os.type`, `os.description`, `gt.town`, and what `OTEL_RESOURCE_ATTRIBUTES` of the daemon adds. `run.id` is the agent's
run (`GT_RUN`), on what its commands told.
"""
RECORDS = """
## Log records

The logger is `gastown`, the body (and the event name) is the name below, severity is INFO or ERROR. All but notices carry `status`
(`ok`, `error`) and, on failure, `error`: the kind of the error, without its words. `log.record.uid` is the same when a record is sent
again. Beads, agents and merge requests are told by their ids. Titles, subjects, reasons and prompts are not told.
"""
OPT_INS = """
## Content

An attribute in *italics* is content, and is told only with its opt-in: the variable set to `true` for the daemon and the
program that tells it, or its name in the setting `telemetry.content`. Texts are cut to `GT_LOG_BD_CONTENT_LIMIT` (2048 bytes),
`GT_LOG_AGENT_CONTENT_LIMIT` (512), `GT_LOG_PANE_CONTENT_LIMIT` (8192; 0: not cut), all others to 256 bytes.
"""
SPANS = """
## Spans

| span | from | until | attributes |
|---|---|---|---|
| `gt COMMAND`, `bd COMMAND` | its start | its end; an error says of which kind | `gastown.command`, `process.exit.code`; below the caller's span if `TRACEPARENT` names one |
| `invoke_agent AGENT` | the session's start | its end | `gen_ai.operation.name`, `gen_ai.agent.name`, `gen_ai.agent.id` (the session), `gen_ai.provider.name`, `gen_ai.request.model`, `gen_ai.usage.input_tokens`, `gen_ai.usage.output_tokens`, `gen_ai.usage.cache_read.input_tokens`, `gen_ai.usage.cache_creation.input_tokens` |
| `bead ID` | its sling | its merge | `gastown.bead`, `gastown.target` |
| `work ID`, `merge ID`, below that | its sling, its hand-in | its hand-in, the merge or its failure | also `gastown.exit_type`, `gastown.result` |

The ids of spans are made from what they are about, so one that is sent again is the same span.

## GenAI conventions

Names follow `open-telemetry/semantic-conventions-genai` at commit `002c8a6ea1c8a42b14a4527db83b3cabcded610a`: nothing has been released there
yet, and that commit has counters in place of the histogram `gen_ai.client.token.usage`. Figures come from the
usage ledger (`gt costs`), which counts each message once.
"""
SOURCES = {"usage ledger": "the usage ledger", "ledger": "the ledger's server", "snapshot": "the town's snapshot"}
ABSENT = f"""
Nothing tells these attributes yet: {", ".join(f"`{one}`" for one in sorted(UNTOLD - {row.name for row in LOGS}))}.
"""
NO_DOLT = "\nThe `gastown.dolt` gauges tell of a ledger on a Dolt server; a ledger of files has none. The size is told where the databases are the town's own.\n"


def data_model_page() -> str:
    """The page of metrics, records and spans."""
    parts = [HEAD, "## Metrics", "", *_metrics(METRICS), NO_DOLT, "Further ones:", "", *_metrics(OURS), ORIGIN]
    parts += [RECORDS, *_records(LOGS), ABSENT, "Further ones:", "", *_records(OUR_LOGS), OPT_INS, SPANS]
    return "\n".join(parts)


def _metrics(rows: tuple[Metric, ...]) -> list[str]:
    lines = ["| metric | kind | unit | attributes | what it counts | from |", "|---|---|---|---|---|---|"]
    for row in rows:
        names = ", ".join(f"`{one.partition('=')[0]}`" for one in row.attributes) or "–"
        source = SOURCES.get(row.note, f"`{row.note}`")
        lines.append(f"| `{row.name}` | {row.kind} | {row.unit} | {names} | {row.about} | {source} |")
    return lines


def _records(rows: tuple[LogKind, ...]) -> list[str]:
    lines = ["| record | attributes | told when | opt-in |", "|---|---|---|---|"]
    for row in rows:
        names = [f"`{one}`" for one in row.attributes] + [f"*`{one}`*" for one, _ in row.opt_attributes]
        opt_in = row.opt_in or ", ".join(dict.fromkeys(opt for _, opt in row.opt_attributes))
        name = f"`{row.name}`" + (" (notice)" if row.notice else "") + (", not told yet" if row.name in UNTOLD else "")
        lines.append(f"| {name} | {', '.join(names)} | {row.about} | {f'`{opt_in}`' if opt_in else '–'} |")
    return lines


PANELS = (
    ("Work", "slung", "gastown.sling.dispatches.total", "status"),
    ("Work", "handed in", "gastown.done.total", "exit_type"),
    ("Work", "merges", "gastown.merge.total", "result"),
    ("Work", "convoys", "gastown.convoy.creates.total", "status"),
    ("Work", "formulas slung", "gastown.formula.instantiations.total", "formula"),
    ("Work", "wisps", "gastown.mol.wisps.total", "formula"),
    ("Work", "cooked", "gastown.mol.cooks.total", "formula"),
    ("Work", "squashed", "gastown.mol.squashes.total", "status"),
    ("Work", "burned", "gastown.mol.burns.total", "status"),
    ("Work", "beads of molecules", "gastown.bead.creates.total", "mol_source"),
    ("Agents", "agents by health", "gastown.agents", "health"),
    ("Agents", "waiting on a person", "gastown.attention", ""),
    ("Agents", "sessions started", "gastown.session.starts.total", "role"),
    ("Agents", "sessions ended", "gastown.session.stops.total", "status"),
    ("Agents", "programs started", "gastown.agent.instantiations.total", "agent_type"),
    ("Agents", "polecats spawned", "gastown.polecat.spawns.total", "status"),
    ("Agents", "polecats removed", "gastown.polecat.removes.total", "status"),
    ("Agents", "hooks", "gastown.agent.state_changes.total", "new_state"),
    ("Agents", "prompts typed", "gastown.prompt.sends.total", "status"),
    ("Agents", "briefings", "gastown.prime.total", "role"),
    ("Agents", "nudges", "gastown.nudge.total", "status"),
    ("Agents", "mail", "gastown.mail.operations.total", "operation"),
    ("Agents", "escalations", "gastown.escalation.total", "severity"),
    ("Agents", "tools allowed and refused", "gastown.tool.decisions.total", "decision"),
    ("Agents", "entries of transcripts", "gastown.agent.events.total", "event_type"),
    ("Agents", "pane output", "gastown.pane.output.total", "session"),
    ("Usage", "cost", "gastown.agent.cost.total", "agent"),
    ("Usage", "tokens by agent", "gastown.agent.tokens.total", "agent"),
    ("Usage", "answers of models", "gastown.agent.messages.total", "agent"),
    ("Usage", "tokens by model", "gen_ai.client.inference.tokens", "gen_ai.request.model"),
    ("Usage", "input by cache", "gen_ai.client.inference.input_tokens_by_cache", "gen_ai.token.cache"),
    ("The town itself", "calls of bd", "gastown.bd.calls.total", "subcommand"),
    ("The town itself", "95 % of calls of bd take less", "gastown.bd.duration_ms", "subcommand"),
    ("The town itself", "commands", "gastown.command.total", "command"),
    ("The town itself", "95 % of commands take less", "gastown.command.duration_ms", "command"),
    ("The town itself", "events", "gastown.event.total", "type"),
    ("The town itself", "heartbeats of the daemon", "gastown.daemon.heartbeat.total", ""),
    ("The town itself", "agents restarted, by role", "gastown.daemon.restart.total", "agent.type"),
    ("The town itself", "agents restarted, by agent", "gastown.daemon.agent_restarts.total", "agent_type"),
    ("The town itself", "Dolt: connections", "gastown.dolt.connections", ""),
    ("The town itself", "Dolt: connections allowed", "gastown.dolt.max_connections", ""),
    ("The town itself", "Dolt: query latency", "gastown.dolt.query_latency_ms", ""),
    ("The town itself", "Dolt: size", "gastown.dolt.disk_usage_bytes", ""),
    ("The town itself", "Dolt: healthy", "gastown.dolt.healthy", ""),
)
"""Row, title, metric, and the attribute by which it is split."""
UNITS = {"1": "short", "ms": "ms", "USD": "currencyUSD", "{token}": "short", "By": "bytes"}
WIDTH, HEIGHT, ACROSS = 8, 7, 3


def dashboard() -> str:
    """The Grafana dashboard, as a file to import; its queries take both spellings of the names."""
    panels: list[dict[str, object]] = []
    top = left = 0
    last = ""
    for number, (row, title, metric, by) in enumerate(PANELS, 1):
        if row != last:
            top, left, last = top + (HEIGHT if left else 0), 0, row
            place = {"h": 1, "w": 24, "x": 0, "y": top}
            panels.append(
                {"id": 1000 + number, "type": "row", "title": row, "collapsed": False, "gridPos": place, "panels": []}
            )
            top += 1
        panels.append(_panel(number, title, ALL_METRICS[metric], by, left * WIDTH, top))
        left = (left + 1) % ACROSS
        top += 0 if left else HEIGHT
    source = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}
    value = {"title": "Gas Town", "uid": "gastown", "tags": ["gastown"], "schemaVersion": 39, "version": 1}
    value |= {
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _panel(number: int, title: str, row: Metric, by: str, left: int, top: int) -> dict[str, object]:
    label = by.replace(".", "_")
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "description": f"{row.name}: {row.about}",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": left, "y": top},
        "fieldConfig": {"defaults": {"unit": UNITS[row.unit]}, "overrides": []},
        "targets": [{"refId": "A", "expr": query_of(row, by), "legendFormat": f"{{{{{label}}}}}" if label else title}],
    }


def query_of(row: Metric, by: str) -> str:
    """Return the query of a panel. A name has dots or underscores, and may have its unit, as its backend keeps it."""
    groups = f"by ({by.replace('.', '_')}) " if by else ""
    if row.kind == HISTOGRAM:
        inner = f"sum by (le{', ' + by.replace('.', '_') if by else ''}) (rate({_named(row.name, '_bucket')}[$__rate_interval]))"
        return f"histogram_quantile(0.95, {inner})"
    if row.kind == COUNTER:
        return f"sum {groups}(increase({_named(row.name)}[$__interval]))"
    return f"sum {groups}({_named(row.name)})"


def _named(name: str, end: str = "") -> str:
    stem = name.removesuffix(".total").replace(".", "[._]")
    unit = "(_[a-zA-Z]+)?" if end else ""
    last = "([._][a-zA-Z]+)?[._]total" if name.endswith(".total") else f"{unit}{end}"
    return f'{{__name__=~"{stem}{last}"}}'
