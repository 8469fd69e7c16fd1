"""The command table of ``bd``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Command, Root

_C = "gastown_cli.bd_commands."
_WORK, _FIND, _TIES, _FILES = "Work", "Find", "Labels, comments, dependencies", "Files"
_FORMULAS = "Formulas"

ROOT = Root(
    "bd",
    "beads: work as text in git",
    (
        Command("create", _C + "create:create", _WORK, "make a bead", ("new",)),
        Command("q", _C + "create:quick", _WORK, "make a bead and print its id only"),
        Command("show", _C + "show:show", _WORK, "show beads with everything that hangs on them", ("view",)),
        Command("update", _C + "update:update", _WORK, "change fields of beads", ("edit",)),
        Command("claim", _C + "update:claim", _WORK, "take an open bead, unless somebody has it"),
        Command("close", _C + "close:close", _WORK, "close beads", ("done",)),
        Command("reopen", _C + "update:reopen", _WORK, "open beads again"),
        Command("delete", _C + "delete", _WORK, "delete beads; by itself it only shows what would go"),
        Command("batch", _C + "batch", _WORK, "many changes from lines, all or nothing"),
        Command("list", _C + "list:list", _FIND, "beads by filters", ("ls",)),
        Command("ready", _C + "ready:ready", _FIND, "what can be worked on now"),
        Command("blocked", _C + "ready:blocked", _FIND, "what cannot, and what holds it"),
        Command("search", _C + "list:search", _FIND, "text in titles and ids"),
        Command("count", _C + "list:count", _FIND, "how many, by groups if asked"),
        Command("stats", _C + "stats", _FIND, "the store in figures", ("status",)),
        Command("label add", _C + "label:add", _TIES, "add a label to beads"),
        Command("label remove", _C + "label:remove", _TIES, "take a label off beads", ("rm",)),
        Command("label list", _C + "label:list", _TIES, "labels of a bead"),
        Command("label list-all", _C + "label:list_all", _TIES, "all labels in use, with counts"),
        Command("comments", _C + "comments:list", _TIES, "comments of a bead"),
        Command("comments add", _C + "comments:add", _TIES, "comment on a bead"),
        Command("comment", _C + "comments:add", _TIES, "comment on a bead", ("note",)),
        Command("dep add", _C + "dep:add", _TIES, "let one bead depend on another"),
        Command("dep remove", _C + "dep:remove", _TIES, "drop a dependency", ("rm",)),
        Command("dep list", _C + "dep:list", _TIES, "dependencies of beads"),
        Command("dep tree", _C + "dep:tree", _TIES, "the tree of dependencies of a bead"),
        Command("dep cycles", _C + "dep:cycles", _TIES, "beads that wait for each other"),
        Command("epic status", _C + "epic:status", _TIES, "epics and how many of their children are closed"),
        Command("epic close-eligible", _C + "epic:close_eligible", _TIES, "close epics whose children are all closed"),
        Command("formula list", _C + "formula:list", _FORMULAS, "formulas that can be used here", ("ls",)),
        Command("formula show", _C + "formula:show", _FORMULAS, "one formula: variables, steps, what it is made of"),
        Command("cook", _C + "formula:cook", _FORMULAS, "a formula with everything resolved; writes nothing by itself"),
        Command("mol pour", _C + "mol_pour:pour", _FORMULAS, "a formula as beads that stay"),
        Command(
            "mol wisp", _C + "mol_pour:wisp", _FORMULAS, "a formula as something that vanishes; list and gc of such"
        ),
        Command("mol list", _C + "mol:list", _FORMULAS, "what is poured, and how far it is", ("ls",)),
        Command("mol show", _C + "mol:show", _FORMULAS, "a molecule with everything in it"),
        Command("mol current", _C + "mol:current", _FORMULAS, "where one stands"),
        Command("mol progress", _C + "mol:progress", _FORMULAS, "how far a molecule is, and how fast it goes"),
        Command("mol ready", _C + "mol:ready", _FORMULAS, "steps that can be begun"),
        Command("mol bond", _C + "mol_pour:bond", _FORMULAS, "tie two molecules, protos or formulas together"),
        Command("mol squash", _C + "mol_ending:squash", _FORMULAS, "end a molecule in one digest bead"),
        Command("mol burn", _C + "mol_ending:burn", _FORMULAS, "delete molecules; asks first"),
        Command("mol distill", _C + "mol_ending:distill", _FORMULAS, "a formula from work that was done"),
        Command("mol stale", _C + "mol:stale", _FORMULAS, "complete but never closed"),
        Command("mol last-activity", _C + "mol:last_activity", _FORMULAS, "when a molecule last moved"),
        Command("mol seed", _C + "mol_pour:seed", _FORMULAS, "see that a formula can be found and cooked"),
        Command("gate list", _C + "gate:list", _FORMULAS, "what is waited for", ("ls",)),
        Command("gate create", _C + "gate:create", _FORMULAS, "hold a bead back until something has happened"),
        Command("gate show", _C + "gate:show", _FORMULAS, "one gate"),
        Command("gate resolve", _C + "gate:resolve", _FORMULAS, "open a gate by hand"),
        Command("gate check", _C + "gate:check", _FORMULAS, "open the gates whose time has come"),
        Command("gate add-waiter", _C + "gate:add_waiter", _FORMULAS, "who wants to hear when it opens"),
        Command("init", _C + "store:init", _FILES, "make a store here"),
        Command("export", _C + "import_export:export", _FILES, "write beads as JSON lines"),
        Command("import", _C + "import_export:import", _FILES, "read beads from JSON lines or a table dump"),
        Command("sync", _C + "store:sync", _FILES, "compact, commit, and push if asked"),
        Command("merge", _C + "store:merge", _FILES, "merge issues.jsonl, as other tools registered it with git"),
        Command("merge-driver", _C + "store:merge_driver", _FILES, "git calls this to merge issues.jsonl"),
        Command("doctor", _C + "store:doctor", _FILES, "look for what is wrong, and mend it with --fix"),
    ),
)
