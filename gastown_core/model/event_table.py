"""THE table of event kinds, one row each, grouped by category.

The stream, plain mode, curation, help and retention all read it.  A row has name, category, symbol, ASCII symbol,
tone, lifetime in days, expected payload keys, and sentence (feed-and-events.md sections 1, 3 and 4.2).
"""

from __future__ import annotations

from gastown_core.model.convoy_events import CONVOYS, SCHEDULER
from gastown_core.model.event_kinds import (
    AGENT,
    BAD,
    COMMS,
    DONE,
    GOOD,
    INFO,
    SYSTEM,
    WARN,
    WORK,
    answered_sentence,
    boot_sentence,
    escalation_sentence,
    halt_sentence,
    kind,
    mass_death_sentence,
    named,
    reason_of,
    sling_sentence,
    status_sentence,
    text_of,
    until_of,
)
from gastown_core.model.merge_events import MERGES
from gastown_core.model.patrol_events import PATROLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def _session_started(payload: Mapping[str, object]) -> str:
    topic, warnings = text_of(payload, "topic"), payload.get("warnings")
    said = "session started" + (f" ({topic})" if topic else "")
    return f"{said}; warned: {'; '.join(map(str, warnings))}" if isinstance(warnings, list) and warnings else said


def _whose(payload: Mapping[str, object]) -> str:
    rig = text_of(payload, "rig")
    return f"rig {rig}" if rig else "the town"


def estop_sentence(payload: Mapping[str, object]) -> str:
    """Return ``emergency stop of the town: disk is full``."""
    reason = text_of(payload, "reason")
    return f"emergency stop of {_whose(payload)}" + (f": {reason}" if reason else "")


TABLE = (
    # bead changes (from our own ledger)
    kind("create", WORK, "+", "+", GOOD, 14, "bead title", named),
    kind("update", WORK, "→", ">", INFO, 7, "bead title from to assignee changed", status_sentence),
    kind("complete", WORK, "✓", "v", DONE, 14, "bead title reason", lambda p: f"{named(p)} closed{reason_of(p)}"),
    kind("reopen", WORK, "↺", "o", INFO, 14, "bead title", lambda p: f"{named(p)} reopened"),
    kind("fail", WORK, "✗", "x", BAD, 14, "bead title reason", lambda p: f"{named(p)} failed{reason_of(p)}"),
    kind("delete", WORK, "⊘", "-", WARN, 30, "bead title", lambda p: f"{named(p)} deleted"),
    kind(
        "renumber",
        WORK,
        "≠",
        "#",
        WARN,
        30,
        "bead former title",
        lambda p: f"{named(p)} renumbered from {text_of(p, 'former', '?')}: a merge found another bead with that id",
    ),
    kind("pin", WORK, "📌", "^", INFO, 14, "bead title", lambda p: f"{named(p)} pinned"),
    # work
    kind("sling", WORK, "🎯", "@", GOOD, 14, "bead target formula", sling_sentence),
    kind("hook", WORK, "🪝", "J", GOOD, 14, "bead", lambda p: f"hooked {text_of(p, 'bead', '?')}"),
    kind(
        "hook_state",
        WORK,
        "🪝",
        "J",
        INFO,
        7,
        "agent from to bead",
        lambda p: f"hook {text_of(p, 'to', '?')}" + (f" with {text_of(p, 'bead')}" if text_of(p, "bead") else ""),
    ),
    kind(
        "hook_rolled_back",
        WORK,
        "⟲",
        "<",
        WARN,
        30,
        "agent to rescue state",
        lambda p: f"worktree reset to {text_of(p, 'to', '?')}",
    ),
    kind("unhook", WORK, "↩", "<", INFO, 14, "bead", lambda p: f"unhooked {text_of(p, 'bead', '?')}"),
    kind(
        "done",
        WORK,
        "✓",
        "v",
        DONE,
        14,
        "bead branch exit",
        lambda p: (
            f"done: {text_of(p, 'bead', '?')}" + (f", branch {text_of(p, 'branch')}" if text_of(p, "branch") else "")
        ),
    ),
    kind(
        "step",
        WORK,
        "·",
        ".",
        INFO,
        3,
        "bead step of message",
        lambda p: f"{text_of(p, 'bead')} {text_of(p, 'message') or 'step ' + text_of(p, 'step')}".strip(),
    ),
    *CONVOYS,
    *MERGES,
    # agents
    kind(
        "spawn",
        AGENT,
        "🚀",
        "^",
        GOOD,
        7,
        "rig polecat",
        lambda p: f"spawned {text_of(p, 'rig')}/{text_of(p, 'polecat')}",
    ),
    kind(
        "polecat_removed",
        AGENT,
        "🗑",
        "-",
        WARN,
        30,
        "rig polecat kept what",
        lambda p: (
            f"{text_of(p, 'what', 'removed')} {text_of(p, 'rig')}/{text_of(p, 'polecat')}"
            + (f", its work is at {text_of(p, 'kept')}" if text_of(p, "kept") else "")
        ),
    ),
    kind(
        "kill",
        AGENT,
        "⏹",
        "#",
        INFO,
        30,
        "rig target reason",
        lambda p: f"stopped {text_of(p, 'target')}{reason_of(p)}",
    ),
    kind(
        "nudge",
        AGENT,
        "⚡",
        "!",
        INFO,
        3,
        "rig target reason",
        lambda p: f"nudged {text_of(p, 'target', '?')}{reason_of(p)}",
    ),
    kind(
        "nudge_delivered",
        AGENT,
        "⚡",
        "!",
        GOOD,
        3,
        "rig target by",
        lambda p: f"a nudge that waited has reached {text_of(p, 'target', '?')}",
    ),
    kind(
        "nudge_dead",
        AGENT,
        "✉",
        "x",
        BAD,
        7,
        "rig target reason",
        lambda p: f"a nudge to {text_of(p, 'target', '?')} was not delivered{reason_of(p)}",
    ),
    kind(
        "handoff",
        AGENT,
        "🤝",
        "=",
        INFO,
        7,
        "to_session subject",
        lambda p: f"handoff: {text_of(p, 'subject', 'fresh session')}",
    ),
    kind(
        "session_start",
        AGENT,
        "▶",
        ">",
        GOOD,
        3,
        "session_id role actor_pid topic cwd runtime warnings",
        _session_started,
    ),
    kind("session_end", AGENT, "⏹", "#", INFO, 3, "session_id role actor_pid topic cwd", lambda p: "session ended"),
    kind(
        "session_death",
        AGENT,
        "☠",
        "X",
        BAD,
        30,
        "session agent reason caller",
        lambda p: f"session {text_of(p, 'session')} died{reason_of(p)}",
    ),
    kind("mass_death", AGENT, "💥", "X", BAD, 90, "count window sessions possible_cause", mass_death_sentence),
    kind("waiting", AGENT, "✋", "?", WARN, 3, "bead message", lambda p: f"is waiting for a person{reason_of(p)}"),
    kind(
        "answering",
        AGENT,
        "✎",
        ".",
        INFO,
        30,
        "target question answer words rule bead",
        lambda p: f"gives an answer to {text_of(p, 'target', '?')}: {text_of(p, 'answer', '?')}",
    ),
    kind(
        "answer_failed",
        AGENT,
        "✎",
        "x",
        WARN,
        30,
        "target reason",
        lambda p: f"gave no answer to {text_of(p, 'target', '?')}{reason_of(p)}",
    ),
    kind(
        "answered",
        AGENT,
        "✅",
        "=",
        INFO,
        30,
        "target question answer rule unconfirmed runtime kind text options",
        answered_sentence,
    ),
    kind(
        "tool_refused",
        AGENT,
        "🚫",
        "x",
        INFO,
        7,
        "tool source session",
        lambda p: f"{text_of(p, 'tool', 'a tool')} was refused by {text_of(p, 'source', 'its program')}",
    ),
    kind(
        "limited",
        AGENT,
        "⏳",
        "~",
        WARN,
        3,
        "until message",
        lambda p: "rate limited" + until_of(p),
    ),
    # comms
    kind(
        "mail", COMMS, "✉", "m", INFO, 30, "to subject", lambda p: f"→ {text_of(p, 'to', '?')}: {text_of(p, 'subject')}"
    ),
    kind(
        "escalation_sent", COMMS, "⬆", "!", BAD, 30, "rig target to reason severity actions source", escalation_sentence
    ),
    kind(
        "escalation_acked",
        COMMS,
        "👍",
        "k",
        INFO,
        30,
        "escalation_id acked_by",
        lambda p: f"acknowledged {text_of(p, 'escalation_id')}",
    ),
    kind(
        "escalation_closed",
        COMMS,
        "🔕",
        "k",
        DONE,
        30,
        "escalation_id closed_by reason",
        lambda p: f"closed escalation {text_of(p, 'escalation_id')}{reason_of(p)}",
    ),
    kind(
        "notify_level",
        COMMS,
        "🔕",
        "n",
        INFO,
        7,
        "agent from to",
        lambda p: f"{text_of(p, 'agent')} is {text_of(p, 'to')}, was {text_of(p, 'from')}",
    ),
    # system
    kind("undone", SYSTEM, "↶", "u", INFO, 14, "bead what events since", lambda p: f"undid: {text_of(p, 'what', '?')}"),
    kind("boot", SYSTEM, "🔌", "+", GOOD, 7, "rig agents", boot_sentence),
    kind("estop", SYSTEM, "🛑", "X", BAD, 30, "rig reason", estop_sentence),
    kind("thaw", SYSTEM, "▶", ">", GOOD, 30, "rig seconds", lambda p: f"emergency stop of {_whose(p)} ended"),
    kind("halt", SYSTEM, "⏹", "#", INFO, 7, "services", halt_sentence),
    kind("rig_added", SYSTEM, "🏗", "+", GOOD, 30, "rig git_url prefix", lambda p: f"rig {text_of(p, 'rig')} added"),
    kind(
        "rig_state",
        SYSTEM,
        "🅿",
        "*",
        INFO,
        30,
        "rig from to",
        lambda p: f"rig {text_of(p, 'rig')} is {text_of(p, 'to')}, was {text_of(p, 'from')}",
    ),
    kind("rig_removed", SYSTEM, "🏚", "-", WARN, 30, "rig path", lambda p: f"rig {text_of(p, 'rig')} removed"),
    kind(
        "crew_added",
        SYSTEM,
        "👷",
        "+",
        GOOD,
        30,
        "rig crew",
        lambda p: f"crew {text_of(p, 'rig')}/{text_of(p, 'crew')} added",
    ),
    kind(
        "settings_changed", SYSTEM, "⚙", "*", INFO, 30, "key file", lambda p: f"settings changed: {text_of(p, 'key')}"
    ),
    kind(
        "patrol_started",
        SYSTEM,
        "🦉",
        "w",
        INFO,
        1,
        "rig polecat_count message",
        lambda p: f"patrol started ({text_of(p, 'polecat_count', '0')} polecats)",
    ),
    kind(
        "patrol_complete",
        SYSTEM,
        "✓",
        "v",
        DONE,
        1,
        "rig polecat_count message",
        lambda p: f"patrol complete{reason_of(p)}",
    ),
    kind(
        "polecat_checked",
        SYSTEM,
        "·",
        ".",
        INFO,
        1,
        "rig polecat status issue",
        lambda p: f"checked {text_of(p, 'polecat')} ({text_of(p, 'status', 'checked')})",
    ),
    kind(
        "polecat_nudged",
        SYSTEM,
        "⚡",
        "!",
        BAD,
        1,
        "rig target reason polecat",
        lambda p: f"nudged {text_of(p, 'target') or text_of(p, 'polecat')}{reason_of(p)}",
    ),
    *PATROLS,
    *SCHEDULER,
)
