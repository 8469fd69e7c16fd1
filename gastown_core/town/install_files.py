"""The contents of a new town as data: folders, JSON files and texts."""

from __future__ import annotations

FOLDERS = (
    "mayor",
    "deacon/dogs",
    "settings/themes",
    "config",
    "plugins",
    "directives",
    "logs",
    ".runtime/heartbeats",
    ".runtime/locks",
    ".beads-wisp/config",
)

PRIVATE_FOLDERS = frozenset(("logs", ".runtime/heartbeats", ".runtime/locks", ".beads-wisp/config"))
"""Folders with run-time data about agents and their work: mode 0700."""

GITIGNORE = """\
# what runs, not what is
.runtime/
.beads-wisp/
.events.jsonl
.feed.jsonl
.krc-autoprune.json
events/
logs/
daemon/
*.lock
*.pid
state.json
__pycache__/
/mayor/.claude/settings.local.json
/deacon/.claude/settings.local.json
/*/witness/.claude/settings.local.json

# working copies have a history of their own
deacon/dogs/
/*/.repo.git/
/*/.origin.git/
/*/mayor/rig/
/*/refinery/rig/
/*/crew/*/
/*/polecats/
/*/.land-worktree/
"""

RIG_GITIGNORE = """\
.repo.git/
.origin.git/
.runtime/
.land-worktree/
.archive/
mayor/rig/
refinery/rig/
crew/*/
polecats/
state.json
AGENTS.md
*.lock
"""

ANCHOR = """\
# A Gas Town

This folder is a town of coding agents, not a code repository.

Run `gt prime` to learn who you are and what is on your hook. Do not take a role
from a file or a folder name: your identity is in your session's environment.
"""

POST_CHECKOUT = """\
#!/bin/sh
# gastown: a town's root stays on its main branch; work happens in the rigs
[ "$3" = 1 ] || exit 0
[ -z "$GASTOWN_CHECKOUT" ] || exit 0
branch=$(git symbolic-ref --quiet --short HEAD) || exit 0
case "$branch" in main|master) exit 0 ;; esac
for home in main master; do
  if git show-ref --verify --quiet "refs/heads/$home"; then
    echo "gastown: the town root stays on $home; $branch is kept, work on it in a rig" >&2
    GASTOWN_CHECKOUT=1 exec git checkout --quiet "$home"
  fi
done
exit 0
"""

MAYOR_CONFIG: dict[str, object] = {
    "type": "mayor-config",
    "version": 1,
    "theme": {},
    "daemon": {},
    "deacon": {},
    "default_crew_name": "max",
}

DAEMON_CONFIG: dict[str, object] = {
    "type": "daemon-patrol-config",
    "version": 1,
    "heartbeat": {"enabled": True, "interval": "3m"},
    "patrols": {
        "deacon": {"enabled": True, "interval": "5m", "agent": "deacon"},
        "witness": {"enabled": True, "interval": "5m", "agent": "witness", "rigs": []},
        "refinery": {"enabled": True, "interval": "5m", "agent": "refinery", "rigs": []},
    },
}

TOWN_SETTINGS: dict[str, object] = {"type": "town-settings", "version": 1, "default_agent": "claude", "agents": {}}

ESCALATION: dict[str, object] = {
    "type": "escalation",
    "version": 1,
    "routes": {
        "low": ["bead"],
        "medium": ["bead", "mail:deacon"],
        "high": ["bead", "mail:deacon", "mail:mayor", "email:human"],
        "critical": ["bead", "mail:deacon", "mail:mayor", "mail:overseer", "email:human", "sms:human"],
    },
    "contacts": {},
    "stale_threshold": "4h",
    "max_reescalations": 2,
}

MESSAGING: dict[str, object] = {
    "type": "messaging",
    "version": 1,
    "lists": {},
    "queues": {},
    "announces": {},
    "nudge_channels": {},
}

PLAIN_JSON: dict[str, dict[str, object]] = {
    "mayor/config.json": MAYOR_CONFIG,
    "mayor/daemon.json": DAEMON_CONFIG,
    "settings/config.json": TOWN_SETTINGS,
    "settings/escalation.json": ESCALATION,
    "config/messaging.json": MESSAGING,
}
"""JSON files that are the same in every new town; written only if missing."""
