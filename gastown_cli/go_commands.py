"""Commands of the Go tools that ``gt`` has under another name, or not at all: THE table, for hints and documents.

A command that has the same name here has no row.  A test walks the list of the Go tools' commands: each is a row of
``gt``'s own table or of this one.
"""

from __future__ import annotations

from gastown_core.model.record import Record

RENAMED, BY_ITSELF, NOT_HERE = "renamed", "by itself", "not here"


class GoCommand(Record):
    """One command of the Go tools: ``how`` it is here, why, and what to use (empty: nothing is needed).

    ``renamed``: the same under another name; ``by itself``: the town does it without a command; ``not here``: left out.
    """

    name: str
    how: str
    why: str
    use: str = ""


GO = (
    "account activity agent-log agents assign audit boot broadcast callbacks checkpoint cleanup close commit compact "
    "completion config context convoy costs crew cycle daemon dashboard deacon directive disable dnd doctor dog done down "
    "enable escalate estop feed formula git-init handoff health heartbeat help hook hooks info init install issue krc log mail "
    "maintain mayor metrics mol mountain mq namepool notify nudge nudge-poller orphans patrol peek plugin polecat prime "
    "prune-branches quota ready reaper refinery release resume rig role scheduler seance session shell show shutdown signal "
    "sling stale start status status-line synthesis tap thaw theme town trail uninstall unsling up upgrade version vitals warrant "
    "whoami witness wl worktree"
).split()
"""The first words of all commands of the Go ``gt``."""

GO_COMMANDS = (
    GoCommand("agent-log", BY_ITSELF, "transcripts are read where the agents' programs keep them", "gt search WORDS"),
    GoCommand("callbacks", BY_ITSELF, "merges and requests for help reach whom they concern without a pass over mail", "gt inbox"),
    GoCommand("context", NOT_HERE, "no program tells how full its context is in a way that all share", "gt costs"),
    GoCommand("directive", RENAMED, "the directives of a role are a file in directives/, read with its next prime", "gt prime"),
    GoCommand("disable", NOT_HERE, "nothing is hooked into your shell that could be switched off", "gt down"),
    GoCommand("enable", NOT_HERE, "nothing is hooked into your shell that could be switched on", "gt up"),
    GoCommand("git-init", RENAMED, "a town becomes a git repository when it is made", "gt install PATH --git"),
    GoCommand("init", RENAMED, "a rig is a repository that is added to a town", "gt rig add NAME URL"),
    GoCommand("issue", BY_ITSELF, "the status line shows what is on an agent's hook", "gt hook show AGENT"),
    GoCommand("metrics", NOT_HERE, "commands are not counted on your machine", "gt costs"),
    GoCommand("nudge-poller", BY_ITSELF, "the daemon delivers what waits", "gt nudge --list"),
    GoCommand("reaper", RENAMED, "expired wisps are deleted by the daemon, and by hand", "gt compact"),
    GoCommand("shell", NOT_HERE, "the town and rig follow from the folder you are in", "gt completion bash"),
    GoCommand("status-line", BY_ITSELF, "the daemon sets the words of tmux's status line; no process runs for it", "gt status"),
    GoCommand("synthesis", BY_ITSELF, "a convoy formula ends with its synthesis step, which is dispatched like any other", "gt formula run NAME"),
    GoCommand("tap", RENAMED, "guards are part of the hook files", "gt hooks list"),
    GoCommand("theme", RENAMED, "the console's theme is in console.toml; sessions are coloured by their role", "gt feed"),
    GoCommand("uninstall", NOT_HERE, "outside its folder a town leaves at most a supervisor's file", "gt down --all, then gt daemon disable-supervisor"),
    GoCommand("worktree", RENAMED, "for work in another rig you take a clone of your own there", "gt crew add NAME --rig RIG"),
)  # fmt: skip

BY_NAME = {row.name: row for row in GO_COMMANDS}


def instead_of(word: str) -> tuple[str, str] | None:
    """Return (why it is not here, what to do) for a command of the Go tools, None for any other word."""
    row = BY_NAME.get(word)
    if row is None:
        return None
    return row.why, f"use {row.use}" if row.use else "gt --help lists the commands"
