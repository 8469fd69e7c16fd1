"""``gt costs``: what agents used, by agent, rig, bead, convoy or day."""

from __future__ import annotations

from gastown_cli import context, output
from gastown_core.clock import SYSTEM_CLOCK, format_seconds
from gastown_core.errors import ConflictError, StoreError
from gastown_core.model.address import parse_address
from gastown_core.usage import sums as figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from gastown_core.usage.sums import Sum
    from gastown_core.usage.usage_ledger import UsageLedger

WAIT_S = 10.0
UNKNOWN = "unknown"
HEADER = ("input", "cache write", "cache read", "output", "tokens", "cost")


def costs_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``gt costs``."""
    parser.add_argument("--by", choices=figures.KINDS, default=figures.AGENT, help="what a row is (default: agent)")
    parser.add_argument(
        "--since", default="", metavar="WHEN", help="only what was used since: today, a date, or a span such as 7d"
    )
    context.add_json(parser)


def run_costs(args: Namespace) -> int:
    """Count what is new, and show the sums."""
    from gastown_core.town.settings import load_settings
    from gastown_core.usage.usage_ledger import UsageLedger

    root = context.town()
    since = _since(args.since)
    prices = load_settings(root).lenient("prices")
    _collect(root)
    with UsageLedger(root, only_read=True) as ledger:
        kind = {figures.RIG: figures.AGENT, figures.CONVOY: figures.BEAD}.get(args.by, args.by)
        found = figures.sums(ledger, kind, prices, since=since)
        silent = _silent(ledger, since, found) if args.by == figures.AGENT else {}
        junk = sum(one.junk for one in ledger.sources().values())
    rows = _grouped(root, args.by, found)
    if args.json:
        output.say_json(_as_json(args.by, since, rows, figures.total(found.values()), silent))
        return 0
    output.say(_text(args.by, rows, figures.total(found.values()), silent))
    if junk:
        output.note(f"{junk} lines of transcripts were left out: they are not JSON, or their figures cannot be right")
    return 0


def _since(text: str) -> float:
    """The moment that a person means; 0 for all. Raises UsageError."""
    if not text:
        return 0.0
    if text == "today":
        return figures.start_of_day(SYSTEM_CLOCK.now())
    return context.moment_of(text)


def _collect(root: str) -> None:
    """Count what is new; what keeps that from being whole is said, and what is known is shown nevertheless."""
    from gastown_core.usage.collect import collect

    try:
        done = collect(root, wait_s=WAIT_S)
    except ConflictError as error:
        output.note(f"another process is counting; the figures may lack the newest messages ({error})")
        return
    except StoreError as error:
        output.note(f"the figures may lack the newest messages: {error}")
        return
    for fault in done.faults:
        output.note(f"left out: {fault}")


def _grouped(root: str, by: str, found: dict[str, Sum]) -> dict[str, Sum]:
    if by == figures.RIG:
        return figures.regrouped(found, lambda agent: (figures.rig_of(agent),))
    if by == figures.CONVOY:
        from gastown_core.state.spending import convoys_of

        convoys = convoys_of(root)
        return figures.regrouped(found, lambda bead: convoys.get(bead) or (figures.NOTHING,))
    if by == figures.BEAD:
        return figures.regrouped(found, lambda bead: (bead or figures.NOTHING,))
    return found if by == figures.DAY else {_short(agent): one for agent, one in found.items()}


def _short(agent: str) -> str:
    """As a person types it."""
    return parse_address(agent).short


def _silent(ledger: UsageLedger, since: float, found: dict[str, Sum]) -> dict[str, str]:
    """Agent → runtime of those that were started since then, and whose programs tell nothing of usage."""
    from gastown_core.runtimes.adapters import tells_usage

    return {_short(agent): name for agent, name in ledger.starts(since) if agent not in found and not tells_usage(name)}


def _as_json(by: str, since: float, rows: dict[str, Sum], whole: Sum, silent: dict[str, str]) -> dict[str, object]:
    told: list[dict[str, object]] = [{by: name, **one.as_json()} for name, one in rows.items()]
    told += [{by: name, "tokens": None, "cost": None, "runtime": runtime} for name, runtime in silent.items()]
    return {"by": by, "since": format_seconds(since) if since else None, "rows": told, "total": whole.as_json()}


def _text(by: str, rows: dict[str, Sum], whole: Sum, silent: dict[str, str]) -> str:
    if not rows and not silent:
        return "no usage recorded yet"
    ordered = sorted(rows.items()) if by == figures.DAY else sorted(rows.items(), key=lambda one: -one[1].tokens)
    lines = [[output.clean(name), *_cells(one)] for name, one in ordered]
    lines += [[output.clean(name), "", "", "", "", UNKNOWN, UNKNOWN] for name in silent]
    return output.table([*lines, ["total", *_cells(whole)]], header=(by, *HEADER), right=range(1, 7))


def _cells(one: Sum) -> list[str]:
    tokens = [f"{count:,}" for count in (one.input, one.cache_write, one.cache_read, one.output, one.tokens)]
    return [*tokens, one.words()]
