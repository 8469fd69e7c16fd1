"""A town's dashboard, and a browser without JavaScript that opened its link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gastown_web.app import Dashboard
from gastown_web.guard import Guard
from tests.support.browser import HERE, Browser
from tests.support.queued import queued, queued_seed
from tests.support.rigged import Rigged

__all__ = ["queued", "queued_seed"]


@pytest.fixture
def browser(rigged: Rigged) -> Iterator[Browser]:
    dashboard = Dashboard(rigged.root, Guard("127.0.0.1", 8080))
    with TestClient(dashboard.app(), base_url=HERE) as client:
        client.get(f"/?token={dashboard.guard.token}")
        yield Browser(rigged.root, client, dashboard)
