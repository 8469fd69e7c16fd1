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
        Command("create", _C + "create", _WORK, "make a bead", ("new",)),
        Command("q", _C + "quick", _WORK, "make a bead and print its id only"),
        Command("show", _C + "show", _WORK, "show beads with everything that hangs on them", ("view",)),
        Command("update", _C + "update", _WORK, "change fields of beads", ("edit",)),
        Command("claim", _C + "claim", _WORK, "take an open bead, unless somebody has it"),
        Command("close", _C + "close", _WORK, "close beads", ("done",)),
        Command("reopen", _C + "reopen", _WORK, "open beads again"),
        Command("delete", _C + "delete", _WORK, "delete beads; by itself it only shows what would go"),
        Command("batch", _C + "batch", _WORK, "many changes from lines, all or nothing"),
        Command("list", _C + "list_beads", _FIND, "beads by filters", ("ls",)),
        Command("ready", _C + "ready", _FIND, "what can be worked on now"),
        Command("blocked", _C + "blocked", _FIND, "what cannot, and what holds it"),
        Command("search", _C + "search", _FIND, "text in titles and ids"),
        Command("count", _C + "count", _FIND, "how many, by groups if asked"),
        Command("stats", _C + "stats", _FIND, "the store in figures", ("status",)),
        Command("label add", _C + "label_add", _TIES, "add a label to beads"),
        Command("label remove", _C + "label_remove", _TIES, "take a label off beads", ("rm",)),
        Command("label list", _C + "label_list", _TIES, "labels of a bead"),
        Command("label list-all", _C + "label_list_all", _TIES, "all labels in use, with counts"),
        Command("comments", _C + "comments", _TIES, "comments of a bead"),
        Command("comments add", _C + "comments_add", _TIES, "comment on a bead"),
        Command("comment", _C + "comments_add", _TIES, "comment on a bead", ("note",)),
        Command("dep add", _C + "dep_add", _TIES, "let one bead depend on another"),
        Command("dep remove", _C + "dep_remove", _TIES, "drop a dependency", ("rm",)),
        Command("dep list", _C + "dep_list", _TIES, "dependencies of beads"),
        Command("dep tree", _C + "dep_tree", _TIES, "the tree of dependencies of a bead"),
        Command("dep cycles", _C + "dep_cycles", _TIES, "beads that wait for each other"),
        Command("epic status", _C + "epic_status", _TIES, "epics and how many of their children are closed"),
        Command("epic close-eligible", _C + "epic_close_eligible", _TIES, "close epics whose children are all closed"),
        Command("formula list", _C + "formula_list", _FORMULAS, "formulas that can be used here", ("ls",)),
        Command("formula show", _C + "formula_show", _FORMULAS, "one formula: variables, steps, what it is made of"),
        Command("cook", _C + "cook", _FORMULAS, "a formula with everything resolved; writes nothing by itself"),
        Command("init", _C + "init", _FILES, "make a store here"),
        Command("export", _C + "export", _FILES, "write beads as JSON lines"),
        Command("import", _C + "import_beads", _FILES, "read beads from JSON lines or a table dump"),
        Command("sync", _C + "sync", _FILES, "compact, commit, and push if asked"),
        Command("merge-driver", _C + "merge_driver", _FILES, "git calls this to merge issues.jsonl"),
        Command("doctor", _C + "doctor", _FILES, "look for what is wrong, and mend it with --fix"),
    ),
)
