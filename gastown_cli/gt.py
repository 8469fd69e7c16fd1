"""The command table of ``gt``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Root

_C = "gastown_cli.commands."

ROOT = Root(
    "gt",
    "a town of coding agents: their work, their sessions, and a console to watch them",
    (),
)
