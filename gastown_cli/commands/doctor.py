"""``gt doctor``: check the town and what its agents need to start, and mend what the operator allows."""

from __future__ import annotations

import sys

from gastown_cli import context, output
from gastown_core.errors import GastownError, NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from gastown_core.doctor.check import Check, FileChange, Finding
    from gastown_core.doctor.checked_town import Place

    Found = list[tuple[Check, list[Finding]]]


def town_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt doctor``."""
    parser.add_argument("--rig", default="", help="only this rig, and what the whole town shares")
    parser.add_argument("--fix", action="store_true", help="show what would be changed, ask, and change it")
    parser.add_argument("-y", "--yes", action="store_true", help="with --fix: do not ask")
    context.add_json(parser)


def run_town(args: Namespace) -> int:
    """Check the town, and what its agents need to start; with ``--fix`` mend what can be mended and check again."""
    return _run(args, "gt doctor")


def agents_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt doctor agents``."""
    parser.add_argument("--runtime", default="", metavar="NAME", help="only this runtime")
    parser.add_argument("--fix", action="store_true", help="show what would be changed, ask, and change it")
    parser.add_argument("-y", "--yes", action="store_true", help="with --fix: do not ask")
    context.add_json(parser)


def run_agents(args: Namespace) -> int:
    """Check the starts of the town's agents; with ``--fix`` mend them and check again."""
    return _run(args, "gt doctor agents")


def _run(args: Namespace, words: str) -> int:
    root = context.town()
    if args.yes and not args.fix:
        raise UsageError("--yes needs --fix", "", f"{words} --fix --yes")
    if args.json and args.fix and not args.yes:
        raise UsageError("--fix asks, which --json cannot", "", f"{words} --fix --yes --json")
    runtime = getattr(args, "runtime", "")
    rig = context.check_rig(root, getattr(args, "rig", ""))
    if runtime:
        from gastown_core.town.runtime_settings import require_agent

        require_agent(root, runtime)
    groups = ("town", "agents") if words == "gt doctor" else ("agents",)
    found, faults, unknown = _detect(root, groups, runtime, rig)
    changes: list[FileChange] = []
    left: list[str] = []
    if args.fix:
        changes, left = _mend(found, args, root, words)
        found, faults, unknown = _detect(root, groups, runtime, rig)
    findings = [finding for _, some in found for finding in some]
    if args.json:
        output.say_json(
            {
                "well": not findings and not faults,
                "findings": [finding.as_json() for finding in findings],
                "changed": [{"path": change.path, "diff": change.diff()} for change in changes],
                "not_changed": left,
                "faults": faults,
                "unknown": [{"check": kind, "runtimes": names} for kind, names in unknown.items()],
            }
        )
    else:
        _say(found, faults, left, words, unknown)
    return 1 if findings or faults or left else 0


def _detect(
    root: str, groups: tuple[str, ...], runtime: str, rig: str
) -> tuple[Found, list[str], dict[str, list[str]]]:
    """Return what the checks find, what could not be looked at, and what they cannot tell."""
    from gastown_core.doctor.checked_town import Place
    from gastown_core.doctor.checks import checks_of

    place = Place(root, runtime=runtime, rig=rig)
    found = [(check, _findings(check, place)) for group in groups for check in checks_of(group)]
    if runtime and not place.starts():
        raise NotFoundError(f"no agent of this town uses the runtime {runtime}", "", "gt doctor agents checks all")
    return found, place.faults, place.unknown() if "agents" in groups else {}


def _findings(check: Check, place: Place) -> list[Finding]:
    """Return what a check finds; one that cannot look is a finding itself, and the others go on."""
    from gastown_core.doctor.check import Finding

    try:
        return check.detect(place)
    except (GastownError, OSError) as error:
        hint = error.hint if isinstance(error, GastownError) else ""
        return [Finding(check.name, "it cannot be checked", str(error), hint or "mend what it names")]


def _mend(found: Found, args: Namespace, root: str, words: str) -> tuple[list[FileChange], list[str]]:
    """Show the changes, ask, and make them; returns those that were made, and what could not be."""
    changes: list[FileChange] = []
    left: list[str] = []
    planned: dict[str, bytes] = {}
    fixable = [(check, some) for check, findings in found if (some := [one for one in findings if one.is_fixable])]
    for check, findings in fixable:
        try:
            changes += check.preview(findings, planned)
        except (ValueError, OSError) as error:
            left.append(f"{check.name}: nothing is changed: {error}")
    acts = [act for check, findings in fixable for act in check.acts(findings)]
    if not args.json:
        for line in (line for change in changes for line in change.diff()):
            output.say(_coloured(output.clean(line)))
        for act in acts:
            output.say(f"{output.style('+', 'green')} {output.clean(act)}")
    if not changes and not acts:
        return [], left
    if not args.yes and not _agrees(words):
        return [], [*left, "nothing was changed"]
    for check, findings in fixable:
        left += check.fix(findings, root)
    return changes, list(dict.fromkeys(left))


def _coloured(line: str) -> str:
    if line.startswith(("---", "+++")):
        return output.style(line, "bold")
    return output.style(line, {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "dim"))


def _agrees(words: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            "stdin is not a terminal, so nothing was asked and nothing changed", "", f"{words} --fix --yes"
        )
    output.note("make these changes? [y/N]")
    return input().strip().lower() in ("y", "yes")


def _say(found: Found, faults: list[str], left: list[str], words: str, unknown: Mapping[str, list[str]]) -> None:
    for check, findings in found:
        if not findings:
            names = ", ".join(unknown.get(check.name, ()))
            end = f"; of {names} this shows only at the start" if names else ""
            output.say(f"{output.style('✓', 'green')} {check.name:10} {check.about}{output.clean(end)}")
        for why in dict.fromkeys(finding.why for finding in findings):
            alike = [finding for finding in findings if finding.why == why]
            for finding in alike:
                output.say(f"{output.style('✗', 'red')} {check.name:10} {output.clean(finding.what)}")
            stopped = dict.fromkeys(name for finding in alike for name in finding.about)
            output.say(f"    why     {output.clean(why)}")
            output.say(f"    remedy  {output.clean(alike[0].remedy)}")
            if stopped:
                output.say(f"    about   {output.clean(_names(tuple(stopped)))}")
    for fault in faults:
        output.note(f"note: {output.clean(fault)}")
    for word in left:
        output.note(f"note: {output.clean(word)}")
    fixable = sum(finding.is_fixable for _, some in found for finding in some)
    if fixable:
        output.note(f"{words} --fix can mend {fixable}; it shows what it changes and asks first")


def _names(about: tuple[str, ...], most: int = 6) -> str:
    shown = ", ".join(about[:most])
    return shown if len(about) <= most else f"{shown} and {len(about) - most} more"
