"""The command table of ``bd``: adding a command is adding a row and a module."""

from __future__ import annotations

from gastown_cli.lazy import Root

_C = "gastown_cli.bd_commands."

ROOT = Root(
    "bd",
    "beads: work as text in git",
    (),
)
