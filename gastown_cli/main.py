"""Entry points of the commands ``gt``, ``gastown`` and ``bd``."""

from __future__ import annotations

import sys

from gastown_cli import streams


def gt() -> int:
    """Run ``gt`` with the words of the command line; returns the exit code."""
    streams.guard()
    return streams.finish(_gt(sys.argv[1:]))


def _gt(argv: list[str]) -> int:
    if argv[:1] == ["feed"]:
        # the first frame is drawn before anything heavy is imported (docs/adr/0003)
        from gastown_cli.fastpath import open_feed

        code = open_feed(argv[1:])
        if code is not None:
            return code
    from gastown_cli.gt import ROOT
    from gastown_cli.lazy import run_root

    return run_root(ROOT, argv)


def bd() -> int:
    """Run ``bd`` with the words of the command line; returns the exit code."""
    import gc

    # a bd command makes no cycles worth finding in its few milliseconds; looking for them is a fifth of an import
    gc.disable()
    streams.guard()
    from gastown_cli.bd import ROOT
    from gastown_cli.lazy import run_root

    return streams.finish(run_root(ROOT, sys.argv[1:]))
