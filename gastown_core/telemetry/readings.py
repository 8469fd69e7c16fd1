"""Figures that are read and not counted: what agents used, by the usage ledger, how the town stands, by its snapshot, and how its server is."""

from __future__ import annotations

import os
from collections import Counter

from gastown_core.usage.usage_ledger import UsageLedger, ledger_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.model.snapshot import TownSnapshot
    from gastown_core.telemetry.tally import Key

    Read = dict[str, dict[Key, float]]

TOKENS_BY_AGENT, COST, MESSAGES = (
    "gastown.agent.tokens.total",
    "gastown.agent.cost.total",
    "gastown.agent.messages.total",
)
GENAI_TOKENS, GENAI_BY_CACHE = "gen_ai.client.inference.tokens", "gen_ai.client.inference.input_tokens_by_cache"
MODEL, TYPE, CACHE = "gen_ai.request.model", "gen_ai.token.type", "gen_ai.token.cache"
_PROVIDERS = (("claude", "anthropic"), ("gpt", "openai"), ("codex", "openai"), ("gemini", "gcp.gemini"))
"""How a model's name begins, and its ``gen_ai.provider.name``."""
_USED = """
SELECT agent, model, sum(messages), sum(input), sum(output), sum(cache_read), sum(cache_write), sum(told), sum(cost)
FROM total GROUP BY agent, model HAVING sum(messages) > 0 ORDER BY agent, model
"""


def read_usage(root: str) -> Read:
    """Return what agents used since the usage ledger began; nothing without a ledger. Raises StoreError."""
    if not os.path.exists(ledger_path(root)):
        return {}
    with UsageLedger(root, only_read=True) as ledger:
        rows = ledger.db.execute(_USED).fetchall()
    found: Read = {}
    for agent, model, messages, fresh, out, read, written, told, cost in rows:
        whose = (("agent", agent), (MODEL, model))
        _add(found, MESSAGES, whose, messages)
        if told:
            _add(found, COST, whose, cost)
        for kind, value in (("input", fresh), ("output", out), ("cache_read", read), ("cache_write", written)):
            _add(found, TOKENS_BY_AGENT, (*whose, (TYPE, kind)), value)
        what = (("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", provider_of(model)), (MODEL, model))
        whose_model: Key = tuple(pair for pair in what if pair[1])
        # by the conventions, input counts what came from the cache and went into it
        for kind, value in (("input", fresh + read + written), ("output", out)):
            _add(found, GENAI_TOKENS, (*whose_model, (TYPE, kind)), value)
        for kind, value in (("none", fresh), ("read", read), ("creation", written)):
            _add(found, GENAI_BY_CACHE, (*whose_model, (CACHE, kind)), value)
    return found


def _add(found: Read, metric: str, key: Key, value: float) -> None:
    series = found.setdefault(metric, {})
    series[key] = series.get(key, 0.0) + value


def provider_of(model: str) -> str:
    """Return who provides a model, as far as its name tells."""
    return next((provider for start, provider in _PROVIDERS if model.startswith(start)), "")


def used_between(root: str, agent: str, start: float, end: float) -> Mapping[str, str | int]:
    """Return what an agent's run used, as attributes of its span; nothing without a ledger. Raises StoreError."""
    if not os.path.exists(ledger_path(root)):
        return {}
    query = """SELECT sum(input + cache_read + cache_write), sum(output), sum(cache_read), sum(cache_write), max(model)
        FROM message WHERE agent = ? AND at BETWEEN ? AND ?"""
    with UsageLedger(root, only_read=True) as ledger:
        fresh, out, read, written, model = ledger.db.execute(query, (agent, start, end)).fetchone()
    if fresh is None:
        return {}
    told: dict[str, str | int] = {"gen_ai.usage.input_tokens": fresh, "gen_ai.usage.output_tokens": out}
    told |= {"gen_ai.usage.cache_read.input_tokens": read, "gen_ai.usage.cache_creation.input_tokens": written}
    return {**told, MODEL: model} if model else told


def of_server(root: str) -> Read:
    """Return how the Dolt server of the town's beads is; nothing for a town whose beads are in files."""
    # with a town on a server only
    from gastown_core.beads.discovery import is_served

    if not is_served(os.path.join(root, ".beads")):
        return {}
    from gastown_core.beads.dolt.upkeep import vitals_of

    found = vitals_of(root)
    if found is None:
        return {}
    told: dict[str, float | None] = {
        "healthy": float(found.is_healthy),
        "connections": found.connections,
        "max_connections": found.max_connections,
        "query_latency_ms": found.latency_ms,
        "disk_usage_bytes": found.disk_bytes,
    }
    return {f"gastown.dolt.{name}": {(): float(value)} for name, value in told.items() if value is not None}


def of_town(town: TownSnapshot, need: int) -> Read:
    """Return how the town stands, and the server of its beads; ``need`` is how much waits on a person."""
    health = Counter(one.health.state.value for one in town.agents)
    return {
        **of_server(town.root),
        "gastown.agents": {(("health", name),): float(count) for name, count in sorted(health.items())},
        "gastown.attention": {(): float(need)},
    }
