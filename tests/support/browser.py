"""A browser without JavaScript at the dashboard of a town."""

from __future__ import annotations

from starlette.testclient import TestClient

from gastown_web.app import Dashboard
from tests.support.patience import until

HERE = "http://127.0.0.1:8080"


class Browser:
    """Asks for pages and sends forms, as somebody who opened the link."""

    def __init__(self, root: str, client: TestClient, dashboard: Dashboard) -> None:
        self.root, self.client, self.dashboard = root, client, dashboard

    def text(self, path: str = "/") -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **form: str) -> str:
        form["csrf"] = self.dashboard.guard.csrf
        return self.client.post(path, data=form, headers={"origin": HERE}).text

    def shows(self, words: str, path: str = "/") -> None:
        until(lambda: words in self.text(path), f"{path} shows {words}", 60)
