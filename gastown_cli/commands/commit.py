"""``gt commit``: git commit in the caller's own name."""

from __future__ import annotations

import argparse
import os

from gastown_cli import context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Everything is git's, options too."""
    parser.prefix_chars = "\0"
    parser.add_argument("git_arguments", nargs=argparse.REMAINDER, help="as for git commit")


def run(args: Namespace) -> int:
    """Commit as the agent (a person commits as they always do); git's own exit code."""
    from gastown_core.git.repo import Git
    from gastown_core.model.address import OVERSEER
    from gastown_core.process import run_on_terminal
    from gastown_core.town.identity import own_entry, signature
    from gastown_core.town.inventory import read_inventory
    from gastown_core.town.settings import load_settings

    root = context.town()
    entry = own_entry(root, read_inventory(root))
    if entry is not None and entry.address.role != OVERSEER:
        domain = load_settings(root).lenient("agent_email_domain")
        os.environ.update(Git(".", identity=signature(entry.address, domain)).environment())
    return run_on_terminal(["git", "commit", *args.git_arguments])
