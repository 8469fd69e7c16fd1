"""The command table of ``bd``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Command, Root

_C = "gastown_cli.bd_commands."
_WORK, _FIND, _TIES, _FILES = "Work", "Find", "Labels, comments, dependencies", "Files"
_FORMULAS = "Formulas"

ROOT = Root(
    "bd",
    "Track work as beads: issues kept as text in git",
    (
        Command("create", _C + "create:create", _WORK, "Create a bead", ("new",)),
        Command("q", _C + "create:quick", _WORK, "Create a bead and print only its id"),
        Command("show", _C + "show:show", _WORK, "Show beads in full", ("view",)),
        Command("update", _C + "update:update", _WORK, "Update fields of beads", ("edit",)),
        Command("claim", _C + "update:claim", _WORK, "Claim an open bead that has no assignee"),
        Command("close", _C + "close:close", _WORK, "Close beads", ("done",)),
        Command("reopen", _C + "update:reopen", _WORK, "Reopen beads"),
        Command("delete", _C + "delete", _WORK, "Delete beads (shows what would go unless --force is given)"),
        Command("batch", _C + "batch", _WORK, "Apply many changes from stdin, all or nothing"),
        Command("list", _C + "list:list", _FIND, "List beads", ("ls",)),
        Command("ready", _C + "ready:ready", _FIND, "List beads that are ready to work on"),
        Command("blocked", _C + "ready:blocked", _FIND, "List blocked beads and their blockers"),
        Command("search", _C + "list:search", _FIND, "Search titles and ids"),
        Command("count", _C + "list:count", _FIND, "Count beads, optionally by group"),
        Command("stats", _C + "stats", _FIND, "Show statistics of the store", ("status",)),
        Command("label add", _C + "label:add", _TIES, "Add a label to beads"),
        Command("label remove", _C + "label:remove", _TIES, "Remove a label from beads", ("rm",)),
        Command("label list", _C + "label:list", _TIES, "List the labels of a bead"),
        Command("label list-all", _C + "label:list_all", _TIES, "List all labels in use, with counts"),
        Command("comments", _C + "comments:list", _TIES, "List the comments of a bead"),
        Command("comments add", _C + "comments:add", _TIES, "Add a comment to a bead"),
        Command("comment", _C + "comments:add", _TIES, "Add a comment to a bead", ("note",)),
        Command("dep add", _C + "dep:add", _TIES, "Add a dependency"),
        Command("dep remove", _C + "dep:remove", _TIES, "Remove a dependency", ("rm",)),
        Command("dep list", _C + "dep:list", _TIES, "List the dependencies of beads"),
        Command("dep tree", _C + "dep:tree", _TIES, "Show a bead's dependency tree"),
        Command("dep cycles", _C + "dep:cycles", _TIES, "Find dependency cycles"),
        Command("epic status", _C + "epic:status", _TIES, "Show epics and their completed children"),
        Command("epic close-eligible", _C + "epic:close_eligible", _TIES, "Close epics whose children are all closed"),
        Command("formula list", _C + "formula:list", _FORMULAS, "List available formulas", ("ls",)),
        Command("formula show", _C + "formula:show", _FORMULAS, "Show a formula: variables, steps and sources"),
        Command(
            "cook",
            _C + "formula:cook",
            _FORMULAS,
            "Compile a formula with everything resolved; writes nothing by default",
        ),
        Command("mol pour", _C + "mol_pour:pour", _FORMULAS, "Pour a formula into persistent beads"),
        Command(
            "mol wisp",
            _C + "mol_pour:wisp",
            _FORMULAS,
            "Pour a formula into ephemeral beads; list or collect such wisps",
        ),
        Command("mol list", _C + "mol:list", _FORMULAS, "List molecules and their progress", ("ls",)),
        Command("mol show", _C + "mol:show", _FORMULAS, "Show a molecule in full"),
        Command("mol current", _C + "mol:current", _FORMULAS, "Show the current step"),
        Command("mol progress", _C + "mol:progress", _FORMULAS, "Show a molecule's progress and pace"),
        Command("mol ready", _C + "mol:ready", _FORMULAS, "List steps that are ready"),
        Command("mol bond", _C + "mol_pour:bond", _FORMULAS, "Bond two molecules, protos or formulas"),
        Command("mol squash", _C + "mol_ending:squash", _FORMULAS, "End a molecule and keep one digest bead"),
        Command("mol burn", _C + "mol_ending:burn", _FORMULAS, "Delete molecules (asks first)"),
        Command("mol distill", _C + "mol_ending:distill", _FORMULAS, "Extract a formula from finished work"),
        Command("mol stale", _C + "mol:stale", _FORMULAS, "List molecules that are complete but not closed"),
        Command("mol last-activity", _C + "mol:last_activity", _FORMULAS, "Show when a molecule last changed"),
        Command("mol seed", _C + "mol_pour:seed", _FORMULAS, "Check that a formula can be found and cooked"),
        Command("gate list", _C + "gate:list", _FORMULAS, "List gates", ("ls",)),
        Command(
            "gate create", _C + "gate:create", _FORMULAS, "Create a gate that holds a bead until something happens"
        ),
        Command("gate show", _C + "gate:show", _FORMULAS, "Show one gate"),
        Command("gate resolve", _C + "gate:resolve", _FORMULAS, "Open a gate by hand"),
        Command("gate check", _C + "gate:check", _FORMULAS, "Open gates whose condition is met"),
        Command("gate add-waiter", _C + "gate:add_waiter", _FORMULAS, "Add somebody to notify when a gate opens"),
        Command("init", _C + "store:init", _FILES, "Create a store in this folder"),
        Command("export", _C + "import_export:export", _FILES, "Export beads as JSON lines"),
        Command("import", _C + "import_export:import", _FILES, "Import beads from JSON lines or a table dump"),
        Command("sync", _C + "store:sync", _FILES, "Compact the ledger, commit it, and push if asked"),
        Command("merge", _C + "store:merge", _FILES, "Merge issues.jsonl, as other tools registered it with git"),
        Command("merge-driver", _C + "store:merge_driver", _FILES, "Merge issues.jsonl (called by git)"),
        Command(
            "completion",
            "gastown_cli.commands.completion:bd",
            _FILES,
            "Print the script that completes bd in bash, zsh, fish, powershell",
        ),
        Command("help", "gastown_cli.manual.help:bd", _FILES, "Show commands, their options, and topics"),
        Command("doctor", _C + "store:doctor", _FILES, "Find problems in the store; --fix repairs them"),
    ),
)
