"""SQLite without the imports that a short command has no use for: 7 ms of its start.

The package ``sqlite3`` imports ``datetime`` for adapters of dates; we store none.  Its C module imports ``functools``, and
with it ``collections``, for ``lru_cache`` alone, whose class is built into the interpreter.  While it is imported, a
module of that one name stands in, and only where nobody has imported the real one yet.
"""

from __future__ import annotations

import sys

__all__ = ["sqlite3"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
else:

    def _stand_in():
        """Return a module with ``lru_cache`` as the C module calls it; None where the interpreter has another one."""
        try:
            from _functools import _lru_cache_wrapper
        except ImportError:
            return None

        def lru_cache(maxsize=128, typed=False):
            return lambda call: _lru_cache_wrapper(call, maxsize, typed, tuple)

        found = type(sys)("functools")
        found.lru_cache = lru_cache
        return found

    def _import():
        if "_sqlite3" in sys.modules or "functools" in sys.modules or (lean := _stand_in()) is None:
            import _sqlite3

            return _sqlite3
        sys.modules["functools"] = lean
        try:
            import _sqlite3
        finally:
            del sys.modules["functools"]
        return _sqlite3

    try:
        sqlite3 = _import()
    except ImportError:
        import sqlite3
