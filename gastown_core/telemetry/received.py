"""What agents' programs export of themselves, as facts: requests that cost or were refused, and decisions about tools.  Pure.

Known are the log records of Claude Code.  Its metrics sum up the same requests, so they are not counted again.  What is
junk, or of nobody in the town, is left out; prompts and texts are not read at all.
"""

from __future__ import annotations

from gastown_core.model.address import parse_address
from gastown_core.model.record import Record
from gastown_core.runtimes.adapter import words
from gastown_core.runtimes.exported import Exported
from gastown_core.runtimes.usage import dollars, tokens
from gastown_core.usage.cost_facts import CostFact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

CLAUDE = "claude"
_FIGURES = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
LONGEST_WORD = 200


class Decision(Record):
    """A tool that an agent's program allowed or refused, and by whose word (``source``)."""

    at: float
    agent: str
    session: str
    tool: str
    decision: str
    source: str


class Received(Record):
    """The facts of one request; ``left_out`` is the number of records that tell nothing of use, ``junk`` of wrong ones."""

    costs: Sequence[CostFact]
    decisions: Sequence[Decision]
    left_out: int = 0
    junk: int = 0
    exported: Mapping[str, Exported] = {}
    """By agent, as evidence about it."""


def facts_in(message: Any, now: float) -> Received:
    """Return what an OTLP request for logs tells."""
    costs: list[CostFact] = []
    decisions: list[Decision] = []
    exported: dict[str, Exported] = {}
    left_out = junk = 0
    for origin, record in _records(message):
        told = {**origin, **_attributes(record.attributes)}
        name = str(told.get("event.name") or record.event_name or _text(record.body)).removeprefix("claude_code.")
        agent = _agent_of(told)
        at = record.time_unix_nano / 1e9 if 0 < record.time_unix_nano / 1e9 <= now + 86400 else now
        if not agent or name not in ("api_request", "api_error", "tool_decision"):
            left_out += 1
            continue
        # a clock that goes fast must not make evidence of the future
        seen = min(at, now)
        try:
            if name == "api_request":
                costs.append(_cost(told, agent, at))
                one = Exported(request_at=seen, model=costs[-1].model)
            elif name == "api_error":
                one = Exported(error_at=seen, error=_refusal(told))
            else:
                decisions.append(_decision(told, agent, at))
                one = Exported(tool_at=seen, tool=decisions[-1].tool, decision=decisions[-1].decision)
        except ValueError:
            junk += 1
            continue
        exported[agent] = exported.get(agent, Exported()).newer(one)
    return Received(costs, decisions, left_out, junk, exported)


def _refusal(told: Mapping[str, object]) -> str:
    """Return why a request was refused, in one line. Raises ValueError without words."""
    status, tries = told.get("status_code"), told.get("attempt")
    text = words(told.get("error"), LONGEST_WORD)
    if not text:
        raise ValueError("no error is told")
    code = str(status) if isinstance(status, int | str) and str(status).isdigit() and len(str(status)) == 3 else ""
    head = f"{code}: " if code and code not in text else ""
    count = str(tries) if isinstance(tries, int | str) else ""
    return f"{head}{text}" + (f" (try {count})" if count.isdigit() and len(count) < 4 else "")


def _records(message: Any) -> Iterator[tuple[dict[str, object], Any]]:
    for one in message.resource_logs:
        origin = _attributes(one.resource.attributes)
        for scope in one.scope_logs:
            for record in scope.log_records:
                yield origin, record


def _attributes(pairs: Any) -> dict[str, object]:
    """Return the attributes with plain values; lists and maps are left out."""
    found: dict[str, object] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        if kind in ("string_value", "int_value", "double_value", "bool_value"):
            found[pair.key] = getattr(pair.value, kind)
    return found


def _text(value: Any) -> str:
    return str(value.string_value) if value.WhichOneof("value") == "string_value" else ""


def _agent_of(told: Mapping[str, object]) -> str:
    """Return the agent that the town gave the program as ``gt.actor``; empty for anybody else."""
    actor = told.get("gt.actor")
    who = parse_address(actor) if isinstance(actor, str) and 0 < len(actor) <= LONGEST_WORD else None
    return who.path if who is not None and who.is_agent else ""


def _word(told: Mapping[str, object], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not value or len(value) > LONGEST_WORD:
        raise ValueError(f"{key} cannot be {value!r}")
    return value


def _cost(told: Mapping[str, object], agent: str, at: float) -> CostFact:
    """Return the request. Raises ValueError for figures that cannot be."""
    given = {key: _number(told.get(key)) for key in _FIGURES}
    fresh, out, read, written = (tokens(given, key) for key in _FIGURES)
    session, model = _word(told, "session.id"), _word(told, "model")
    # the program numbers its records; an older one does not
    number = told.get("event.sequence")
    mark = str(number) if isinstance(number, int) else f"{at:.3f}/{fresh}/{out}/{read}/{written}"
    cost = dollars(_number(told.get("cost_usd")))
    return CostFact(f"{session}/{mark}", at, agent, CLAUDE, model, fresh, out, read, written, cost)


def _number(value: object) -> object:
    """Return a number that was told as text as one."""
    if isinstance(value, str):
        return float(value)
    return value


def _decision(told: Mapping[str, object], agent: str, at: float) -> Decision:
    session, tool, decision = (_word(told, key) for key in ("session.id", "tool_name", "decision"))
    source = told.get("source")
    known = source if isinstance(source, str) and len(source) <= LONGEST_WORD else ""
    return Decision(at, agent, session, tool, decision, known)
