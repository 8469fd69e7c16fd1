"""Who may ask the dashboard: hosts, tokens, origins, sizes; and what each answer carries."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gastown_web.app import Dashboard
from gastown_web.guard import HEADERS, MOST_BYTES, Guard, is_loopback
from tests.support.cli import gt
from tests.support.rigged import Rigged

PORT = 8080
HERE = f"http://127.0.0.1:{PORT}"


def client_of(root: str, guard: Guard) -> TestClient:
    return TestClient(Dashboard(root, guard).app(), base_url=HERE, follow_redirects=False)


@pytest.fixture
def guard() -> Guard:
    return Guard("127.0.0.1", PORT)


@pytest.fixture
def stranger(rigged: Rigged, guard: Guard) -> Iterator[TestClient]:
    with client_of(rigged.root, guard) as client:
        yield client


@pytest.fixture
def owner(stranger: TestClient, guard: Guard) -> TestClient:
    stranger.get(f"/?token={guard.token}")
    return stranger


def test_the_link_becomes_a_cookie_and_leaves_the_address(stranger: TestClient, guard: Guard) -> None:
    assert stranger.get("/").status_code == 401
    answer = stranger.get(f"/?token={guard.token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guard.token not in cookie
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/agents",
        "/live?panels=inbox",
        "/api/v1/status",
        "/agent/mayor",
        "/pane/mayor",
        "/beads",
        "/mail",
        "/search?q=shop",
        "/palette",
        "/api/v1/openapi.json",
    ],
)
def test_without_the_link_nothing_is_told(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "shop" not in answer.text


def test_a_wrong_or_old_token_opens_nothing(stranger: TestClient) -> None:
    assert stranger.get("/?token=wrong").status_code == 401
    stranger.cookies.set(f"gastown_{PORT}", "wrong")
    assert stranger.get("/").status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1:81",
        "127.0.0.1",
        f"localhost.evil.example:{PORT}",
        f"10.0.0.1:{PORT}",
        ":8080",
        "",
    ],
)
def test_a_name_that_a_stranger_points_here_is_refused(owner: TestClient, host: str) -> None:
    assert owner.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", [f"localhost:{PORT}", f"127.0.0.1:{PORT}", f"LOCALHOST:{PORT}"])
def test_the_names_of_this_machine_are_known(guard: Guard, host: str) -> None:
    assert guard.names_us(host)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", f"https://127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT + 1}"]
)
def test_an_act_from_another_page_is_refused(owner: TestClient, guard: Guard, origin: str) -> None:
    form = {"csrf": guard.csrf, "key": "x"}
    assert owner.post("/inbox/undo", data=form, headers={"origin": origin} if origin else {}).status_code == 403


def test_an_act_needs_the_secret_of_our_own_pages(owner: TestClient, guard: Guard) -> None:
    headers = {"origin": HERE}
    assert owner.post("/inbox/undo", data={"csrf": "wrong"}, headers=headers).status_code == 403
    assert owner.post("/act/scheduler.pause", data={}, headers=headers).status_code == 403
    answer = owner.post("/inbox/undo", data={"csrf": guard.csrf}, headers=headers)
    assert answer.status_code == 409
    assert "there is nothing to undo" in answer.text


def test_a_script_sends_the_token_itself(stranger: TestClient, guard: Guard) -> None:
    headers = {"authorization": f"Bearer {guard.token}"}
    assert stranger.get("/api/v1/status", headers=headers).json()["name"]
    assert stranger.get("/api/v1/status", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_a_large_body_is_refused_with_and_without_its_length(owner: TestClient, guard: Guard) -> None:
    headers = {"origin": HERE, "content-type": "application/x-www-form-urlencoded"}
    body = b"csrf=" + guard.csrf.encode() + b"&key=" + b"x" * MOST_BYTES
    assert owner.post("/inbox/undo", content=body, headers=headers).status_code == 413
    assert owner.post("/inbox/undo", content=b"", headers={**headers, "content-length": "junk"}).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 1024 + 2):
            yield b"x" * 1024

    answer = owner.post("/inbox/undo", content=pieces(), headers=headers)
    assert (answer.status_code, answer.headers["content-security-policy"]) == (413, HEADERS["content-security-policy"])


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_of_this_machine_may_link_here_but_reads_and_starts_nothing(owner: TestClient, site: str) -> None:
    for path in ("/api/v1/inbox", "/live?panels=inbox", "/act/agent.answer?target=mayor"):
        told = owner.get(path, headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"})
        assert told.status_code == 403, path
    linked = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert owner.get("/agents", headers=linked).status_code == 200
    own = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
    assert owner.get("/api/v1/inbox", headers=own).status_code == 200


def test_an_address_with_a_zone_is_no_name_of_ours() -> None:
    guard = Guard("0.0.0.0", PORT, password="correct horse")
    assert guard.names_us(f"10.1.2.3:{PORT}")
    assert not guard.names_us(f"fe80::1%a?:{PORT}")
    assert not guard.names_us(f"[fe80::1%a#]:{PORT}")


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/style.css", "/static/../app.py", "/static/%2e%2e%2fapp.py"])
def test_each_answer_carries_the_headers_and_no_file_but_ours_is_served(owner: TestClient, path: str) -> None:
    answer = owner.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "Dashboard" not in answer.text


def test_a_read_only_dashboard_acts_for_nobody(rigged: Rigged) -> None:
    guard = Guard("127.0.0.1", PORT, is_readonly=True)
    with client_of(rigged.root, guard) as client:
        client.get(f"/?token={guard.token}")
        assert 'method="post"' not in client.get("/").text
        answer = client.post("/act/scheduler.pause", data={"csrf": guard.csrf}, headers={"origin": HERE})
        assert answer.status_code == 403
        bearer = {"authorization": f"Bearer {guard.token}"}
        assert client.post("/act/scheduler.pause", headers=bearer).status_code == 403


def test_a_password_opens_it_and_a_wrong_one_does_not(rigged: Rigged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gastown_web.app.SLOWDOWN_S", 0.0)
    guard = Guard("127.0.0.1", PORT, password="correct horse")
    with client_of(rigged.root, guard) as client:
        assert client.get("/").headers["location"] == "/login"
        assert client.post("/login", data={"password": "wrong"}, headers={"origin": HERE}).status_code == 401
        assert client.get("/").status_code == 303
        assert client.post("/login", data={"password": "correct horse"}, headers={"origin": HERE}).status_code == 303
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("bind", "is_ours"),
    [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("localhost", True), ("10.1.2.3", False)],
)
def test_which_addresses_only_this_machine_reaches(bind: str, is_ours: bool) -> None:
    assert is_loopback(bind) is is_ours


def test_other_machines_need_a_read_only_dashboard_or_a_password(rigged: Rigged) -> None:
    told = gt("dashboard", "--bind", "0.0.0.0", "--port", "0", cwd=rigged.root)
    assert told.code == 2
    assert "--readonly" in told.err
    secret = f"{rigged.root}/secret"
    with open(secret, "w") as handle:
        handle.write("correct horse\n")
    told = gt("dashboard", "--password-file", secret, "--port", "0", cwd=rigged.root)
    assert told.code == 2
    assert "chmod 600" in told.err
    os.mkfifo(f"{rigged.root}/pipe")
    for odd in ("pipe", "mayor"):
        told = gt("dashboard", "--password-file", f"{rigged.root}/{odd}", "--port", "0", cwd=rigged.root)
        assert told.code == 2
        assert "cannot read" in told.err
    assert gt("dashboard", "--port", "99999", cwd=rigged.root).code == 2
