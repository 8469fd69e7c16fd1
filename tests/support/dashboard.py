"""``gt dashboard`` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path


class Served:
    """``gt dashboard`` as a process of its own."""

    def __init__(self, root: str, port: int = 0) -> None:
        here = Path(__file__).parents[2]
        code = "import sys; sys.argv[0] = 'gt'; from gastown_cli.main import gt as main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "dashboard", "--port", str(port)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(here)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = "".join(self.process.stdout.readline() for _ in range(3))
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S+", said)
        assert found is not None, said
        self.link, self.port = found[0], int(found[1])

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)
