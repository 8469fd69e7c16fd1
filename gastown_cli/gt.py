"""The command table of ``gt``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Command, Root

_C = "gastown_cli.commands."
_B = "gastown_cli.bd_commands."

ROOT = Root(
    "gt",
    "a town of coding agents: their work, their sessions, and a console to watch them",
    (
        Command("feed", _C + "feed:feed", "Watch", "the console: agents, convoys and events, live"),
        Command("demo", _C + "demo", "Watch", "a town of agents that cost nothing, and the console on it"),
        Command("status", _C + "status:status", "Watch", "the town at a glance", ("stat",)),
        Command("agents", _C + "status:agents", "Watch", "who there is and how they are", ("ag",)),
        Command("install", _C + "town:install", "Town", "make a town"),
        Command("up", _C + "town:up", "Town", "start mayor, deacon, witnesses and refineries"),
        Command("down", _C + "town:down", "Town", "end the town's sessions"),
        Command(
            "daemon",
            _C + "daemon",
            "Town",
            "the process that dispatches and merges: run|start|stop|restart|status|logs",
        ),
        Command("rig add", _C + "rig:add", "Town", "take a repository into the town"),
        Command("rig list", _C + "rig:list", "Town", "the rigs", ("ls",)),
        Command("crew add", _C + "crew:add", "Town", "a clone of your own in a rig"),
        Command("crew list", _C + "crew:list", "Town", "who has one", ("ls",)),
        Command("sling", _C + "sling:sling", "Work", "give a bead to an agent and set it going"),
        Command("hook", _C + "hook:hook", "Work", "what is on a hook, or put something there", ("work",)),
        Command("hook show", _C + "hook:show", "Work", "what is on an agent's hook", ("status",)),
        Command("hook list", _C + "hook:list", "Work", "every hook that holds work", ("ls",)),
        Command("hook attach", _C + "hook:attach", "Work", "put a bead on a hook"),
        Command("hook detach", _C + "hook:unsling", "Work", "take a bead off a hook"),
        Command("hook clear", _C + "hook:clear", "Work", "let go of all that is on a hook"),
        Command("hook rollback", _C + "hook:rollback", "Work", "a worktree back to an earlier state"),
        Command("unsling", _C + "hook:unsling", "Work", "take work off a hook", ("unhook",)),
        Command("assign", _C + "work:assign", "Work", "new work, straight onto a crew member's hook"),
        Command("release", _C + "work:release", "Work", "work out of somebody's hands"),
        Command("close", _C + "work:close", "Work", "close beads, and land the convoys this completes"),
        Command("ready", _C + "work:ready", "Work", "what could be begun now, in all ledgers"),
        Command("commit", _C + "branch:commit", "Work", "git commit in your own name"),
        Command("prune-branches", _C + "branch:prune_branches", "Work", "local branches whose work has arrived go"),
        Command("done", _C + "branch:done", "Work", "hand in: push the branch, ask for the merge"),
        Command("formula list", _B + "formula:list", "Formulas", "formulas that can be used here", ("ls",)),
        Command("formula show", _B + "formula:show", "Formulas", "one formula: variables, steps, what it is made of"),
        Command("formula create", _C + "formula:create", "Formulas", "a starter file for a formula of your own"),
        Command(
            "formula overlay", _C + "formula:overlay", "Formulas", "your own words for single steps: show|edit|list"
        ),
        Command("formula run", _C + "formula:run", "Formulas", "set a convoy or workflow formula going in a rig"),
        Command("mol status", _C + "mol:status", "Formulas", "what is on a hook, and how far its molecule is"),
        Command("mol current", _C + "mol:current", "Formulas", "the step to do now, in full, and the list around it"),
        Command("mol progress", _C + "mol:progress", "Formulas", "how far a molecule is, step by step"),
        Command("mol dag", _C + "mol:dag", "Formulas", "a molecule as waves of steps"),
        Command("mol step", _C + "mol_step:step", "Formulas", "done|await-signal|await-event|emit-event"),
        Command(
            "mol await-signal", _C + "mol_step:await_signal", "Formulas", "sleep until something happens in the town"
        ),
        Command("mol attach", _C + "mol_attachment:attach", "Formulas", "let work carry a molecule"),
        Command(
            "mol attach-from-mail",
            _C + "mol_attachment:attach_from_mail",
            "Formulas",
            "the molecule that a message names",
        ),
        Command("mol attachment", _C + "mol_attachment:attachment", "Formulas", "what a piece of work carries"),
        Command("mol detach", _C + "mol_attachment:detach", "Formulas", "take a molecule off its work"),
        Command("mol burn", _C + "mol_attachment:burn", "Formulas", "end a molecule without a digest"),
        Command("mol squash", _C + "mol_attachment:squash", "Formulas", "end a molecule in a digest"),
        Command("compact", _C + "compact", "Formulas", "wisps past their time go; report keeps the figures"),
        Command("convoy create", _C + "convoy:create", "Work", "bundle work under a name"),
        Command("convoy list", _C + "convoy:list", "Work", "the bundles and how far they are", ("ls",)),
        Command("convoy show", _C + "convoy:show", "Work", "one bundle with its members", ("status",)),
        Command("convoy add", _C + "convoy:add", "Work", "more work for a convoy"),
        Command(
            "convoy refresh", _C + "convoy_lifecycle:refresh", "Work", "read a stuck convoy anew, mend it, feed it"
        ),
        Command("convoy check", _C + "convoy_lifecycle:check", "Work", "close convoys whose work is all done"),
        Command("convoy close", _C + "convoy_lifecycle:close", "Work", "end a convoy by hand"),
        Command(
            "convoy land", _C + "convoy_lifecycle:land", "Work", "land an owned convoy and clear its idle worktrees"
        ),
        Command(
            "convoy stranded", _C + "convoy_lifecycle:stranded", "Work", "convoys with ready work that nobody does"
        ),
        Command("convoy watch", _C + "convoy:watch", "Work", "hear when a convoy lands or stalls"),
        Command("convoy unwatch", _C + "convoy:unwatch", "Work", "hear no more of a convoy"),
        Command(
            "convoy stage",
            _C + "convoy_lifecycle:stage",
            "Work",
            "plan an epic or tasks in waves, slinging nothing yet",
        ),
        Command(
            "convoy launch", _C + "convoy_lifecycle:launch", "Work", "open a staged convoy and start its first wave"
        ),
        Command("mountain", _C + "mountain", "Work", "an epic climbed to the end: status|pause|resume|cancel|retry"),
        Command("scheduler status", _C + "scheduler:status", "Scheduler", "how slings are given out just now"),
        Command(
            "scheduler explain", _C + "scheduler:explain", "Scheduler", "who gets work next, or what holds it back"
        ),
        Command("scheduler list", _C + "scheduler:list", "Scheduler", "the queue, rig by rig", ("ls",)),
        Command("scheduler pause", _C + "scheduler:pause", "Scheduler", "give nothing out for now"),
        Command("scheduler resume", _C + "scheduler:resume", "Scheduler", "give out queued slings again"),
        Command("scheduler run", _C + "scheduler:run", "Scheduler", "one dispatch cycle by hand"),
        Command("scheduler clear", _C + "scheduler:clear", "Scheduler", "take slings out of the queue"),
        Command("mq", _C + "mq:list", "Merging", "the merge queue of a rig", ("mr",)),
        Command("mq list", _C + "mq:list", "Merging", "the queue, best first", ("ls",)),
        Command("mq next", _C + "mq:next", "Merging", "what is merged next"),
        Command("mq status", _C + "mq:status", "Merging", "one request", ("show",)),
        Command("mq submit", _C + "mq:submit", "Merging", "hand in the branch you stand on"),
        Command("mq retry", _C + "mq:retry", "Merging", "take a request up again at once"),
        Command("mq reject", _C + "mq:reject", "Merging", "turn a request down; its work opens again"),
        Command("mq post-merge", _C + "mq:post_merge", "Merging", "the bookkeeping for what was merged by hand"),
        Command("mq integration", _C + "mq_integration", "Merging", "create|status|land of an epic's own branch"),
        Command(
            "refinery", _C + "refinery:refinery", "Merging", "status|queue|ready|blocked|claim|… of a rig", ("ref",)
        ),
        Command("refinery process", _C + "refinery:process", "Merging", "merge what is ready, here and now"),
        Command("refinery log", _C + "refinery:log", "Merging", "finished batches, and what their gates said"),
        Command("polecat", _C + "polecat:list", "Agents", "the polecats and how they are", ("polecats",)),
        Command("polecat list", _C + "polecat:list", "Agents", "the polecats and how they are", ("ls",)),
        Command("polecat status", _C + "polecat:status", "Agents", "one polecat and what hangs on it"),
        Command("polecat add", _C + "polecat:add", "Agents", "a polecat ahead of any work"),
        Command("polecat pool-init", _C + "polecat:pool_init", "Agents", "as many polecats as a rig is to have"),
        Command(
            "polecat remove", _C + "polecat:remove", "Agents", "a polecat's worktree goes, its branch stays", ("rm",)
        ),
        Command("polecat nuke", _C + "polecat:nuke", "Agents", "a polecat goes, its name and unsaved work stay"),
        Command("polecat stale", _C + "polecat:stale", "Agents", "polecats at rest that fell behind"),
        Command("polecat prune", _C + "polecat:prune", "Agents", "merged branches of polecats go", ("gc",)),
        Command("polecat git-state", _C + "polecat:git_state", "Agents", "does it hold work that is nowhere else"),
        Command("polecat check-recovery", _C + "polecat:check_recovery", "Agents", "may it go, or must work be saved"),
        Command("namepool", _C + "namepool", "Agents", "the names a rig's polecats get"),
        Command("mayor", _C + "mayor", "Agents", "start|attach|detach|stop|restart|status of the mayor"),
        Command("session", _C + "session:session", "Agents", "start|stop|restart one agent, list sessions"),
        Command("attach", _C + "session:attach", "Agents", "go to an agent's session"),
        Command("peek", _C + "session:peek", "Agents", "an agent's screen, from here"),
        Command("nudge", _C + "session:nudge", "Agents", "speak to an agent and see it arrive"),
        Command("handoff", _C + "session:handoff", "Agents", "a fresh session with a note from the last one"),
        Command("prime", _C + "agent:prime", "Agents", "for agents: who you are and what to do"),
        Command("whoami", _C + "agent:whoami", "Agents", "under which name you act here"),
        Command("heartbeat", _C + "agent:heartbeat", "Agents", "for agents: say how you are"),
        Command("activity", _C + "event_log:activity", "Agents", "emit an event into the log"),
        Command(
            "krc", _C + "event_log:krc", "Settings", "how long events are kept: stats|prune|config|auto-prune-status"
        ),
        Command("config get", _C + "config:get", "Settings", "one setting"),
        Command("config set", _C + "config:set", "Settings", "change one setting"),
        Command("config agent", _C + "config:agent", "Settings", "list|get|set|remove runtimes"),
        Command("config default-agent", _C + "config:default_agent", "Settings", "the runtime of everyone else"),
    ),
    (("formulas", "formula"), ("molecule", "mol")),
)
