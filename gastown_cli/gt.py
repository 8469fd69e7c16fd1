"""The command table of ``gt``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Command, Root

_C = "gastown_cli.commands."
_B = "gastown_cli.bd_commands."

ROOT = Root(
    "gt",
    "Manage a town of coding agents: their work, their sessions, and a console to watch them",
    (
        Command("feed", _C + "feed:feed", "Watch", "Open the console: agents, convoys and events, live"),
        Command(
            "demo", _C + "demo", "Watch", "Run a demonstration town with scripted agents and open the console on it"
        ),
        Command("status", _C + "status:status", "Watch", "Show the town at a glance", ("stat",)),
        Command("agents", _C + "status:agents", "Watch", "List agents and their health", ("ag",)),
        Command(
            "costs", _C + "costs:costs", "Watch", "Show what agents used: tokens, and costs where programs tell them"
        ),
        Command("log", _C + "history:log", "Watch", "Show the town log: nudges, handoffs, crashes"),
        Command("trail", _C + "history:trail", "Watch", "Show recent commits, beads or hooks", ("recent", "recap")),
        Command("audit", _C + "history:audit", "Watch", "Show what happened, by whom, from every record"),
        Command("install", _C + "town:install", "Town", "Create a town"),
        Command("up", _C + "town:up", "Town", "Start the mayor, the deacon, witnesses and refineries"),
        Command("down", _C + "town:down", "Town", "Stop the town's sessions"),
        Command(
            "daemon",
            _C + "daemon",
            "Town",
            "Run, start, stop or inspect the daemon: run|start|stop|restart|status|logs",
        ),
        Command(
            "patrol", _C + "patrol:list", "Town", "List the patrols, their last runs and open incidents", ("patrols",)
        ),
        Command(
            "patrol list", _C + "patrol:list", "Town", "List the patrols, their last runs and open incidents", ("ls",)
        ),
        Command("patrol scan", _C + "patrol:scan", "Town", "Look once and show what patrols find; change nothing"),
        Command(
            "patrol backtest", _C + "patrol:backtest", "Town", "Show what a patrol would have done, by the event log"
        ),
        Command(
            "doctor agents",
            _C + "doctor:agents",
            "Town",
            "Check what agents need to start without a person, and mend what you allow",
        ),
        Command("hooks list", _C + "hooks:list", "Agents", "List the hook files of agents and their state", ("ls",)),
        Command("hooks diff", _C + "hooks:diff", "Agents", "Show what gt hooks sync would change"),
        Command("hooks sync", _C + "hooks:sync", "Agents", "Write the hook files that are out of step"),
        Command("hooks install", _C + "hooks:install", "Agents", "Write the hook files of one agent"),
        Command("hooks repair", _C + "hooks:repair", "Agents", "Replace damaged hook files; copies of them are kept"),
        Command("rig add", _C + "rig:add", "Town", "Add a repository to the town as a rig"),
        Command("rig list", _C + "rig:list", "Town", "List rigs", ("ls",)),
        Command("rig status", _C + "rig:status", "Town", "Show a rig's state, sessions and work"),
        Command("rig start", _C + "rig:start", "Town", "Start a rig's agents", ("boot",)),
        Command("rig stop", _C + "rig:stop", "Town", "Stop a rig's agents; their work waits", ("shutdown",)),
        Command("rig restart", _C + "rig:restart", "Town", "Restart a rig's agents", ("reboot",)),
        Command("rig park", _C + "rig:park", "Town", "Park a rig on this machine: no agents, no dispatch"),
        Command("rig unpark", _C + "rig:unpark", "Town", "Make a parked rig operational"),
        Command("rig dock", _C + "rig:dock", "Town", "Dock a rig for everyone who shares the town"),
        Command("rig undock", _C + "rig:undock", "Town", "Make a docked rig operational"),
        Command("rig remove", _C + "rig:remove", "Town", "Take a rig out of the town and keep its files", ("rm",)),
        Command("crew add", _C + "crew:add", "Town", "Create a crew workspace: a clone of your own in a rig"),
        Command("crew list", _C + "crew:list", "Town", "List crew workspaces", ("ls",)),
        Command("sling", _C + "sling:sling", "Work", "Assign a bead to an agent and start work on it"),
        Command("hook", _C + "hook:hook", "Work", "Show what is on a hook, or hook a bead", ("work",)),
        Command("hook show", _C + "hook:show", "Work", "Show what is on an agent's hook", ("status",)),
        Command("hook list", _C + "hook:list", "Work", "List every hook that holds work", ("ls",)),
        Command("hook attach", _C + "hook:attach", "Work", "Put a bead on a hook"),
        Command("hook detach", _C + "hook:unsling", "Work", "Take a bead off a hook"),
        Command("hook clear", _C + "hook:clear", "Work", "Take everything off a hook"),
        Command("hook rollback", _C + "hook:rollback", "Work", "Roll a worktree back to an earlier state"),
        Command("unsling", _C + "hook:unsling", "Work", "Take work off a hook", ("unhook",)),
        Command("assign", _C + "work:assign", "Work", "Create a bead on a crew member's hook"),
        Command("release", _C + "work:release", "Work", "Release work from its assignee"),
        Command("close", _C + "work:close", "Work", "Close beads, and land the convoys this completes"),
        Command("ready", _C + "work:ready", "Work", "List ready work in all ledgers"),
        Command("commit", _C + "branch:commit", "Work", "Commit to git under your own name"),
        Command("prune-branches", _C + "branch:prune_branches", "Work", "Delete local branches whose work has landed"),
        Command("done", _C + "branch:done", "Work", "Hand in work: push the branch and submit a merge request"),
        Command("formula list", _B + "formula:list", "Formulas", "List available formulas", ("ls",)),
        Command("formula show", _B + "formula:show", "Formulas", "Show a formula: variables, steps and sources"),
        Command("formula create", _C + "formula:create", "Formulas", "Create a formula from a starter file"),
        Command(
            "formula overlay", _C + "formula:overlay", "Formulas", "Override single steps of a formula: show|edit|list"
        ),
        Command("formula run", _C + "formula:run", "Formulas", "Run a convoy or workflow formula in a rig"),
        Command("mol status", _C + "mol:status", "Formulas", "Show the molecule on a hook and its progress"),
        Command("mol current", _C + "mol:current", "Formulas", "Show the current step in full"),
        Command("mol progress", _C + "mol:progress", "Formulas", "Show a molecule's progress, step by step"),
        Command("mol dag", _C + "mol:dag", "Formulas", "Show a molecule's steps as waves"),
        Command(
            "mol step",
            _C + "mol_step:step",
            "Formulas",
            "Close a step, or wait for or emit an event: done|await-signal|await-event|emit-event",
        ),
        Command(
            "mol await-signal", _C + "mol_step:await_signal", "Formulas", "Sleep until something happens in the town"
        ),
        Command("mol attach", _C + "mol_attachment:attach", "Formulas", "Attach a molecule to work"),
        Command(
            "mol attach-from-mail",
            _C + "mol_attachment:attach_from_mail",
            "Formulas",
            "Attach the molecule that a message names",
        ),
        Command("mol attachment", _C + "mol_attachment:attachment", "Formulas", "Show the molecule attached to work"),
        Command("mol detach", _C + "mol_attachment:detach", "Formulas", "Detach a molecule from its work"),
        Command("mol burn", _C + "mol_attachment:burn", "Formulas", "End a molecule without a digest"),
        Command("mol squash", _C + "mol_attachment:squash", "Formulas", "End a molecule and keep a digest"),
        Command("compact", _C + "compact", "Formulas", "Delete expired wisps; report shows the figures"),
        Command("convoy create", _C + "convoy:create", "Work", "Create a convoy"),
        Command("convoy list", _C + "convoy:list", "Work", "List convoys and their progress", ("ls",)),
        Command("convoy show", _C + "convoy:show", "Work", "Show a convoy and its members", ("status",)),
        Command("convoy add", _C + "convoy:add", "Work", "Add work to a convoy"),
        Command(
            "convoy refresh",
            _C + "convoy_lifecycle:refresh",
            "Work",
            "Recheck a stuck convoy, repair it and dispatch its work",
        ),
        Command("convoy check", _C + "convoy_lifecycle:check", "Work", "Close convoys whose work is done"),
        Command("convoy close", _C + "convoy_lifecycle:close", "Work", "Close a convoy by hand"),
        Command(
            "convoy land", _C + "convoy_lifecycle:land", "Work", "Land an owned convoy and remove its idle worktrees"
        ),
        Command(
            "convoy stranded",
            _C + "convoy_lifecycle:stranded",
            "Work",
            "List convoys with ready work that nobody is on",
        ),
        Command("convoy watch", _C + "convoy:watch", "Work", "Get notified when a convoy lands or stalls"),
        Command("convoy unwatch", _C + "convoy:unwatch", "Work", "Stop notifications for a convoy"),
        Command(
            "convoy stage",
            _C + "convoy_lifecycle:stage",
            "Work",
            "Plan an epic or tasks in waves without slinging anything",
        ),
        Command(
            "convoy launch", _C + "convoy_lifecycle:launch", "Work", "Launch a staged convoy and start its first wave"
        ),
        Command("mountain", _C + "mountain", "Work", "Drive an epic to completion: status|pause|resume|cancel|retry"),
        Command("scheduler status", _C + "scheduler:status", "Scheduler", "Show the scheduler's state"),
        Command(
            "scheduler explain", _C + "scheduler:explain", "Scheduler", "Explain who gets work next, or what blocks it"
        ),
        Command("scheduler list", _C + "scheduler:list", "Scheduler", "List queued slings by rig", ("ls",)),
        Command("scheduler pause", _C + "scheduler:pause", "Scheduler", "Pause dispatch"),
        Command("scheduler resume", _C + "scheduler:resume", "Scheduler", "Resume dispatch"),
        Command("scheduler run", _C + "scheduler:run", "Scheduler", "Run one dispatch cycle"),
        Command("scheduler clear", _C + "scheduler:clear", "Scheduler", "Remove slings from the queue"),
        Command("mq", _C + "mq:list", "Merging", "List the merge queue of a rig", ("mr",)),
        Command("mq list", _C + "mq:list", "Merging", "List merge requests in queue order", ("ls",)),
        Command("mq next", _C + "mq:next", "Merging", "Show the request that is merged next"),
        Command("mq status", _C + "mq:status", "Merging", "Show one merge request", ("show",)),
        Command("mq submit", _C + "mq:submit", "Merging", "Submit the current branch as a merge request"),
        Command("mq retry", _C + "mq:retry", "Merging", "Retry a merge request now"),
        Command("mq reject", _C + "mq:reject", "Merging", "Reject a merge request and reopen its bead"),
        Command("mq post-merge", _C + "mq:post_merge", "Merging", "Do the bookkeeping for a branch merged by hand"),
        Command(
            "mq integration",
            _C + "mq_integration",
            "Merging",
            "Create, inspect or land an epic's integration branch: create|status|land",
        ),
        Command(
            "refinery",
            _C + "refinery:refinery",
            "Merging",
            "Inspect and run a rig's refinery: status|queue|ready|blocked|claim|…",
            ("ref",),
        ),
        Command("refinery process", _C + "refinery:process", "Merging", "Merge what is ready, in the foreground"),
        Command("refinery log", _C + "refinery:log", "Merging", "Show finished batches and their gate logs"),
        Command("polecat", _C + "polecat:list", "Agents", "List polecats and their health", ("polecats",)),
        Command("polecat list", _C + "polecat:list", "Agents", "List polecats and their health", ("ls",)),
        Command("polecat status", _C + "polecat:status", "Agents", "Show one polecat"),
        Command("polecat add", _C + "polecat:add", "Agents", "Create a polecat without work"),
        Command("polecat pool-init", _C + "polecat:pool_init", "Agents", "Fill a rig's pool of polecats"),
        Command(
            "polecat remove",
            _C + "polecat:remove",
            "Agents",
            "Remove a polecat's worktree and keep its branch",
            ("rm",),
        ),
        Command(
            "polecat nuke", _C + "polecat:nuke", "Agents", "Remove a polecat; unsaved work is kept in a rescue ref"
        ),
        Command("polecat stale", _C + "polecat:stale", "Agents", "List idle polecats whose worktree is behind"),
        Command("polecat prune", _C + "polecat:prune", "Agents", "Delete merged branches of polecats", ("gc",)),
        Command(
            "polecat git-state",
            _C + "polecat:git_state",
            "Agents",
            "Check whether a polecat holds work that is nowhere else",
        ),
        Command(
            "polecat check-recovery",
            _C + "polecat:check_recovery",
            "Agents",
            "Check whether a polecat is safe to remove",
        ),
        Command("namepool", _C + "namepool", "Agents", "Manage the names that a rig's polecats get"),
        Command("mayor", _C + "mayor", "Agents", "Manage the mayor's session: start|attach|detach|stop|restart|status"),
        Command("session", _C + "session:session", "Agents", "Manage agents' sessions: start|stop|restart|list"),
        Command("attach", _C + "session:attach", "Agents", "Attach to an agent's session"),
        Command("peek", _C + "session:peek", "Agents", "Show an agent's screen"),
        Command("nudge", _C + "nudge:nudge", "Agents", "Send a message to an agent, or list those that wait"),
        Command("broadcast", _C + "notify:broadcast", "Agents", "Nudge all running crew and polecats"),
        Command("dnd", _C + "notify:dnd", "Agents", "Turn do-not-disturb on or off"),
        Command("notify", _C + "notify:notify", "Agents", "Show or set an agent's notification level"),
        Command("seance", _C + "seance:seance", "Agents", "List earlier sessions of agents, and ask one of them"),
        Command("resume", _C + "session:resume", "Agents", "Show the handoff notes that wait for an agent"),
        Command("escalate", _C + "escalate:raise", "Agents", "Tell a higher role or a person what is wrong"),
        Command("escalate list", _C + "escalate:list", "Agents", "List escalations", ("ls",)),
        Command("escalate show", _C + "escalate:show", "Agents", "Show an escalation"),
        Command("escalate ack", _C + "escalate:ack", "Agents", "Take an escalation on"),
        Command("escalate forward", _C + "escalate:forward", "Agents", "Send an escalation to another tier"),
        Command("escalate close", _C + "escalate:close", "Agents", "Close an escalation with a reason"),
        Command("escalate stale", _C + "escalate:stale", "Agents", "Raise what nobody answered by one severity"),
        Command("handoff", _C + "session:handoff", "Agents", "Restart an agent with a note for its next session"),
        Command("prime", _C + "agent:prime", "Agents", "Show an agent its role and its work (for agents)"),
        Command("whoami", _C + "agent:whoami", "Agents", "Show the identity you act under"),
        Command("heartbeat", _C + "agent:heartbeat", "Agents", "Report an agent's state (for agents)"),
        Command("activity", _C + "event_log:activity", "Agents", "Emit an event into the log"),
        Command(
            "krc", _C + "event_log:krc", "Settings", "Manage event retention: stats|prune|config|auto-prune-status"
        ),
        Command("config get", _C + "config:get", "Settings", "Show a setting"),
        Command("config set", _C + "config:set", "Settings", "Change a setting"),
        Command("config agent", _C + "config:agent", "Settings", "Manage runtimes: list|get|set|remove"),
        Command("config default-agent", _C + "config:default_agent", "Settings", "Show or set the default runtime"),
    ),
    (("formulas", "formula"), ("molecule", "mol")),
)
