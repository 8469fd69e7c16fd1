"""Receipts as text: one line per stage, or one JSON line each."""

from __future__ import annotations

from gastown_cli import output
from gastown_core.errors import GastownError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable

    from gastown_core.model.order import Receipt


def add_receipts(parser: ArgumentParser) -> None:
    """Add the ``--receipts`` option."""
    parser.add_argument("--receipts", action="store_true", help="print each stage as one JSON line")


def follow(
    start: Callable[[], Iterable[Receipt]], *, as_lines: bool = False, quiet: bool = False
) -> tuple[int, Receipt | None]:
    """Run an order and print its stages; return the exit code and the last receipt.

    With ``as_lines``, an error is printed as a JSON line and gives the exit code; else it is raised.
    """
    last: Receipt | None = None
    try:
        for receipt in start():
            said, last = "" if last is None else line_of(last), receipt
            if as_lines:
                output.say_json_line(receipt.as_json())
            elif not quiet and line_of(receipt) != said:
                # the last stage is told again when nothing more comes
                output.say(line_of(receipt))
    except GastownError as error:
        if not as_lines:
            raise
        output.say_json_line(error.as_json())
        return error.exit_code, last
    return (0 if last is None or last.ok else 1), last


def line_of(receipt: Receipt) -> str:
    """Return a line such as ``✓ hooked  on the hook of shop/opal``."""
    mark = output.style("✓", "green") if receipt.ok else output.style("✗", "red")
    detail = f"  {output.clean(receipt.detail)}" if receipt.detail else ""
    return f"{mark} {receipt.stage}{detail}"
