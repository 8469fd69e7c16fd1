"""``gt whoami``: under which name you act here."""

from __future__ import annotations

import os

from gastown_cli import context, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Options of ``gt whoami``."""
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show the address, and what it rests on."""
    from gastown_core.town.identity import caller, own_entry
    from gastown_core.town.inventory import read_inventory

    root = context.find_town()
    me = caller()
    entry = own_entry(root, read_inventory(root)) if root else None
    told = bool(os.environ.get("GT_ROLE"))
    address = entry.address if entry is not None and not told else me
    source = "GT_ROLE" if told else "this folder" if entry is not None else "nothing says otherwise"
    if args.json:
        output.say_json(
            {
                "identity": address.path,
                "role": address.role,
                "rig": address.rig,
                "mail": address.mail,
                "session": entry.session if entry else "",
                "town": root or "",
                "source": source,
            }
        )
    else:
        output.say(f"{output.clean(address.path)}  ({source})")
    return 0
