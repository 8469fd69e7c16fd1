"""THE tables of telemetry: every metric, and every kind of log record, with its attributes.

A counter or histogram counts the notes (``notes``) of one kind; an attribute is the note's of the same name, or
``name=other`` where the note calls it otherwise.  Gauges are read when they are told.  ``docs/otel-data-model.md`` is
made from these rows.
"""

from __future__ import annotations

from gastown_core.model.record import Record

COUNTER, HISTOGRAM, GAUGE = "counter", "histogram", "gauge"
STATUS, OK, ERROR = "status", "ok", "error"
MS, USD, TOKENS, BYTES, SECONDS = "ms", "USD", "{token}", "By", "s"


class Metric(Record):
    """A row: ``note`` is the kind of note that it counts, or for a figure that is read, where it comes from.

    ``value`` is the attribute of the note that a histogram measures.
    """

    name: str
    kind: str
    unit: str
    attributes: tuple[str, ...]
    note: str
    about: str
    value: str = ""


class LogKind(Record):
    """A row: the body of the record, its attributes, and the opt-in without which it is not told (empty: always).

    ``notice``: it carries no ``status``.  ``opt_attributes`` hold content and are told only with the opt-in of that name.
    """

    name: str
    attributes: tuple[str, ...]
    about: str
    opt_in: str = ""
    opt_attributes: tuple[tuple[str, str], ...] = ()
    notice: bool = False


BD_OUTPUT, AGENT_OUTPUT, PANE_OUTPUT = "GT_LOG_BD_OUTPUT", "GT_LOG_AGENT_OUTPUT", "GT_LOG_PANE_OUTPUT"
MAIL_BODY, PROMPT_KEYS, PRIME_CONTEXT = "GT_LOG_MAIL_BODY", "GT_LOG_PROMPT_KEYS", "GT_LOG_PRIME_CONTEXT"
OPT_INS = (BD_OUTPUT, AGENT_OUTPUT, PANE_OUTPUT, MAIL_BODY, PROMPT_KEYS, PRIME_CONTEXT)

USAGE, LEDGER, TOWN = "usage ledger", "ledger", "snapshot"
"""Where figures come from that are no sums of notes."""


def _counter(name: str, attributes: str, note: str, about: str) -> Metric:
    return Metric(name, COUNTER, "1", tuple(attributes.split()), note, about)


METRICS = (
    _counter("gastown.bd.calls.total", "status subcommand", "bd.call", "calls of bd, and writes of gt to the ledger"),
    Metric(
        "gastown.bd.duration_ms",
        HISTOGRAM,
        MS,
        (STATUS, "subcommand"),
        "bd.call",
        "how long calls of bd took",
        "duration_ms",
    ),
    _counter("gastown.session.starts.total", "status role", "session.start", "sessions of agents that were started"),
    _counter("gastown.session.stops.total", "status", "session.stop", "sessions of agents that ended"),
    _counter(
        "gastown.agent.instantiations.total", "agent_type role rig", "agent.instantiate", "agent programs started"
    ),
    _counter("gastown.agent.state_changes.total", "status new_state", "agent.state_change", "changes of agents' hooks"),
    _counter("gastown.agent.events.total", "session event_type role", "agent.event", "entries of transcripts (opt-in)"),
    _counter("gastown.prompt.sends.total", "status", "prompt.send", "prompts typed into sessions"),
    _counter("gastown.nudge.total", "status", "nudge", "nudges"),
    _counter("gastown.sling.dispatches.total", "status", "sling", "beads slung to agents"),
    _counter("gastown.convoy.creates.total", "status", "convoy.create", "convoys created"),
    _counter("gastown.polecat.spawns.total", "status", "polecat.spawn", "polecats spawned"),
    _counter("gastown.polecat.removes.total", "status", "polecat.remove", "polecats removed"),
    _counter("gastown.mol.squashes.total", "status", "mol.squash", "molecules squashed"),
    _counter("gastown.mol.burns.total", "status", "mol.burn", "molecules burned"),
    _counter("gastown.pane.output.total", "session", "pane.output", "pieces of pane output told (opt-in)"),
    _counter("gastown.prime.total", "status role hook_mode", "prime", "briefings that agents asked for"),
    _counter("gastown.mail.operations.total", "status operation", "mail", "operations on mail"),
    _counter("gastown.done.total", "status exit_type", "done", "ends of work"),
    _counter(
        "gastown.formula.instantiations.total", "status formula=formula_name", "formula.instantiate", "formulas slung"
    ),
    _counter("gastown.mol.cooks.total", "status formula=formula_name", "mol.cook", "formulas cooked"),
    _counter("gastown.mol.wisps.total", "status formula=formula_name", "mol.wisp", "wisps made of formulas"),
    _counter("gastown.bead.creates.total", "mol_source", "bead.create", "beads made by molecules"),
    _counter("gastown.daemon.heartbeat.total", "", "daemon.heartbeat", "heartbeats of the daemon"),
    _counter(
        "gastown.daemon.restart.total", "agent.type=agent_role", "daemon.restart", "agents restarted by the daemon"
    ),
    _counter(
        "gastown.daemon.agent_restarts.total",
        "agent_type",
        "daemon.restart",
        "the same by agent: ``witness-<rig>``, ``mayor``",
    ),
    Metric("gastown.dolt.connections", GAUGE, "1", (), LEDGER, "connections to the Dolt server"),
    Metric("gastown.dolt.max_connections", GAUGE, "1", (), LEDGER, "connections that the Dolt server allows"),
    Metric("gastown.dolt.query_latency_ms", GAUGE, MS, (), LEDGER, "how long the Dolt server takes for a query"),
    Metric("gastown.dolt.disk_usage_bytes", GAUGE, BYTES, (), LEDGER, "size of the Dolt databases"),
    Metric("gastown.dolt.healthy", GAUGE, "1", (), LEDGER, "1 if the Dolt server answers, else 0"),
)
"""Those that the seeds and the Go tools name (daemon-and-health.md section 15), under their names."""

OURS = (
    _counter("gastown.merge.total", "status result rig", "merge", "ends of merge requests: merged, failed, skipped"),
    _counter("gastown.escalation.total", "severity", "escalation", "escalations sent"),
    _counter("gastown.command.total", "status program command", "command", "commands run, by program and name"),
    Metric(
        "gastown.command.duration_ms",
        HISTOGRAM,
        MS,
        ("program", "command"),
        "command",
        "how long commands took",
        "duration_ms",
    ),
    _counter(
        "gastown.tool.decisions.total",
        "agent_type tool=tool_name decision",
        "tool.decision",
        "tools that agents' programs allowed or refused, as they tell it",
    ),
    _counter("gastown.event.total", "type", "event", "lines of the event log, by kind"),
    Metric(
        "gastown.agent.tokens.total",
        COUNTER,
        TOKENS,
        ("agent", "gen_ai.request.model", "gen_ai.token.type"),
        USAGE,
        "tokens that agents used: input, output, cache_read, cache_write",
    ),
    Metric(
        "gastown.agent.cost.total",
        COUNTER,
        USD,
        ("agent", "gen_ai.request.model"),
        USAGE,
        "what that cost, as far as the programs tell it",
    ),
    Metric("gastown.agent.messages.total", COUNTER, "1", ("agent", "gen_ai.request.model"), USAGE, "answers of models"),
    Metric(
        "gen_ai.client.inference.tokens",
        COUNTER,
        TOKENS,
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.token.type"),
        USAGE,
        "tokens by the GenAI conventions: input (with what the cache gave and took) and output",
    ),
    Metric(
        "gen_ai.client.inference.input_tokens_by_cache",
        COUNTER,
        TOKENS,
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.token.cache"),
        USAGE,
        "the same input by the part that the cache has: none, read, creation",
    ),
    Metric("gastown.agents", GAUGE, "1", ("health",), TOWN, "agents of the roster, by health"),
    Metric("gastown.attention", GAUGE, "1", (), TOWN, "rows of the inbox: what waits on a person"),
)
"""Further ones."""

LOGS = (
    LogKind(
        "agent.instantiate",
        tuple("instance town_root agent_type role agent_name session_id rig issue_id git_branch git_commit".split()),
        "an agent program started",
        notice=True,
    ),
    LogKind("session.start", ("session_id", "role"), "an agent's session started"),
    LogKind("session.stop", ("session_id",), "an agent's session ended"),
    LogKind("prime", ("role", "hook_mode"), "an agent asked for its briefing"),
    LogKind("prime.context", ("role", "hook_mode", "formula"), "the text of that briefing", PRIME_CONTEXT),
    LogKind(
        "prompt.send",
        ("session", "keys_len", "debounce_ms"),
        "a prompt was typed into a session",
        opt_attributes=(("keys", PROMPT_KEYS),),
    ),
    LogKind(
        "bd.call",
        ("subcommand", "args", "duration_ms"),
        "a call of bd, or a write of gt to the ledger",
        opt_attributes=(("stdout", BD_OUTPUT), ("stderr", BD_OUTPUT)),
    ),
    LogKind(
        "mail",
        tuple("operation msg.id msg.from msg.to msg.thread_id msg.priority msg.type".split()),
        "an operation on mail",
        opt_attributes=(("msg.subject", MAIL_BODY), ("msg.body", MAIL_BODY)),
    ),
    LogKind("agent.state_change", ("agent_id", "new_state", "hook_bead"), "an agent's hook changed"),
    LogKind(
        "agent.event",
        tuple("session native_session_id agent_type event_type role content".split()),
        "an entry of a transcript",
        AGENT_OUTPUT,
        notice=True,
    ),
    LogKind(
        "agent.usage",
        tuple(
            "session native_session_id agent_type input_tokens output_tokens cache_read_tokens cache_creation_tokens".split()
        ),
        "what one answer of a model used",
        notice=True,
    ),
    LogKind("sling", ("bead", "target"), "a bead was slung to an agent"),
    LogKind("nudge", ("target",), "an agent was nudged"),
    LogKind("done", ("exit_type",), "an agent ended its work"),
    LogKind("polecat.spawn", ("name",), "a polecat was spawned"),
    LogKind("polecat.remove", ("name",), "a polecat was removed"),
    LogKind("convoy.create", ("bead_id",), "a convoy was created"),
    LogKind("formula.instantiate", ("formula_name", "bead_id"), "a formula was slung with a bead"),
    LogKind("mol.cook", ("formula_name",), "a formula was cooked"),
    LogKind("mol.wisp", ("formula_name", "wisp_root_id", "bead_id"), "a wisp was made of a formula"),
    LogKind("mol.squash", ("mol_id", "done_steps", "total_steps", "digest_created"), "a molecule was squashed"),
    LogKind("mol.burn", ("mol_id", "children_closed"), "a molecule was burned"),
    LogKind("bead.create", ("bead_id", "parent_id", "mol_source"), "a molecule made a bead", notice=True),
    LogKind("daemon.restart", ("agent_type",), "the daemon restarted an agent", notice=True),
    LogKind("pane.output", ("session", "content"), "what a session printed", PANE_OUTPUT, notice=True),
)
"""Those that the seeds and the Go tools name."""

OUR_LOGS = (
    LogKind("merge", ("result", "bead", "mr", "rig", "branch"), "a merge request ended"),
    LogKind("escalation", ("severity", "bead", "target"), "an escalation was sent"),
    LogKind("command", ("program", "command", "duration_ms", "code"), "a command of gt was run"),
    LogKind(
        "tool.decision",
        ("session", "agent_type", "tool_name", "decision", "source"),
        "an agent's program allowed or refused a tool",
        notice=True,
    ),
)
"""Further ones."""

UNTOLD = {"pane.output", "msg.body", "msg.id", "msg.thread_id", "msg.priority", "msg.type", "stdout", "stderr"}
"""Records and attributes that nothing in this program tells yet; they keep their names for what will."""

ALL_METRICS = {row.name: row for row in (*METRICS, *OURS)}
ALL_LOGS = {row.name: row for row in (*LOGS, *OUR_LOGS)}


def counted_by(note: str) -> tuple[Metric, ...]:
    """Return the metrics that count notes of this kind."""
    return _BY_NOTE.get(note, ())


_READ = (USAGE, LEDGER, TOWN)
_BY_NOTE: dict[str, tuple[Metric, ...]] = {}
for _row in ALL_METRICS.values():
    if _row.note not in _READ:
        _BY_NOTE[_row.note] = (*_BY_NOTE.get(_row.note, ()), _row)
