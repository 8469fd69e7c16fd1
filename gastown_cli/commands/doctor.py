"""``gt doctor``: check what agents need to start without a person, and mend what the operator allows."""

from __future__ import annotations

import sys

from gastown_cli import context, output
from gastown_core.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.doctor.check import Change, Check, Finding

    Found = list[tuple[Check, list[Finding]]]


def agents_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt doctor agents``."""
    parser.add_argument("--runtime", default="", metavar="NAME", help="only this runtime")
    parser.add_argument("--fix", action="store_true", help="show what would be changed, ask, and change it")
    parser.add_argument("-y", "--yes", action="store_true", help="with --fix: do not ask")
    context.add_json(parser)


def run_agents(args: Namespace) -> int:
    """Check the starts of the town's agents; with ``--fix`` mend them and check again."""
    root = context.town()
    if args.yes and not args.fix:
        raise UsageError("--yes needs --fix", "", "gt doctor agents --fix --yes")
    if args.json and args.fix and not args.yes:
        raise UsageError("--fix asks, which --json cannot", "", "gt doctor agents --fix --yes --json")
    if args.runtime:
        from gastown_core.town.runtime_settings import require_agent

        require_agent(root, args.runtime)
    found, faults = _detect(root, args.runtime)
    changes: list[Change] = []
    left: list[str] = []
    if args.fix:
        changes, left = _mend(found, args)
        found, faults = _detect(root, args.runtime)
    findings = [finding for _, some in found for finding in some]
    if args.json:
        output.say_json(
            {
                "well": not findings and not faults,
                "findings": [finding.as_json() for finding in findings],
                "changed": [{"path": change.path, "diff": change.diff()} for change in changes],
                "not_changed": left,
                "faults": faults,
            }
        )
    else:
        _say(found, faults, left)
    return 1 if findings or faults or left else 0


def _detect(root: str, runtime: str) -> tuple[Found, list[str]]:
    from gastown_core.doctor.place import Place
    from gastown_core.doctor.table import AGENTS, checks_of

    place = Place(root, runtime=runtime)
    found = [(check, check.detect(place)) for check in checks_of(AGENTS)]
    if runtime and not place.starts():
        raise NotFoundError(f"no agent of this town uses the runtime {runtime}", "", "gt doctor agents checks all")
    return found, place.faults


def _mend(found: Found, args: Namespace) -> tuple[list[Change], list[str]]:
    """Show the changes, ask, and make them; returns those that were made, and what could not be."""
    changes: list[Change] = []
    left: list[str] = []
    planned: dict[str, bytes] = {}
    fixable = [(check, some) for check, findings in found if (some := [one for one in findings if one.edit])]
    for check, findings in fixable:
        try:
            changes += check.preview(findings, planned)
        except (ValueError, OSError) as error:
            left.append(f"{check.name}: nothing is changed: {error}")
    if not args.json:
        for line in (line for change in changes for line in change.diff()):
            output.say(_coloured(output.clean(line)))
    if not changes:
        return [], left
    if not args.yes and not _agrees():
        return [], [*left, "nothing was changed"]
    for check, findings in fixable:
        left += check.fix(findings)
    return changes, list(dict.fromkeys(left))


def _coloured(line: str) -> str:
    if line.startswith(("---", "+++")):
        return output.style(line, "bold")
    return output.style(line, {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "dim"))


def _agrees() -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            "stdin is not a terminal, so nothing was asked and nothing changed", "", "gt doctor agents --fix --yes"
        )
    output.note("make these changes? [y/N]")
    return input().strip().lower() in ("y", "yes")


def _say(found: Found, faults: list[str], left: list[str]) -> None:
    for check, findings in found:
        if not findings:
            output.say(f"{output.style('✓', 'green')} {check.name:10} {check.about}")
        for why in dict.fromkeys(finding.why for finding in findings):
            alike = [finding for finding in findings if finding.why == why]
            for finding in alike:
                output.say(f"{output.style('✗', 'red')} {check.name:10} {output.clean(finding.what)}")
            stopped = dict.fromkeys(name for finding in alike for name in finding.about)
            output.say(f"    why     {output.clean(why)}")
            output.say(f"    remedy  {output.clean(alike[0].remedy)}")
            output.say(f"    stops   {output.clean(_names(tuple(stopped)))}")
    for fault in faults:
        output.note(f"note: {output.clean(fault)}")
    for word in left:
        output.note(f"note: {output.clean(word)}")
    fixable = sum(finding.edit is not None for _, some in found for finding in some)
    if fixable:
        output.note(f"gt doctor agents --fix can mend {fixable}; it shows what it changes and asks first")


def _names(about: tuple[str, ...], most: int = 6) -> str:
    shown = ", ".join(about[:most])
    return shown if len(about) <= most else f"{shown} and {len(about) - most} more"
