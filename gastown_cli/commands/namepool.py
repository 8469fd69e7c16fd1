"""``gt namepool``: manage the names that a rig's polecats get."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

VERBS = ("show", "themes", "set", "add", "reset", "create")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt namepool``."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="VERB …",
        help="show | themes [THEME] | set THEME | add NAME… | reset | create THEME NAME…",
    )
    parser.add_argument("--rig", default="", help="rig (default: the one you are in, or the only one)")
    parser.add_argument("-l", "--list", action="store_true", help="list all names")
    context.add_json(parser)


def run(args: Namespace) -> int:
    """Show or change a rig's name pool, or the themes."""
    from gastown_core.town import names
    from gastown_core.town.settings import set_setting, unset_setting

    root = context.town()
    verb, rest = (args.words[0], args.words[1:]) if args.words else ("show", [])
    if verb not in VERBS:
        raise UsageError(f"unknown verb {verb} for gt namepool", "", f"use one of: {', '.join(VERBS)}")
    if verb == "themes":
        return _themes(root, rest, args)
    if verb == "create":
        if len(rest) < 2:
            raise UsageError("gt namepool create needs a theme and its names")
        names.write_theme(root, rest[0], rest[1:])
        output.say(f"{output.style('✓', 'green')} created theme {rest[0]}; next: gt namepool set {rest[0]}")
        return 0
    rig = _rig(root, args.rig)
    if verb == "set":
        if len(rest) != 1:
            raise UsageError("gt namepool set needs a theme", "", f"use one of: {', '.join(names.all_themes(root))}")
        names.require_theme(root, rest[0])
        set_setting(root, "namepool.style", rest[0], scope="rig", rig=rig)
        unset_setting(root, "namepool.names", scope="rig", rig=rig)
    elif verb == "add":
        _add(root, rig, rest)
    elif verb == "reset":
        unset_setting(root, "namepool.names", scope="rig", rig=rig)
    return _show(root, rig, args)


def _rig(root: str, given: str) -> str:
    import os

    from gastown_core.town.discover import read_rigs, rig_of
    from gastown_core.town.rigs import require_rig

    known = read_rigs(root)
    rigs = list(known)
    rig = given or rig_of(root, os.getcwd(), known) or (rigs[0] if len(rigs) == 1 else "")
    if not rig:
        raise UsageError(
            "no rig given", "the town has several rigs, or none", f"use --rig {' or --rig '.join(rigs) or 'NAME'}"
        )
    require_rig(root, rig)
    return rig


def _themes(root: str, rest: list[str], args: Namespace) -> int:
    from gastown_core.town import names

    themes = names.all_themes(root)
    if rest:
        names.require_theme(root, rest[0])
    if args.json:
        output.say_json({name: list(words) for name, words in themes.items() if not rest or name == rest[0]})
    elif rest:
        output.say(" ".join(themes[rest[0]]))
    else:
        output.say(output.table([(name, str(len(words))) for name, words in themes.items()], header=("THEME", "NAMES")))
    return 0


def _add(root: str, rig: str, given: list[str]) -> None:
    from gastown_core.town import names
    from gastown_core.town.settings import load_settings, set_setting

    if not given:
        raise UsageError("gt namepool add needs at least one name", "", names.SIGNS)
    for name in given:
        problem = names.refusal(name, "a polecat's name")
        if problem is not None:
            raise problem
    have = names.pool_names(root, load_settings(root, "rig", rig))
    set_setting(root, "namepool.names", ",".join(dict.fromkeys((*have, *given))), scope="rig", rig=rig)


def _show(root: str, rig: str, args: Namespace) -> int:
    from gastown_core.town import names
    from gastown_core.town.polecat_pool import known_names
    from gastown_core.town.settings import load_settings

    settings = load_settings(root, "rig", rig)
    pool, used = names.pool_names(root, settings), known_names(root, rig)
    style = "custom names" if settings.lenient("namepool.names") else settings.lenient("namepool.style") or "mad-max"
    if args.json:
        output.say_json({"rig": rig, "style": style, "names": list(pool), "in_use": used})
        return 0
    output.say(f"{rig}: {style}, {len(pool)} names, {len(used)} in use")
    if args.list:
        output.say(" ".join(f"{name}*" if name in used else name for name in pool))
    return 0
