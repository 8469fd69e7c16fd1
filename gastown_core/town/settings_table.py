"""THE table of settings: dotted key, kind, default. A setting that is not in it is kept but never read.

Kinds: ``text``, ``bool``, ``int`` (with an optional minimum: ``int>=0``), ``number>=0``, ``duration`` (``90s``, ``30m``), ``words`` (a
list of strings), ``object``, and ``one of a|b|c``.  ``*`` stands for one part that the user chooses.  Durations of
town-and-agents.md section 11 are under ``operational``.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Setting(Record):
    """A row: dotted key, kind, default (None: unset), purpose."""

    key: str
    kind: str
    default: Any
    about: str


SCHEDULER_KEY = "scheduler.max_polecats"
TOWN_KEY, RIG_KEY = "operational.polecat.max_per_town", "operational.polecat.max_per_rig"
"""How many polecats may work at once: by the scheduler, in the town, in a rig."""
_EFFORT = "one of low|medium|high|max"

TOWN = (
    Setting("default_agent", "text", "claude", "runtime of agents without one of their own"),
    Setting("cost_tier", "one of standard|economy|budget", "standard", "models that the roles get"),
    Setting("agent_email_domain", "text", "gastown.local", "domain of the agents' commit addresses"),
    Setting("cli_theme", "one of auto|dark|light", "auto", "colours of the command line"),
    Setting(
        "console.away_after",
        "duration",
        "10m",
        "time without a key after which the console tells what happened; 0: never",
    ),
    Setting(
        "attention.notify",
        "words",
        ["tmux"],
        "where it is told that the inbox fills: tmux, email, sms, slack, notify (Apprise: ntfy, desktop …)",
    ),
    Setting(
        "wasteland.fetch_every", "duration", "0s", "how often the daemon brings what is new in the commons; 0s: never"
    ),
    Setting("merge_queue.gate_slots", "int>=0", 0, "stacks that the rigs of the town test at once; 0: no limit"),
    Setting("disabled_patrols", "words", [], "patrols that do not run"),
    Setting("patrols.*.mode", "one of code|agent|both|off", "code", "who acts on what a patrol (by its role) finds"),
    Setting("patrols.*.period", "duration", None, "how often a patrol (by its role) looks"),
    Setting(
        "patrols.witness.stopped_short", "duration", "60s", "time after a turn's end until hooked work is nudged on"
    ),
    Setting("patrols.witness.patience", "duration", "5m", "time a nudge, handoff or restart gets to help"),
    Setting("patrols.witness.ladder", "duration", "1h", "older remedies do not count when the next is chosen"),
    Setting("patrols.witness.orphaned_hook", "duration", "2m", "time until the hook of an absent worker is released"),
    Setting("patrols.deacon.convoy_cooldown", "duration", "10m", "pause between two refreshes of a stranded convoy"),
    Setting("patrols.deacon.untold", "duration", "10m", "time until an idle agent is told again of its mail"),
    Setting("patrols.restart.first", "duration", "30s", "pause after a restart, doubled with each further one"),
    Setting("patrols.restart.longest", "duration", "10m", "longest pause between two restarts"),
    Setting("patrols.restart.most", "int>=1", 5, "restarts within the window until an agent is held"),
    Setting("patrols.restart.window", "duration", "15m", "window in which restarts are counted"),
    Setting("patrols.restart.held_retry", "duration", "30m", "time after which a held agent is tried once more"),
    Setting("dam.after", "duration", "30s", "time that ready work may wait behind a broken link"),
    Setting("dam.unexplained", "duration", "5m", "time that ready work may wait without a known reason"),
    Setting("dam.escalate", "duration", "10m", "time after which a dam that stays is escalated"),
    Setting("agents.*", "object", None, "a runtime of your own: command, args, env"),
    Setting("standing_answers.*", "object", None, "a question answered by itself: runtime, question (pattern), answer"),
    Setting("roles.*.agent", "text", None, "runtime of a role, the older form of role_agents"),
    Setting("role_agents.*", "text", None, "runtime of a role"),
    Setting("crew_agents.*", "text", None, "runtime of one crew member, by name"),
    Setting("role_effort.*", _EFFORT, "high", "how hard a role thinks"),
    Setting("budget.day_tokens", "int>=0", 0, "tokens that the town may use in a day; 0: no limit"),
    Setting("budget.day_cost", "number>=0", 0, "dollars that the town may use in a day; 0: no limit"),
    Setting("budget.bead_tokens", "int>=0", 0, "tokens that a bead may use; 0: no limit"),
    Setting("budget.bead_cost", "number>=0", 0, "dollars that a bead may use; 0: no limit"),
    Setting("budget.warn_percent", "int>=1", 80, "share of a budget from which on it is told"),
    Setting("budget.action", "one of warn|hold", "warn", "hold: nothing is dispatched that is over its budget"),
    Setting("prices", "object", {}, "dollars per million tokens by model: input, output, cache_read, cache_write"),
    Setting(SCHEDULER_KEY, "int>=-1", -1, "maximum of busy polecats; -1: no limit"),
    Setting("scheduler.batch_size", "int>=1", 1, "beads dispatched at once"),
    Setting("scheduler.spawn_delay", "duration", "0s", "pause between two spawns"),
    Setting("convoy.feed_grace", "duration", "30s", "how long new members wait for a sling by hand before dispatch"),
    Setting("convoy.notify_on_complete", "bool", False, "notify the mayor when a convoy lands"),
    Setting("up.deacon", "bool", True, "gt up starts the deacon's session"),
    Setting("up.witness", "bool", True, "gt up starts the witnesses"),
    Setting("up.refinery", "bool", True, "gt up starts the refineries"),
    Setting("up.daemon", "bool", True, "gt up starts the daemon, which dispatches and merges"),
    Setting(
        "telemetry.enabled",
        "one of auto|on|off",
        "auto",
        "auto: on while a collector's URL is set, here or in the daemon's environment; on: counts for /metrics too",
    ),
    Setting("telemetry.metrics_url", "text", None, "where metrics go, unless GT_OTEL_METRICS_URL says otherwise"),
    Setting("telemetry.logs_url", "text", None, "where logs go, unless GT_OTEL_LOGS_URL says otherwise"),
    Setting("telemetry.traces_url", "text", None, "where traces go, unless OTEL_EXPORTER_OTLP_* say otherwise"),
    Setting("telemetry.interval", "duration", "30s", "how often sums are sent"),
    Setting(
        "telemetry.content",
        "words",
        [],
        "content that may leave the town: GT_LOG_BD_OUTPUT, GT_LOG_AGENT_OUTPUT, GT_LOG_MAIL_BODY …",
    ),
    Setting(
        "telemetry.receiver", "bool", False, "the daemon takes what agents' programs export (OTLP, this machine only)"
    ),
    Setting("telemetry.receiver_port", "int>=0", 0, "its port; 0: any free one, kept over restarts"),
    Setting("web_timeouts.cmd", "duration", "15s", ""),
    Setting("web_timeouts.gh_cmd", "duration", "10s", ""),
    Setting("web_timeouts.tmux_cmd", "duration", "2s", ""),
    Setting("web_timeouts.fetch", "duration", "8s", ""),
    Setting("web_timeouts.default_run", "duration", "30s", ""),
    Setting("web_timeouts.max_run", "duration", "60s", ""),
    Setting("worker_status.stale", "duration", "5m", ""),
    Setting("worker_status.stuck", "duration", "30m", ""),
    Setting("worker_status.heartbeat_fresh", "duration", "5m", ""),
    Setting("worker_status.mayor_active", "duration", "5m", ""),
    Setting("feed_curator.done_dedupe_window", "duration", "10s", "equal done events closer than this are merged"),
    Setting("feed_curator.sling_aggregate_window", "duration", "30s", "slings closer than this are shown as one"),
    Setting("feed_curator.min_aggregate_count", "int>=2", 3, "minimum of slings shown as one"),
    Setting("operational.session.shell_ready", "duration", "5s", ""),
    Setting("operational.session.graceful_shutdown", "duration", "3s", "time an agent has to end on its own"),
    Setting("operational.session.bd_command", "duration", "30s", ""),
    Setting("operational.session.gupp_violation", "duration", "30m", "time without progress until a GUPP violation"),
    Setting("operational.session.stalled", "duration", "15m", "time with little progress until hooked work is stalled"),
    Setting(
        "operational.session.long_turn",
        "duration",
        "2h",
        "the same while its program says that it is in a turn, and prints",
    ),
    Setting("operational.session.ralph_gupp_violation", "duration", "4h", "the same for long-running loops"),
    Setting("operational.session.ralph_stalled", "duration", "2h", "the same for long-running loops"),
    Setting("operational.session.hung_session", "duration", "30m", "time without output until a session is hung"),
    Setting("operational.session.spawn_grace", "duration", "5m", "time before a new agent's state is judged"),
    Setting("operational.session.startup_nudge_verify", "duration", "25s", ""),
    Setting("operational.session.min_handoff_cooldown", "duration", "2m", ""),
    Setting("operational.session.claude_start", "duration", "180s", ""),
    Setting(
        "operational.session.resume_after_crash",
        "bool",
        True,
        "a restart goes on with the session of a program that ended by itself",
    ),
    Setting("operational.nudge.ready", "duration", "10s", ""),
    Setting("operational.nudge.retry", "duration", "500ms", ""),
    Setting("operational.nudge.lock", "duration", "30s", ""),
    Setting("operational.nudge.normal_ttl", "duration", "30m", ""),
    Setting("operational.nudge.urgent_ttl", "duration", "2h", ""),
    Setting("operational.nudge.depth", "int>=1", 50, "maximum of queued nudges for one agent"),
    Setting("operational.nudge.stale_claim", "duration", "5m", ""),
    Setting(
        "operational.mail.claim_lease", "duration", "1h", "time that a claim of a queue message holds; 0: for ever"
    ),
    Setting("operational.daemon.mass_death_count", "int>=2", 3, ""),
    Setting("operational.daemon.mass_death_window", "duration", "30s", ""),
    Setting("operational.daemon.dog_idle_session", "duration", "1h", ""),
    Setting("operational.daemon.dog_remove", "duration", "4h", ""),
    Setting("operational.daemon.dog_pool", "int>=0", 4, ""),
    Setting(
        "operational.daemon.pressure_cpu_threshold", "number>=0", 0, "load per core above which no agent starts; 0: off"
    ),
    Setting(
        "operational.daemon.pressure_mem_threshold_gb", "number>=0", 0, "memory below which no agent starts; 0: off"
    ),
    Setting("operational.daemon.pressure_disk_threshold_gb", "number>=0", 0.5, "free disk below which no agent starts"),
    Setting("operational.daemon.polecat_idle_session", "duration", "15m", ""),
    Setting("operational.daemon.polecat_self_terminate", "bool", False, "a polecat's session ends with gt done"),
    Setting("operational.daemon.stale_working", "duration", "2h", ""),
    Setting("operational.daemon.lifecycle_message", "duration", "6h", ""),
    Setting("operational.daemon.boot_cooldown", "duration", "2m", ""),
    Setting("operational.daemon.deacon_grace", "duration", "5m", ""),
    Setting("operational.deacon.ping", "duration", "30s", ""),
    Setting("operational.deacon.failures", "int>=1", 3, ""),
    Setting("operational.deacon.cooldown", "duration", "5m", ""),
    Setting("operational.deacon.heartbeat_stale", "duration", "5m", ""),
    Setting("operational.deacon.heartbeat_very_stale", "duration", "20m", ""),
    Setting("operational.polecat.heartbeat_stale", "duration", "3m", "older heartbeats are ignored"),
    Setting("operational.polecat.pending_max_age", "duration", "5m", "older name reservations are void"),
    Setting("operational.polecat.namepool", "int>=1", 50, "number of names before numbers are used"),
    Setting(TOWN_KEY, "int>=1", 25, "maximum of working polecats"),
    Setting(RIG_KEY, "int>=1", 30, "maximum of polecats in a rig"),
    Setting("operational.mountain.stall", "duration", "15m", "time without progress until a mountain is stalled"),
    Setting("operational.mail.idle", "duration", "3s", ""),
    Setting("operational.mail.acks", "int>=1", 8, ""),
    Setting("operational.mail.reply_reminder", "duration", "30s", ""),
    Setting("operational.witness.startup_stall", "duration", "90s", ""),
    Setting("operational.witness.grace", "duration", "60s", ""),
    Setting("operational.witness.max_bead_respawns", "int>=0", 3, ""),
    Setting("operational.witness.done_intent_stuck", "duration", "60s", ""),
)

RIG = (
    Setting("agent", "text", None, "runtime of this rig's agents"),
    Setting("runtime.provider", "text", None, "preset that the runtime below derives from"),
    Setting("runtime.command", "text", None, "program of the rig's runtime"),
    Setting("runtime.args", "words", None, "its arguments; absent means the preset's"),
    Setting("runtime.prompt_mode", "one of arg|none", None, "whether the first prompt goes on the command line"),
    Setting("agents.*", "object", None, "a runtime of this rig only"),
    Setting("standing_answers.*", "object", None, "as the town's, for agents of this rig"),
    Setting("roles.*.agent", "text", None, "runtime of a role, the older form of role_agents"),
    Setting("role_agents.*", "text", None, "runtime of a role in this rig"),
    Setting("worker_agents.*", "text", None, "runtime of one crew member, by name"),
    Setting("role_effort.*", _EFFORT, "high", ""),
    Setting("namepool.style", "text", None, "mad-max, minerals, wasteland or a theme of your own"),
    Setting("namepool.names", "words", [], "names of your own"),
    Setting("namepool.max_before_numbering", "int>=1", 50, ""),
    Setting("polecat_branch_template", "text", None, "{user} {year} {month} {name} {issue} {description} {timestamp}"),
    Setting("crew.startup", "text", None, "who gt up --restore starts: all, none, or names"),
    Setting("workflow.default_formula", "text", "mol-polecat-work", ""),
    Setting("merge_queue.enabled", "bool", True, "false: the daemon merges nothing; by hand it is merged"),
    Setting("merge_queue.on_conflict", "one of assign_back|auto_rebase", "assign_back", "both: a worker resolves it"),
    Setting("merge_queue.run_tests", "bool", True, ""),
    Setting("merge_queue.setup_command", "text", None, ""),
    Setting(
        "merge_queue.cache_paths",
        "words",
        [],
        "folders that the set-up fills; kept between probes",
    ),
    Setting("merge_queue.typecheck_command", "text", None, ""),
    Setting("merge_queue.lint_command", "text", None, ""),
    Setting("merge_queue.test_command", "text", None, ""),
    Setting("merge_queue.build_command", "text", None, ""),
    Setting("merge_queue.gates.*.cmd", "text", None, "a gate: a command that must exit with 0 on the stacked tree"),
    Setting(
        "merge_queue.gates.*.timeout",
        "duration",
        "10m",
        "a gate that takes longer gives no verdict; twice on a green target is a failure",
    ),
    Setting(
        "merge_queue.gates.*.phase",
        "one of fast|pre-merge|post-squash|post-push",
        "pre-merge",
        "fast ones run first, post-squash ones last, post-push ones on what was pushed",
    ),
    Setting(
        "merge_queue.gates.*.fix_cmd", "text", None, "command that repairs what the gate finds, tried before any blame"
    ),
    Setting(
        "merge_queue.gates.*.report",
        "text",
        None,
        "JUnit or TAP file that a gate writes, below the checkout (in $GT_REPORT); its tests are then known one by one",
    ),
    Setting(
        "merge_queue.gates.*.paths",
        "words",
        [],
        "folders and files, such as web/ or **/*.md: the gate runs only where a change touches them; none: always",
    ),
    Setting("merge_queue.gates.*.needs", "words", [], "gates that have to be green before this one runs"),
    Setting("merge_queue.gates.*.places", "int>=0", 0, "runs of the gate at once in the rig; 0: no limit"),
    Setting(
        "merge_queue.lanes.*.paths",
        "words",
        [],
        "a part of the repository; changes of lanes that have nothing in common land without a common test",
    ),
    Setting("merge_queue.lanes.*.needs", "words", [], "lanes on which this one builds: their changes affect it"),
    Setting(
        "merge_queue.quarantine_time",
        "duration",
        "7d",
        "how long a test that changes its mind may be red without blame; 0s: never",
    ),
    Setting("merge_queue.needs_approval", "bool", False, "merge only commits that a person approved (gt mq approve)"),
    Setting("merge_queue.also_push", "words", [], "branches that move with the default branch, in one atomic push"),
    Setting("merge_queue.revert", "bool", False, "take back a request with which post-push gates are red"),
    Setting("merge_queue.tell_conflicts", "bool", True, "tell both agents once when their branches will conflict"),
    Setting("merge_queue.gates_parallel", "bool", True, "gates of one tree run side by side"),
    Setting("merge_queue.gate_log_bytes", "int>=1000", 2_000_000, "maximum size of a gate's log"),
    Setting("merge_queue.batch.max_batch_size", "int>=1", 20, "most requests tested as one stack"),
    Setting("merge_queue.batch.min_batch_size", "int>=1", 1, "fewest of them, however often requests fail"),
    Setting(
        "merge_queue.batch.batch_wait_time",
        "duration",
        "1s",
        "how long a small batch waits for more requests while a polecat of the rig is busy",
    ),
    Setting(
        "merge_queue.batch.retry_batch_on_flaky",
        "bool",
        True,
        "a red stack is run again before it is bisected, if chance is likelier than a culprit",
    ),
    Setting("merge_queue.delete_merged_branches", "bool", True, ""),
    Setting("merge_queue.retry_flaky_tests", "int>=0", 1, "extra runs for a single suspect, at least one"),
    Setting("merge_queue.max_retry_count", "int>=1", 5, "failed merges before the work is blocked and escalated"),
    Setting("merge_queue.red_target_recheck", "duration", "10m", "time after which a red target is tested again"),
    Setting("merge_queue.ageing", "duration", "2h", "time in the queue that is worth one level of priority"),
    Setting("merge_queue.auto_push", "bool", True, "off: a green stack is kept at a ref for a person to push"),
    Setting("merge_queue.poll_interval", "duration", "30s", ""),
    Setting(
        "merge_queue.freeze",
        "words",
        [],
        "hours in which nothing is merged: fri 16:00-mon 08:00 or 22:00-06:00, local time",
    ),
    Setting(
        "merge_queue.max_concurrent",
        "int>=1",
        None,
        "gate places of the rig; unset: as many as the town has (merge_queue.gate_slots), else 1",
    ),
    Setting("merge_queue.stale_claim_timeout", "duration", "30m", ""),
    Setting("merge_queue.merge_strategy", "one of direct|pr", "direct", "pr: tested here, merged by the provider"),
    Setting("merge_queue.vcs_provider", "one of github|bitbucket", "github", ""),
    Setting("merge_queue.judgment_enabled", "bool", False, "read by agents that review; the engine does not"),
    Setting("merge_queue.integration_branch_polecat_enabled", "bool", True, ""),
    Setting("merge_queue.integration_branch_refinery_enabled", "bool", True, ""),
    Setting("merge_queue.integration_branch_template", "text", "integration/{title}", ""),
    Setting("merge_queue.integration_branch_auto_land", "bool", False, ""),
    Setting("merge_queue.require_review", "bool", False, "read by agents that review; the engine does not"),
    Setting("merge_queue.review_depth", "one of quick|standard|deep", "standard", "read by agents that review"),
)

DAEMON = (
    Setting("heartbeat.enabled", "bool", True, ""),
    Setting("heartbeat.interval", "duration", "3m", "the daemon's heartbeat"),
    Setting("patrols.*.enabled", "bool", True, ""),
    Setting("patrols.*.interval", "duration", "5m", ""),
    Setting("patrols.*.agent", "text", None, ""),
    Setting("patrols.*.rigs", "words", [], ""),
    Setting("patrols.*.window", "text", None, ""),
    Setting("patrols.*.threshold", "int>=0", 1000, ""),
)

TABLES = {"town": TOWN, "rig": RIG, "daemon": DAEMON}


def find_setting(scope: str, key: str) -> Setting | None:
    """Return the row that covers ``key`` (``role_agents.witness``: ``role_agents.*``), None if there is none."""
    parts = key.split(".")
    for row in TABLES[scope]:
        if row.key == key:
            return row
        if "*" not in row.key:
            continue
        own = row.key.split(".")
        if len(own) == len(parts) and all(a in ("*", b) for a, b in zip(own, parts, strict=True)):
            return row
    return None
