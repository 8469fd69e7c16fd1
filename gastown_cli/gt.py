"""The command table of ``gt``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Command, Root

_C = "gastown_cli.commands."
_B = "gastown_cli.bd_commands."

ROOT = Root(
    "gt",
    "a town of coding agents: their work, their sessions, and a console to watch them",
    (
        Command("feed", _C + "feed", "Watch", "the console: agents, convoys and events, live"),
        Command("demo", _C + "demo", "Watch", "a town of agents that cost nothing, and the console on it"),
        Command("status", _C + "status", "Watch", "the town at a glance", ("stat",)),
        Command("agents", _C + "agents", "Watch", "who there is and how they are", ("ag",)),
        Command("install", _C + "install", "Town", "make a town"),
        Command("up", _C + "up", "Town", "start mayor, deacon, witnesses and refineries"),
        Command("down", _C + "down", "Town", "end the town's sessions"),
        Command(
            "daemon",
            _C + "daemon",
            "Town",
            "the process that dispatches and merges: run|start|stop|restart|status|logs",
        ),
        Command("rig add", _C + "rig_add", "Town", "take a repository into the town"),
        Command("rig list", _C + "rig_list", "Town", "the rigs", ("ls",)),
        Command("crew add", _C + "crew_add", "Town", "a clone of your own in a rig"),
        Command("crew list", _C + "crew_list", "Town", "who has one", ("ls",)),
        Command("sling", _C + "sling", "Work", "give a bead to an agent and set it going"),
        Command("hook", _C + "hook", "Work", "what is on a hook, or put something there", ("work",)),
        Command("unsling", _C + "unsling", "Work", "take work off a hook", ("unhook",)),
        Command("done", _C + "done", "Work", "hand in: push the branch, ask for the merge"),
        Command("formula list", _B + "formula_list", "Formulas", "formulas that can be used here", ("ls",)),
        Command("formula show", _B + "formula_show", "Formulas", "one formula: variables, steps, what it is made of"),
        Command("formula create", _C + "formula_create", "Formulas", "a starter file for a formula of your own"),
        Command(
            "formula overlay", _C + "formula_overlay", "Formulas", "your own words for single steps: show|edit|list"
        ),
        Command("mol status", _C + "mol_status", "Formulas", "what is on a hook, and how far its molecule is"),
        Command("mol current", _C + "mol_current", "Formulas", "the step to do now, in full, and the list around it"),
        Command("mol progress", _C + "mol_progress", "Formulas", "how far a molecule is, step by step"),
        Command("mol dag", _C + "mol_dag", "Formulas", "a molecule as waves of steps"),
        Command("mol step", _C + "mol_step", "Formulas", "done|await-signal|await-event|emit-event"),
        Command("mol await-signal", _C + "mol_await", "Formulas", "sleep until something happens in the town"),
        Command("mol attach", _C + "mol_attach", "Formulas", "let work carry a molecule"),
        Command("mol attach-from-mail", _C + "mol_attach_from_mail", "Formulas", "the molecule that a message names"),
        Command("mol attachment", _C + "mol_attachment", "Formulas", "what a piece of work carries"),
        Command("mol detach", _C + "mol_detach", "Formulas", "take a molecule off its work"),
        Command("mol burn", _C + "mol_burn", "Formulas", "end a molecule without a digest"),
        Command("mol squash", _C + "mol_squash", "Formulas", "end a molecule in a digest"),
        Command("convoy create", _C + "convoy_create", "Work", "bundle work under a name"),
        Command("convoy list", _C + "convoy_list", "Work", "the bundles and how far they are", ("ls",)),
        Command("convoy show", _C + "convoy_show", "Work", "one bundle with its members", ("status",)),
        Command("convoy add", _C + "convoy_add", "Work", "more work for a convoy"),
        Command("mayor", _C + "mayor", "Agents", "start|attach|detach|stop|restart|status of the mayor"),
        Command("session", _C + "session", "Agents", "start|stop|restart one agent, list sessions"),
        Command("attach", _C + "attach", "Agents", "go to an agent's session"),
        Command("peek", _C + "peek", "Agents", "an agent's screen, from here"),
        Command("nudge", _C + "nudge", "Agents", "speak to an agent and see it arrive"),
        Command("handoff", _C + "handoff", "Agents", "a fresh session with a note from the last one"),
        Command("prime", _C + "prime", "Agents", "for agents: who you are and what to do"),
        Command("whoami", _C + "whoami", "Agents", "under which name you act here"),
        Command("heartbeat", _C + "heartbeat", "Agents", "for agents: say how you are"),
        Command("activity", _C + "activity", "Agents", "emit an event into the log"),
        Command("krc", _C + "krc", "Settings", "how long events are kept: stats|prune|config|auto-prune-status"),
        Command("config get", _C + "config_get", "Settings", "one setting"),
        Command("config set", _C + "config_set", "Settings", "change one setting"),
        Command("config agent", _C + "config_agent", "Settings", "list|get|set|remove runtimes"),
        Command("config default-agent", _C + "config_default_agent", "Settings", "the runtime of everyone else"),
    ),
    (("formulas", "formula"), ("molecule", "mol")),
)
