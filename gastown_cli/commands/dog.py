"""``gt dog``: the deacon's workers for errands of the town, their work and their health."""

from __future__ import annotations

from gastown_cli import context, output, who
from gastown_core.clock import SYSTEM_CLOCK, format_ago, parse_duration
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.beads.ledger import TownLedger
    from gastown_core.plugins.plugin import Plugin
    from gastown_core.plugins.run import Outcome
    from gastown_core.work.dog_life import Dog


def _open() -> tuple[str, TownLedger]:
    from gastown_core.beads.ledger import TownLedger

    root = context.town()
    return root, TownLedger(root)


def _chosen(root: str, ledger: TownLedger, names: list[str], *, everyone: bool) -> list[Dog]:
    from gastown_core.work.dog_life import find_dog, read_dogs

    if everyone == bool(names):
        raise UsageError("name the dogs, or say --all", "", "gt dog list shows the dogs")
    return (
        read_dogs(root, ledger)
        if everyone
        else [find_dog(root, ledger, name) for name in dict.fromkeys(map(_name, names))]
    )


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog add``."""
    parser.add_argument("name", help="its name")
    context.add_json(parser)


def run_add(args: Namespace) -> int:
    """Create a dog."""
    from gastown_core.town.agent_beads import put_agent_bead
    from gastown_core.town.dogs import add_dog

    root, ledger = _open()
    entry = add_dog(root, args.name)
    put_agent_bead(ledger, entry.address, "hq", agent_state="idle")
    if args.json:
        output.say_json({"name": args.name, "path": entry.work_dir, "session": entry.session})
    else:
        output.say(f"{output.style('✓', 'green')} dog {args.name} at {entry.work_dir}")
    return 0


def remove_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog remove``."""
    parser.add_argument("names", nargs="*", metavar="name", help="dogs to remove")
    parser.add_argument("--all", action="store_true", help="remove all dogs")
    parser.add_argument("-f", "--force", action="store_true", help="also dogs with work; it is ready again")
    context.add_json(parser)


def run_remove(args: Namespace) -> int:
    """Remove dogs, their sessions and folders."""
    from gastown_core.work.dog_life import remove

    root, ledger = _open()
    gone = []
    for dog in _chosen(root, ledger, args.names, everyone=args.all):
        remove(root, ledger, dog, actor=who.acting(root), force=args.force)
        gone.append(dog.name)
        if not args.json:
            output.say(f"{output.style('✓', 'green')} removed dog {dog.name}")
    if args.json:
        output.say_json({"removed": gone})
    return 0


def list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog list``."""
    context.add_json(parser)


def run_list(args: Namespace) -> int:
    """List the dogs with their work and sessions."""
    from gastown_core.work.dog_life import read_dogs

    dogs = read_dogs(*_open())
    if args.json:
        output.say_json([dog.as_json() for dog in dogs])
    elif not dogs:
        output.say("no dogs; gt sling BEAD deacon/dogs creates one when it needs it, gt dog add NAME does so now")
    else:
        _table(dogs)
    return 0


def _table(dogs: list[Dog]) -> None:
    now = SYSTEM_CLOCK.now()
    words = {True: "running", False: "-", None: "unknown"}
    rows = [
        [
            dog.name,
            dog.state,
            output.clean(f"{dog.work[0].id} {dog.work[0].title}") if dog.work else "-",
            words[dog.lives],
            format_ago(now - dog.seen_at) if dog.seen_at else "-",
        ]
        for dog in dogs
    ]
    output.say(output.table(rows, header=("DOG", "STATE", "WORK", "SESSION", "LAST SIGN")))


def status_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog status``."""
    parser.add_argument("name", nargs="?", default="", help="one dog (default: the pack)")
    context.add_json(parser)


def run_status(args: Namespace) -> int:
    """Show one dog, or how many there are and work."""
    from gastown_core.town.dogs import kennel
    from gastown_core.work.dog_life import find_dog, read_dogs

    root, ledger = _open()
    dogs = [find_dog(root, ledger, args.name)] if args.name else read_dogs(root, ledger)
    working = sum(dog.state == "working" for dog in dogs)
    if args.json and args.name:
        output.say_json(dogs[0].as_json())
    elif args.json:
        output.say_json(
            {"total": len(dogs), "idle": len(dogs) - working, "working": working, "kennel_dir": kennel(root)}
        )
    else:
        if not args.name:
            output.say(f"{len(dogs)} dogs: {working} working, {len(dogs) - working} idle; {kennel(root)}")
        if dogs:
            _table(dogs)
    return 0


def call_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog call``."""
    parser.add_argument("name", nargs="?", default="", help="the dog to call (default: the first idle one)")
    parser.add_argument("--all", action="store_true", help="call all dogs")
    context.add_json(parser)


def run_call(args: Namespace) -> int:
    """Start the session of dogs that have none."""
    from gastown_core.town import sessions, start_plan
    from gastown_core.work.dog_life import read_dogs

    root, ledger = _open()
    if args.name or args.all:
        dogs = _chosen(root, ledger, [args.name] if args.name else [], everyone=args.all)
    else:
        dogs = [dog for dog in read_dogs(root, ledger) if not dog.work][:1]
    if not dogs:
        raise NotFoundError("no dog to call", "all have work, or there is none", "gt dog add NAME creates one")
    woken = []
    for dog in dogs:
        if not dog.lives:
            sessions.start_agent(root, start_plan.plan_start(root, dog.entry, topic="start", sender=who.acting(root)))
            woken.append(dog.name)
        if not args.json:
            said = "runs already" if dog.lives else f"started, session {dog.entry.session}"
            output.say(f"{output.style('✓', 'green')} dog {dog.name} {said}")
    if args.json:
        output.say_json({"called": [dog.name for dog in dogs], "started": woken})
    return 0


def dispatch_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog dispatch``."""
    parser.add_argument(
        "--plugin", required=True, metavar="NAME", help="plugin whose instructions a dog gets, whatever its gate says"
    )
    parser.add_argument("--rig", default="", help="the plugin of this rig")
    parser.add_argument("--dog", default="", metavar="NAME", help="this dog (default: a free one, or a new one)")
    parser.add_argument(
        "--create", action="store_true", help="accepted for compatibility; a dog is created when none is free"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would be done; change nothing")
    context.add_json(parser)


def run_dispatch(args: Namespace) -> int:
    """Hand a plugin's instructions to a dog; one with a script needs no dog."""
    from gastown_core.errors import ConflictError
    from gastown_core.plugins.plugin import BY_SCRIPT, get_plugin
    from gastown_core.work.dog_life import find_dog

    root, ledger = _open()
    plugin = get_plugin(root, f"{args.rig}/{args.plugin}" if args.rig else args.plugin)
    if plugin.execution == BY_SCRIPT:
        why = "it has a script, which runs without a dog"
        hint = f"gt plugin run {plugin.full_name} --force"
        raise ConflictError(f"{plugin.full_name} is not handed to a dog", why, hint)
    named = find_dog(root, ledger, _name(args.dog)).name if args.dog else ""
    if args.dry_run:
        words = f"would hand {plugin.full_name} to {named or 'a free dog, or a new one'}"
        output.say_json(_dispatch_json(plugin, named, dry_run=True)) if args.json else output.say(words)
        return 0
    done, told = _dispatch(root, ledger, plugin, named)
    if args.json:
        output.say_json(told)
    else:
        mark = output.style("✓", "green") if done.is_success else output.style("✗", "red")
        output.say(f"{mark} {plugin.full_name}: {output.clean(done.detail)}")
    return 0 if done.is_success else 1


def _dispatch(root: str, ledger: TownLedger, plugin: Plugin, named: str) -> tuple[Outcome, dict[str, object]]:
    """Run the plugin by a dog; return how it went, and who has its work now."""
    from gastown_core.plugins.run import run_plugin
    from gastown_core.work.dog_life import read_dogs

    before = {dog.name for dog in read_dogs(root, ledger)}
    me = who.acting(root)
    done = run_plugin(root, ledger, plugin, trigger="gt dog dispatch", actor=me, clock=SYSTEM_CLOCK, dog=named)
    told = _dispatch_json(plugin, named, dry_run=False) | {"work": done.bead}
    told["warnings"] = [] if done.is_success else [done.detail]
    for dog in read_dogs(root, ledger):
        if any(one.id == done.bead for one in dog.work):
            told |= {"dog": dog.name, "dog_created": dog.name not in before, "work_confirmed": True}
            told["session_started"] = bool(dog.lives)
    return done, told


def _dispatch_json(plugin: Plugin, dog: str, *, dry_run: bool) -> dict[str, object]:
    told: dict[str, object] = {"plugin": plugin.name, "plugin_rig": plugin.rig, "plugin_path": plugin.path, "dog": dog}
    told |= {"dog_created": False, "work": "", "dry_run": dry_run, "session_started": False, "work_confirmed": False}
    return told | {"warnings": []}


def done_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog done``."""
    parser.add_argument("name", nargs="?", default="", help="the dog (default: you)")
    context.add_json(parser)


def run_done(args: Namespace) -> int:
    """Close what is on the dog's hook; the dog is idle then. The daemon ends a session that has nothing to do."""
    from gastown_core.work.dog_life import find_dog, finish

    root, ledger = _open()
    name = _name(args.name)
    if not name:
        me = who.find(root, "")[1].address
        if me.role != "dog":
            raise UsageError(f"{me.path} is no dog", "", "gt dog done NAME")
        name = me.name
    dog = find_dog(root, ledger, name)
    closed = finish(root, ledger, dog, actor=who.acting(root))
    if args.json:
        output.say_json({"name": dog.name, "closed": list(closed)})
    else:
        output.say(f"{output.style('✓', 'green')} {', '.join(closed) or 'nothing was on its hook'}; {dog.name} is idle")
    return 0


def clear_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog clear``."""
    parser.add_argument("name", help="the dog")
    parser.add_argument("-f", "--force", action="store_true", help="also while it works")
    context.add_json(parser)


def run_clear(args: Namespace) -> int:
    """Put a dog's work back to ready and end its session."""
    from gastown_core.work.dog_life import clear, find_dog

    root, ledger = _open()
    back = clear(root, ledger, find_dog(root, ledger, _name(args.name)), actor=who.acting(root), force=args.force)
    if args.json:
        output.say_json({"name": args.name, "released": list(back)})
    else:
        output.say(
            f"{output.style('✓', 'green')} {args.name} is idle" + (f"; ready: {', '.join(back)}" if back else "")
        )
    return 0


def _name(text: str) -> str:
    return text.removeprefix("deacon/dogs/")


def health_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt dog health-check``."""
    parser.add_argument("name", nargs="?", default="", help="one dog (default: all)")
    parser.add_argument("--auto-clear", action="store_true", help="clear dogs whose session died or is silent")
    parser.add_argument("--max-inactivity", default="10m", metavar="SPAN", help="silence that counts as hung (10m)")
    context.add_json(parser)


def run_health(args: Namespace) -> int:
    """Show how dogs are; exit code 2 if one needs attention."""
    from gastown_core.work.dog_life import AGENT_HUNG, SESSION_DEAD, clear, find_dog, read_dogs

    root, ledger = _open()
    silent_s = parse_duration(args.max_inactivity)
    if silent_s is None:
        raise UsageError(f"{args.max_inactivity!r} is no span", "", "--max-inactivity 10m")
    dogs = [find_dog(root, ledger, args.name)] if args.name else read_dogs(root, ledger)
    rows = []
    for dog in dogs:
        how = dog.condition(SYSTEM_CLOCK.now(), silent_s)
        ill = how in (SESSION_DEAD, AGENT_HUNG)
        if ill and args.auto_clear:
            clear(root, ledger, dog, actor=who.acting(root), force=True)
        rows.append((dog, how, ill, ill and args.auto_clear))
    if args.json:
        output.say_json(
            [
                {**dog.as_json(), "session_status": how, "needs_attention": ill, "cleared": cleared}
                for dog, how, ill, cleared in rows
            ]
        )
    for dog, how, _, cleared in rows if not args.json else ():
        output.say(f"{dog.name}: {dog.state}, {how}" + ("; cleared" if cleared else ""))
    return 2 if any(ill and not cleared for _, _, ill, cleared in rows) else 0
