"""The contract of every store, on a database: the same bodies as for the other engines."""

from __future__ import annotations

import pytest

from gastown_core.beads.dolt.schema import ISSUES, WISPS
from gastown_core.beads.opening import open_store
from gastown_core.clock import FixedClock
from tests.core.beads.test_store_contract import *  # noqa: F403
from tests.support.dolt import needs_dolt, serve, shared_server
from tests.support.stores import NOW

pytestmark = [needs_dolt, pytest.mark.dolt, pytest.mark.timeout(300)]
RELATED = ("labels", "comments", "events", "dependencies", "child_counters")
_databases: list[str] = []


@pytest.fixture
def store(tmp_path):
    server = shared_server()
    if not _databases:
        _databases.append(server.new_database())
    link = server.link(_databases[0])
    for table in (*RELATED, *(f"wisp_{name}" for name in RELATED), ISSUES, WISPS):
        link.tell(f"DELETE FROM {table}")
    link.close()
    serve(str(tmp_path / ".beads"), server, _databases[0])
    made = open_store(str(tmp_path / ".beads"), prefix="gt", clock=FixedClock(NOW))
    yield made
    made.close()
