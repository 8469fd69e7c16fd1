"""SQLite as short commands import it: without functools and collections, and the same for everybody else."""

from __future__ import annotations

import subprocess
import sys

LEAN = """
import sys
from gastown_core.files.lean_sqlite import sqlite3
print("collections" in sys.modules, "functools" in sys.modules)
db = sqlite3.connect(":memory:", cached_statements=2)
print([db.execute("SELECT ?", (n,)).fetchone() for n in range(300)][-1])
for n in range(10):
    db.execute(f"SELECT {n}")
import functools, sqlite3 as whole
print(functools.lru_cache(maxsize=2)(lambda: 1).cache_info().maxsize, functools.partial.__name__)
print(whole.connect is sqlite3.connect, whole.connect(":memory:").execute("SELECT 5").fetchone())
"""


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_stand_in_serves_sqlite_and_nobody_else() -> None:
    paths = f"import sys; sys.path[:0] = {sys.path!r}\n"
    assert run(paths + LEAN) == ["False False", "(299,)", "2 partial", "True (5,)"]


def test_where_functools_is_there_already_nothing_stands_in() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\nimport functools as mine\n"
        "from gastown_core.files.lean_sqlite import sqlite3\n"
        "import functools\nprint(functools is mine, sqlite3.connect(':memory:').execute('SELECT 1').fetchone())"
    )
    assert run(code) == ["True (1,)"]
