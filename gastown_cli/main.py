"""Entry points of the commands ``gt``, ``gastown`` and ``bd``."""

from __future__ import annotations

import gc
import os
import sys

from gastown_cli import streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from gastown_cli.lazy import Root


def gt() -> NoReturn:
    """Run ``gt`` with the command line's arguments, and exit with its exit code."""
    _end(_gt)


def _gt(argv: list[str]) -> int:
    if argv[:1] == ["feed"]:
        # the first frame is drawn before anything heavy is imported (docs/adr/0003)
        from gastown_cli.fastpath import open_feed

        code = open_feed(argv[1:])
        if code is not None:
            return code
    if argv[:1] == ["signal"]:
        # at every edge of every agent's turn: without a command table
        from gastown_cli.signal import run

        return run(argv[1:])
    from gastown_cli.gt import ROOT

    return _run(ROOT, argv)


def bd() -> NoReturn:
    """Run ``bd`` with the command line's arguments, and exit with its exit code."""
    _end(_bd)


def _bd(argv: list[str]) -> int:
    from gastown_cli.bd import ROOT
    from gastown_core.files import spool

    spool.is_tracker = True
    return _run(ROOT, argv)


def _run(root: Root, argv: list[str]) -> int:
    if argv[:1] == ["__complete"]:
        from gastown_cli.completion.words import answer
        from gastown_cli.output import say

        lines = answer(root, argv[1:])
        if lines:
            # at once: thousands of beads are one write
            say("\n".join(lines))
        return 0
    from gastown_cli.lazy import run_root

    return run_root(root, argv)


def _end(run: Callable[[list[str]], int]) -> NoReturn:
    # a command makes no cycles worth finding in its few milliseconds; what lives longer turns the collector on again
    gc.disable()
    streams.speak_utf8()
    streams.guard()
    code = streams.finish(run(sys.argv[1:]))
    # the interpreter need not take itself to pieces: files are closed by the kernel, and the output is out
    streams.flush()
    os._exit(code)
