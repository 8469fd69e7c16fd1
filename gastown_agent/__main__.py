"""``python -m gastown_agent [PROMPT]``: run the scripted agent in this terminal."""

from __future__ import annotations

import signal
import sys

from gastown_agent.identity import read_identity
from gastown_agent.loop import WorkerLoop
from gastown_agent.process_title import set_process_title
from gastown_agent.session import Session
from gastown_agent.terminal import Terminal


def main() -> int:
    """Run until the agent exits; return the exit code."""
    if not sys.stdin.isatty():
        sys.stderr.write("the scripted agent needs a terminal; gt starts it in a tmux session\n")
        return 2
    identity = read_identity()
    set_process_title("gt-agent", identity.session)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    words = [word for word in sys.argv[1:] if word != "--"]
    with Terminal() as terminal:
        return WorkerLoop(terminal, Session(identity), " ".join(words)).run()


if __name__ == "__main__":
    sys.exit(main())
