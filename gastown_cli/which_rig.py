"""Which rig a command is about: the one named, else the caller's or the folder's, else the town's only one."""

from __future__ import annotations

import os

from gastown_cli import context
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_rig(parser: ArgumentParser) -> None:
    """The word that names a rig."""
    parser.add_argument("rig", nargs="?", default="", help="name of the rig (default: the one you are in)")


def which_rig(root: str, name: str = "") -> str:
    """The rig's name. Raises NotFoundError with near matches, UsageError if none is named and several fit."""
    from gastown_core.town.rigs import require_rig

    rigs = context.read_rigs(root)
    found = name or os.environ.get("GT_RIG", "") or context.rig_of(root, os.getcwd(), rigs)
    if not found and len(rigs) == 1:
        found = next(iter(rigs))
    if not found:
        raise UsageError("which rig?", f"there are {', '.join(rigs) or 'none'}", "name one")
    require_rig(root, found)
    return found


def rig_of_request(root: str, request_id: str) -> str:
    """The rig whose ledger a request is in. Raises UsageError if none has its prefix."""
    rigs = context.read_rigs(root)
    for name, prefix in rigs.items():
        if request_id.startswith(prefix + "-"):
            return name
    raise UsageError(f"no rig has requests like {request_id}", "", "gt mq list RIG shows them")
