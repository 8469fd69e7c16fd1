"""Write what is generated: the pages ``PAGES``, each from a table of the program, and the README's picture from a demo town.

``python -m docs.generate`` writes the pages; ``python -m docs.generate picture TOWN`` draws the console on that town.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys

from docs import telemetry

HERE = os.path.dirname(os.path.abspath(__file__))
KEY_WORDS = {
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "shift+tab": "Shift-Tab",
    "tab": "Tab",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
}


SETTINGS = """
## Settings: `settings/console.toml`

The town's own file; the console reads it again when it changes. A file with a mistake is not used: the last good one stays
in force, and the status bar names the line. `: settings` shows all mistakes, and what the file changes.

```toml
theme = "auto"        # auto (light or dark, as the terminal is), dark, light, colour-blind, high-contrast
readonly = false      # true: refuse everything that changes the town, as gt feed --readonly does

[keys]                # an action's id (the tables above have them in their last column): one key, several, or "" for none
"agent.nudge" = "F5"
"agent.stop" = ["X", "Ctrl-O"]

[[command]]           # a command of your own, in help and palette too
name = "commit by hand"
key = "Ctrl-G"        # may be left out
where = ["agents"]    # places of the tables above; left out: anywhere
run = ["git", "commit", "-am", "{message}"]
in = "worktree"       # or "town", the default
asks = { message = "Message of the commit?" }
confirm = true        # shows the words before they run
show = "line"         # the last line; or "pager" (all of it), or "terminal" (the command has the terminal)
```

`run` is a list of words, run without a shell: a value stays one word whatever it holds. `{town}`, `{agent}`, `{session}`,
`{rig}`, `{role}`, `{bead}`, `{branch}`, `{worktree}`, `{convoy}` and `{request}` come from the selection, other names from `asks`.

A key can mean only one thing at a place, so give the other action another key, or take its key away. `Ctrl-Q` always quits.
`gt feed --theme NAME` goes before the file's theme, that before the one chosen with `t`, that before `GT_THEME`.
"""


def key_word(key: str) -> str:
    """A key as people write it."""
    if key.startswith("ctrl+"):
        return "Ctrl-" + key[5:].upper()
    return KEY_WORDS.get(key, key)


def console_page() -> str:
    """The page of keys."""
    from gastown_tui.keys import ACTIONS, GROUPS, OWN

    lines = [
        "# The console",
        "",
        "`gt feed` opens it, `gt feed --problems` in the problems view, `gt feed --window` in a tmux window.",
        "This page is made from the console's table of actions (`make docs`), as are its help (`?`) and its palette (`:`).",
    ]
    for group in GROUPS:
        if group == OWN:
            continue
        lines += ["", f"## {group}", "", "| key | does | where | id |", "|---|---|---|---|"]
        for action in ACTIONS:
            if action.group == group:
                keys = " ".join(f"`{key_word(key)}`" for key in action.keys) or f"`:` {action.label}"
                lines.append(f"| {keys} | {action.help} | {', '.join(action.where)} | `{action.id}` |")
    return "\n".join(lines) + "\n" + SETTINGS


TROUBLE = """# Troubleshooting

`gt doctor` checks the town, `gt doctor agents` what keeps agents from starting; both say what, why and what to do, and change nothing. `--fix`
shows what it would change, asks, and makes the changes; keys and log-ins stay yours. The tables below are made from its checks (`make docs`).

| what you see | look with | usual cause |
|---|---|---|
| an agent ends as soon as it starts | `gt agents`, `gt doctor agents` | no log-in, a folder that is not trusted; the last lines of its screen are in its reason |
| an agent waits and nothing happens | `gt inbox`, `gt peek AGENT` | a question; answer it with a digit in the console, or `gt answer AGENT` |
| *stopped short* | `gt status --verbose` | its turn ended with work on the hook; the witness nudges after a minute, `gt nudge AGENT "go on"` does at once |
| *limited* | `gt quota status` | a rate limit; it ends by itself at the time shown |
| *unknown* | `gt status --verbose`, `gt doctor` | tmux or a record cannot be read: nobody is declared dead for that |
| ready work, free places, no movement | `gt scheduler explain`, `gt status` | the dam names the broken link and the command that helps |
| finished work does not land | `gt mq list RIG`, `gt refinery log` | a gate is red, the target is red, or the request rests; the list says why |
| work came back | `gt hook show AGENT` | its gate log is in the worker's briefing and in the bead's comments |
| a nudge does not arrive | `gt nudge --list` | a draft, a question or an unknown screen: it waits, and says for what |
| the console shows old numbers | `S` in the console, `gt daemon status` | a source that fails, with its age; a duty that does not run |
| something was removed | `gt hook rollback --list --agent AGENT`, `gt undo --list` | it is in a rescue ref; `gt undo` takes back your own last act |
| everything must stop, now | `gt estop -r "why"` | `gt thaw` goes on; nothing is lost |
"""


def troubleshooting_page() -> str:
    """The page of symptoms, and of the doctor's checks."""
    from gastown_core.doctor.checks import AGENTS, TOWN, checks_of

    lines = [TROUBLE]
    for title, command, group in (("The town", "gt doctor", TOWN), ("Agents", "gt doctor agents", AGENTS)):
        lines += [f"## {title}: `{command}`", "", "| check | makes sure that | `--fix` |", "|---|---|---|"]
        lines += [f"| {check.name} | {check.about} | {check.mends or '–'} |" for check in checks_of(group)]
        lines.append("")
    return "\n".join(lines)


FROM_GO = """# Coming from the Go tools

Open the town that you have: `gastown feed` in its folder. Files, ids, session names and events are the same, unknown keys are kept, and both
programs may work in one town at the same time; beads in Dolt are read and written where they are ([Dolt](dolt.md)).

What differs in use:

- Work that was handed in is *in review* until git proves that it is on the target; the Go tools close it at once.
- The daemon, the witnesses, the deacon and the refinery are code. A model plays a role only where `patrols.ROLE.mode` says so.
- What removes something (`gt polecat nuke`, `gt hook rollback`) shows what would be lost and saves it to a ref first.
- One `gt inbox` has everything that waits on you.

Every command of the Go `gt`, and what it is here (made by `make docs` from both tables):
"""


def from_go_page() -> str:
    """The page with every command of the Go tools."""
    from gastown_cli.go_commands import BY_NAME, GO
    from gastown_cli.gt import ROOT

    lines = [FROM_GO, "| Go | here | |", "|---|---|---|"]
    for name in sorted(GO):
        told = BY_NAME.get(name)
        rows = [
            row for row in ROOT.commands if row.name.split()[0] == name or (" " not in row.name and name in row.aliases)
        ]
        if told is not None:
            use = ", then ".join(f"`{one}`" for one in told.use.split(", then ")) if told.use else "–"
            lines.append(f"| gt {name} | {use} | {told.how}: {told.why} |")
        elif not rows:
            lines.append(f"| gt {name} | `gt {name}` | |")
        elif len(rows) == 1:
            about = rows[0].help.replace("|", ", ")
            lines.append(f"| gt {name} | `gt {rows[0].name}` | {about} |")
        else:
            verbs = ", ".join(row.name.split()[1] for row in rows if " " in row.name)
            lines.append(f"| gt {name} | `gt {name}` | {verbs} |")
    return "\n".join(lines) + "\n"


PAGES = {
    "from-go.md": from_go_page,
    "console.md": console_page,
    "troubleshooting.md": troubleshooting_page,
    "otel-data-model.md": telemetry.data_model_page,
    "grafana-dashboard.json": telemetry.dashboard,
}
"""Page → the function that writes it."""


def without_foreign_fonts(picture: str) -> str:
    """The SVG without web fonts from elsewhere: a viewer's own monospace does."""
    return re.sub(r"@font-face \{[^}]*\}\s*", "", picture).replace("https://www.textualize.io", "gt feed")


async def draw(root: str, path: str) -> None:
    """The console on a running town, as SVG."""
    from gastown_core.model.agent import Health
    from gastown_core.state.live import LiveTown
    from gastown_tui.app import FeedApp
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.selection import AGENT, Selection

    app = FeedApp(lambda: LiveTown(root), calls=CoreCalls(root), environ={})
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause(1.0)
        waiting = [view.key for view in app.snapshot.agents if view.health.state is Health.WAITING]
        if waiting:
            app.feed.agents.select(Selection(AGENT, "", waiting[0]))
            await pilot.press("enter")
        await pilot.pause(1.5)
        picture = app.export_screenshot(title="gt feed")
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(without_foreign_fonts(picture))


def main() -> int:
    """Write the pages, or draw the picture."""
    if sys.argv[1:2] == ["picture"]:
        asyncio.run(draw(sys.argv[2], os.path.join(HERE, "pictures", "console.svg")))
        return 0
    for name, page in PAGES.items():
        with open(os.path.join(HERE, name), "w", encoding="utf-8") as handle:
            handle.write(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
