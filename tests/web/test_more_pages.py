"""The pages that read from disk: beads, mail, escalations, scheduler, costs, search, palette; and what they say without it."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import quote

import pytest

from gastown_core.errors import StoreError, TmuxError
from gastown_core.orders.act_log import command_log
from gastown_core.orders.registry import ORDERS
from gastown_core.orders.typed import order_of
from gastown_core.state import tmux_keeper
from gastown_core.state.live import PANES
from gastown_core.state.sources.landings import LandingSource
from gastown_core.tmux.control import ControlLink
from gastown_core.tmux.server import TmuxServer
from gastown_web import readers
from gastown_web.event_link import event_id, moment_of
from gastown_web.panels import PAGES
from gastown_web.reads import Reader
from tests.support.browser import HERE, Browser
from tests.support.cli import bd, gt
from tests.support.patience import until
from tests.support.rigged import Rigged
from tests.support.tmux import needs_tmux

pytestmark = pytest.mark.timeout(600)


def test_a_bead_has_a_page_with_its_dependencies_as_a_graph(browser: Browser, rigged: Rigged) -> None:
    first, second = rigged.file("Buy tiles <b>"), rigged.file("Mend the roof")
    bd("dep", "add", second.id, first.id, cwd=rigged.root)
    browser.shows(f'href="/bead/{second.id}"', "/beads")
    board = browser.text("/beads")
    assert "<svg" in board
    assert f"{second.id} waits for {first.id}" in board
    assert "Buy tiles &lt;b&gt;" in board
    shown = browser.text(f"/bead/{second.id}")
    assert f"{second.id} waits for {first.id}" in shown
    assert f"waits for {first.id}" in shown
    assert f'href="/act/bead.sling?bead={second.id}"' in shown
    assert browser.client.get("/bead/sh-none").status_code == 404
    assert browser.client.get("/beads?rig=none").status_code == 404
    assert first.id in browser.text("/beads?rig=shop")
    sling = browser.text(f"/act/bead.sling?bead={second.id}")
    assert f">{second.id}</textarea>" in sling
    assert '<option value="shop">' in sling


def test_the_scheduler_says_why_not(browser: Browser, rigged: Rigged) -> None:
    bead = rigged.file("Mend the roof")
    browser.shows(bead.id, "/scheduler")
    assert "in no open convoy and not queued" in browser.text("/scheduler")


def test_mail_is_read_answered_and_archived(browser: Browser) -> None:
    gt(
        "mail",
        "send",
        "overseer",
        "-s",
        "Roof <i>",
        "-m",
        "Which tiles?\nRed?",
        cwd=browser.root,
        GT_ROLE="mayor",
    )
    browser.shows("Roof &lt;i&gt;", "/mail")
    found = re.search(r'href="/mail/(hq-[^"]+)"', browser.text("/mail"))
    assert found is not None
    shown = browser.text(f"/mail/{found[1]}")
    assert "Which tiles?\nRed?" in shown
    assert "mark as read" in shown
    browser.post("/mail/reply", id=found[1], body="Blue.")
    assert "Blue." in gt("mail", "thread", found[1], cwd=browser.root).out
    browser.post("/mail/archive", id=found[1])
    until(lambda: found[1] not in browser.text("/mail"), "it left the inbox", 60)
    browser.post("/mail/send", to="mayor/", subject="Hello", body="Two\r\nlines")
    browser.shows("Hello", "/mail/of/mayor/")
    assert "nobody of that name" in browser.client.get("/mail/of/stranger").text
    assert "refused" in browser.post("/mail/send", to="nobody-at-all", subject="Hello", body="x")
    assert browser.client.get("/mail/hq-none").status_code == 404
    browser.shows("mail archive", "/audit")
    assert command_log[-1].ok is False


def test_escalations_are_listed_with_what_can_be_done(browser: Browser) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", "-r", "df says 99 %", cwd=browser.root)
    browser.shows("df says 99 %", "/escalations")
    shown = browser.text("/escalations")
    assert "nobody has taken it on" in shown
    found = re.search(r'href="/act/escalation.ack\?target=([^"]+)"', shown)
    assert found is not None
    browser.post("/act/escalation.ack", target=found[1])
    browser.shows("taken on by", "/escalations")
    browser.shows(f"gt escalate ack {found[1]}", "/audit")


def test_an_event_has_an_address(browser: Browser, rigged: Rigged) -> None:
    gt("escalate", "-s", "HIGH", "The disk is nearly full", cwd=browser.root)
    until(lambda: browser.dashboard.desk.live.stream.end > 0, "an event", 60)
    row = next(
        browser.dashboard.desk.live.stream.row(at) for at in range(browser.dashboard.desk.live.stream.end - 1, -1, -1)
    )
    shown = browser.text(f"/event/{event_id(row)}")
    assert f"<code>{row.type}</code>" in shown
    assert moment_of(event_id(row)) == pytest.approx(row.ts, abs=0.002)
    assert "not in the log any more" in browser.text("/event/1000-00000000")
    assert browser.client.get("/event/junk").status_code == 404
    assert f'href="/event/{event_id(row)}"' in browser.text("/events")
    assert "No such events" in browser.text("/events?text=nothing-says-this")


def test_a_search_finds_beads_agents_and_events(browser: Browser, rigged: Rigged) -> None:
    bead = rigged.file("Mend the roof, please")
    browser.shows(bead.id, f"/search?q={quote('roof, please')}")
    assert 'href="/agent/shop/witness"' in browser.text("/search?q=witness")
    assert "Type what you look for" in browser.text("/search")


def test_the_palette_runs_what_the_table_of_orders_has(browser: Browser) -> None:
    def leads_to(line: str) -> str:
        answer = browser.client.get("/palette", params={"q": line}, follow_redirects=False)
        return answer.headers.get("location", "")

    assert leads_to("gt scheduler pause") == "/act/scheduler.pause?target="
    assert leads_to("nudge mayor look at the roof") == "/act/agent.nudge?text=look+at+the+roof&target=mayor"
    assert leads_to("Merge queue") == "/queue"
    assert leads_to("mayor") == "/agent/mayor"
    assert leads_to("hq-abc") == "/bead/hq-abc"
    for line in ("gt daemon stop", "rm -rf /", "gt attach mayor", "gt escalate ack", "gt nudge mayor --force x"):
        assert leads_to(line) in ("", "/act/escalation.ack?target="), line
        assert "No command of the dashboard" in browser.text(f"/palette?q={quote(line)}") or leads_to(line)
    assert "cannot read" in browser.text("/palette?q=gt+nudge+'open")
    labels = [one["label"] for one in browser.client.get("/api/v1/commands").json()["commands"]]
    assert "pause scheduler" in labels
    assert "resume scheduler" not in labels


@pytest.mark.parametrize("kind", [kind for kind in ORDERS if kind.words], ids=lambda kind: kind.id)
def test_each_order_is_known_by_its_own_command(kind: object) -> None:
    from gastown_core.model.order import Order
    from gastown_core.orders.perform import command_of
    from gastown_core.orders.registry import TOWN, OrderKind

    assert isinstance(kind, OrderKind)
    asked = {word[1:-1]: "x1" for word in kind.words if isinstance(word, str) and word.startswith("{")}
    order = Order(kind.id, "" if kind.needs == TOWN else "some/thing", {**asked, "target": ""})
    found = order_of(" ".join(f"'{word}'" for word in command_of(order)))
    assert found is not None
    assert (found.kind, found.target) == (kind.id, order.target)


EVERYWHERE = [page.path for page in PAGES]


SOURCES = (
    "events",
    "ledger",
    "heartbeats",
    "panes",
    "refineries",
    "scheduler",
    "daemon",
    "usage",
    "programs",
    "exports",
)


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_breaks_is_said_on_every_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    live = browser.dashboard.desk.live

    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(live._events if source == "events" else getattr(live.sources, source), "poll", broken)

    def stir() -> None:
        # as the safety check behind the watch does, and a push of tmux
        live._on_stir("", "")
        live._stir(PANES)

    assert browser.client.portal is not None
    browser.client.portal.call(stir)
    browser.shows("cannot be read</a>")
    for path in EVERYWHERE:
        shown = browser.text(path)
        assert re.search(r"[1-9]\d* sources? cannot be read</a>", shown), path
        assert "nobody needs you" not in shown, path
    assert "Input/output error" in browser.text("/health")
    assert any("Input/output" in one["error"] for one in browser.client.get("/api/v1/sources").json()["sources"])


@pytest.mark.parametrize(
    "path",
    ["settings/config.json", "mayor/rigs.json", "mayor/wasteland.json", ".runtime/exported/agents.json"],
)
def test_a_file_of_the_town_that_is_junk_is_said_on_every_page(browser: Browser, path: str) -> None:
    file = Path(browser.root, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_bytes() if file.exists() else None
    file.write_bytes(b"{junk\xff")
    live = browser.dashboard.desk.live
    assert browser.client.portal is not None
    browser.client.portal.call(lambda: live._on_stir("", ""))
    browser.shows("cannot be read</a>")
    for page in EVERYWHERE:
        shown = browser.text(page)
        assert "cannot be read</a>" in shown and "nobody needs you" not in shown, page
    if before is None:
        file.unlink()
    else:
        file.write_bytes(before)
    browser.client.portal.call(lambda: live._on_stir("", ""))

    def failing() -> list[str]:
        return [page for page in EVERYWHERE if "cannot be read</a>" in browser.text(page)]

    # each page reads again for those who look at it
    until(lambda: not failing(), "all is read again", 20)


@needs_tmux
@pytest.mark.parametrize(
    "break_it", [TmuxError("protocol version mismatch"), TimeoutError()], ids=["refused", "silent"]
)
def test_screens_that_cannot_be_read_are_said_on_every_page(
    server: TmuxServer, browser: Browser, monkeypatch: pytest.MonkeyPatch, break_it: Exception
) -> None:
    live = browser.dashboard.desk.live
    towns_own = TmuxServer(live.sources.panes.server.socket)

    whole = ControlLink.command

    def broken(link: ControlLink, words: str) -> Future[list[str]]:
        if not words.startswith("capture-pane"):
            return whole(link, words)
        answer: Future[list[str]] = Future()
        answer.set_exception(break_it)
        return answer

    with monkeypatch.context() as broke:
        broke.setattr(ControlLink, "command", broken)
        towns_own.run("new-session", "-d", "-s", "sh-witness", "sleep 600")
        # what fails once may be a pane that has just gone
        browser.shows("source cannot be read</a>")
        for path in EVERYWHERE:
            shown = browser.text(path)
            assert "source cannot be read</a>" in shown and "nobody needs you" not in shown, path
        told = browser.client.get("/api/v1/sources").json()["sources"]
        assert [one["error"].partition(": ")[0] for one in told if one["error"]] == [
            "the screen of sh-witness cannot be read"
        ]
    until(lambda: "cannot be read</a>" not in browser.text("/"), "the screen is read again", 30)
    towns_own.kill_server()


@needs_tmux
def test_a_tmux_that_hangs_is_said(server: TmuxServer, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmux_keeper, "ASK_EVERY_S", 1.0)
    monkeypatch.setattr(tmux_keeper, "ANSWER_S", 2.0)
    towns_own = TmuxServer(browser.dashboard.desk.live.sources.panes.server.socket)
    towns_own.run("new-session", "-d", "-s", "sh-witness", "sleep 600")
    until(lambda: browser.dashboard.desk.live.tmux.link is not None, "the link is there", 30)
    pid = towns_own.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        browser.shows("cannot be read</a>")
        assert "it gives no answer" in browser.text("/health")
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: "cannot be read</a>" not in browser.text("/"), "tmux answers again", 60)
    towns_own.kill_server()


def test_a_repository_that_is_gone_is_said_on_every_page(browser: Browser, rigged: Rigged) -> None:
    live, portal = browser.dashboard.desk.live, browser.client.portal
    assert portal is not None
    rigged.sling(rigged.file("Mend the roof").id)

    def asked() -> bool:
        portal.call(live._on_stir, "", "")
        portal.call(live._proofs.stir)
        return "git:shop" in browser.text("/health")

    until(asked, "git has been asked for the work", 120)
    repo = Path(rigged.root, "shop", ".repo.git")
    repo.rename(repo.with_name("away"))
    browser.shows("its repository is gone: ", "/health")
    for path in EVERYWHERE:
        assert "cannot be read</a>" in browser.text(path), path
    repo.with_name("away").rename(repo)
    until(lambda: "cannot be read</a>" not in browser.text("/"), "git answers again", 60)


def test_proofs_that_cannot_be_had_are_said_on_every_page_until_they_can(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = browser.dashboard.desk.live
    tries = []

    def broken(*_: object) -> None:
        tries.append(1)
        raise OSError(24, "Too many open files")

    assert browser.client.portal is not None
    with monkeypatch.context() as broke:
        broke.setattr(LandingSource, "examine", broken)
        browser.client.portal.call(live._proofs.stir)
        browser.shows("source cannot be read</a>")
        for path in EVERYWHERE:
            shown = browser.text(path)
            assert "source cannot be read</a>" in shown and "nobody needs you" not in shown, path
        assert "Too many open files" in browser.text("/health")
        # nothing stirs: it looks again by itself, and is not well for having been restarted
        until(lambda: len(tries) > 5, "it looks again", 60)
        assert "Too many open files" in browser.text("/health")
    until(lambda: "cannot be read</a>" not in browser.text("/"), "the proofs are there", 60)


@pytest.mark.parametrize("kind", ["junk", "empty", "folder", "pipe", "dangling link", "hostile", "signed"])
def test_an_emergency_stop_is_said_on_every_page_whatever_its_file_is(browser: Browser, kind: str) -> None:
    live = browser.dashboard.desk.live
    file = Path(browser.root, "ESTOP")
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "dangling link":
        file.symlink_to("nowhere")
    else:
        file.write_bytes(
            {
                "junk": b"\x00\xff\xfe{junk" * 1000,
                "empty": b"",
                "hostile": b"manual\tnever\t<script>alert(1)</script>\x1b]0;mine\x07\n",
                "signed": b"manual\t2026-11-28T10:00:00Z\tthe disk is full\n",
            }[kind]
        )
    assert browser.client.portal is not None
    browser.client.portal.call(lambda: live._on_stir("", ""))
    browser.shows("the town is stopped</a>")
    for path in EVERYWHERE:
        shown = browser.text(path)
        assert "the town is stopped</a>" in shown and "nobody needs you" not in shown, path
    shown = browser.text("/health")
    assert "the town is under an emergency stop" in shown and "<code>gt thaw</code>" in shown
    assert "<script>alert" not in shown and "\x1b" not in shown and "\x07" not in shown
    assert ("the disk is full" in shown) == (kind == "signed")
    if kind == "folder":
        done = gt("thaw", cwd=browser.root)
        assert done.code == 1 and f"move {file} away" in done.err and file.is_dir()
        file.rmdir()
    assert gt("thaw", cwd=browser.root).code == 0 and not os.path.lexists(file)
    browser.client.portal.call(lambda: live._on_stir("", ""))
    until(lambda: "the town is stopped" not in browser.text("/"), "the stop is over", 30)


def test_what_a_page_cannot_read_is_said_there_and_on_every_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> object:
        raise StoreError("the ledger is a folder", "")

    shown_in_menu = {name.partition(":")[0] for page in PAGES for name in page.all_panels}
    for kind in sorted(shown_in_menu & readers.READERS.keys()):
        (page,) = [page for page in PAGES if kind in {name.partition(":")[0] for name in page.all_panels}]
        with monkeypatch.context() as broke:
            broke.setitem(readers.READERS, kind, Reader(broken, gap_s=0.0))
            browser.dashboard.desk.stir()
            browser.shows("cannot be read: the ledger is a folder", page.path)
            for path in EVERYWHERE:
                shown = browser.text(path)
                assert "1 source cannot be read" in shown, (kind, path)
                assert "nobody needs you" not in shown, (kind, path)
            told = browser.client.get("/api/v1/sources").json()["sources"]
            assert any("ledger is a folder" in one["error"] for one in told)
        browser.dashboard.desk.stir()
        until(lambda path=page.path: "ledger is a folder" not in browser.text(path), f"{kind} is read again", 60)


def test_what_is_mended_is_read_again_though_the_town_reports_no_change(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> object:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broke:
        broke.setitem(readers.READERS, "scheduler", Reader(broken, gap_s=0.0))
        browser.shows("cannot be read: ", "/scheduler")
    until(lambda: "cannot be read: " not in browser.text("/scheduler"), "it is read again", 30)


def test_a_reading_that_fails_keeps_what_it_had(
    browser: Browser, rigged: Rigged, monkeypatch: pytest.MonkeyPatch
) -> None:
    bead = rigged.file("Mend the roof")
    browser.shows(bead.id, "/beads")

    def broken(_: object) -> object:
        raise OSError(5, "Input/output error")

    monkeypatch.setitem(readers.READERS, "board", Reader(broken, gap_s=0.0))
    browser.dashboard.desk.stir()
    browser.shows("Input/output error; what is shown was read", "/beads")
    assert bead.id in browser.text("/beads")


def test_a_slow_reading_holds_up_nobody_and_is_not_repeated(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def counted(_: object) -> object:
        nonlocal count
        count += 1
        return ()

    monkeypatch.setitem(readers.READERS, "mailbox", Reader(counted, gap_s=3600.0))
    for _ in range(5):
        browser.text("/mail")
        browser.dashboard.desk.stir()
    assert count == 1


def test_only_small_bodies_and_known_acts_reach_the_mail(browser: Browser) -> None:
    assert (
        browser.client.post("/mail/send", data={"to": "mayor/", "subject": "x"}, headers={"origin": HERE}).status_code
        == 403
    )
    assert "there is no act burn" in browser.post("/mail/burn", id="hq-1")
