"""``gt role``: which role you have and why, its home folder, its environment and its text."""

from __future__ import annotations

import os

from gastown_cli import context, output, who
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.town.inventory import RosterEntry

ACTIONS = ("show", "home", "detect", "list", "env", "def")


def role_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt role``."""
    parser.add_argument("action", nargs="?", default="show", choices=ACTIONS, metavar="|".join(ACTIONS))
    parser.add_argument("role", nargs="?", default="", help="home, env: an agent (default: you); def: a role")
    context.add_json(parser)


def run_role(args: Namespace) -> int:
    """Show the caller's role, or what the action asks for."""
    if args.action == "list":
        return _list(as_json=args.json)
    if args.action == "def":
        return _define(args.role, as_json=args.json)
    if args.role and args.action not in ("home", "env"):
        raise UsageError(f"gt role {args.action} takes no agent, but got {args.role}", "", "gt role home AGENT")
    root = context.town()
    if args.action == "detect":
        return _show(root, _by_folder(root), "this folder", as_json=args.json)
    if args.action == "show":
        return _show_own(root, as_json=args.json)
    entry = who.find(root, args.role)[1]
    if args.action == "home":
        if args.json:
            output.say_json({"address": entry.address.path, "home": entry.work_dir})
        else:
            output.say(output.clean(entry.work_dir))
        return 0
    return _env(root, entry, as_json=args.json)


def _show_own(root: str, *, as_json: bool) -> int:
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory

    told = os.environ.get("GT_ROLE", "")
    entry = own_entry(root, read_inventory(root))
    here = _by_folder(root)
    if told and here is not None and entry is not None and here.address != entry.address:
        output.note(
            f"note: GT_ROLE says {entry.address.path}, this folder is that of {here.address.path}; GT_ROLE counts"
        )
    return _show(root, entry, "GT_ROLE" if told else "this folder", as_json=as_json)


def _by_folder(root: str) -> RosterEntry | None:
    from gastown_core.town.identity import own_entry
    from gastown_core.town.inventory import read_inventory

    return own_entry(root, read_inventory(root), {})


def _show(root: str, entry: RosterEntry | None, source: str, *, as_json: bool) -> int:
    """Print an identity; without an agent it is the overseer's, whose home is the town."""
    address = entry.address if entry is not None else None
    told = {
        "role": address.role if address else "overseer",
        "rig": address.rig if address else "",
        "name": address.name if address else "",
        "address": address.path if address else "overseer",
        "session": entry.session if entry else "",
        "home": entry.work_dir if entry else root,
        "source": source if entry else "no agent's folder, no GT_ROLE",
    }
    if as_json:
        output.say_json(told)
        return 0
    output.say(f"{output.style(output.clean(str(told['address'])), 'bold')}  ({told['source']})")
    output.say(output.table([[key, str(told[key])] for key in ("role", "rig", "session", "home") if told[key]]))
    return 0


def _list(*, as_json: bool) -> int:
    from gastown_core.work.roles import ROLES

    rows = [{"role": one.name, "task": one.task} for one in ROLES.values()]
    if as_json:
        output.say_json(rows)
    else:
        output.say(output.table([[row["role"], row["task"]] for row in rows], header=("ROLE", "TASK")))
    return 0


def _define(name: str, *, as_json: bool) -> int:
    from gastown_core.work.roles import ROLES

    if not name:
        raise UsageError("gt role def needs a role", "", f"one of: {', '.join(ROLES)}")
    role = ROLES.get(name)
    if role is None:
        raise NotFoundError(f"there is no role {name}", "", f"one of: {', '.join(ROLES)}")
    if as_json:
        commands = [{"command": words, "for": about} for words, about in role.commands]
        output.say_json({"role": role.name, "task": role.task, "duties": list(role.duties), "commands": commands})
        return 0
    output.say("\n".join([role.task, "", *role.duties, ""]))
    output.say(output.table([[words, about] for words, about in role.commands]))
    return 0


def _env(root: str, entry: RosterEntry, *, as_json: bool) -> int:
    """Print the variables of an agent's identity, quoted for a shell."""
    import shlex

    from gastown_core.town.identity import session_environment
    from gastown_core.town.settings import load_settings

    found = session_environment(root, entry, domain=load_settings(root).lenient("agent_email_domain"))
    told = {key: value for key, value in sorted(found.items()) if value}
    if as_json:
        output.say_json(told)
        return 0
    for key, value in told.items():
        output.say(f"export {key}={shlex.quote(value)}")
    return 0
