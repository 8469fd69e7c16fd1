"""The command table of ``gt``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Command, Root

_C = "gastown_cli.commands."

ROOT = Root(
    "gt",
    "a town of coding agents: their work, their sessions, and a console to watch them",
    (
        Command("feed", _C + "feed", "Watch", "the console: agents, convoys and events, live"),
        Command("demo", _C + "demo", "Watch", "a town of agents that cost nothing, and the console on it"),
        Command("status", _C + "status", "Watch", "the town at a glance", ("stat",)),
        Command("agents", _C + "agents", "Watch", "who there is and how they are", ("ag",)),
    ),
)
