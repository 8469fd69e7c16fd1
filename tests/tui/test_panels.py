"""What the panels say, as pure rows."""

from __future__ import annotations

import pytest

from gastown_core.model.agent import Health, Question, Reason
from gastown_core.model.convoy import StandstillView
from gastown_core.model.daemon import DIED, FAILS, LATE, RUNS, SILENT, STOPPED, DaemonView
from gastown_core.model.dam import DAEMON, PAUSED, BrokenLink, DamView
from gastown_core.model.snapshot import EscalationView, OrphanView, SchedulerView
from gastown_core.model.source_status import SourceStatus
from gastown_core.state.collect import Account
from gastown_core.state.detail import UsageDetail, UsageRow
from gastown_tui.keymap import Keymap
from gastown_tui.layout import VIEWS
from gastown_tui.rowtext import trouble_text
from gastown_tui.selection import BEAD, CONVOY, Selection, resolve
from gastown_tui.text import width_of
from gastown_tui.widgets.agent_tree import USAGE_WIDTH, WIDE_USAGE, agent_row
from gastown_tui.widgets.convoy_panel import ConvoyPanel, convoy_row, convoy_rows, numbers, progress_bar
from gastown_tui.widgets.header_bar import header_pieces, places_pieces, view_at
from gastown_tui.widgets.pages import SOURCE_WORDS, account_lines, bead_page, convoy_why_page, record_page, why_page
from gastown_tui.widgets.problem_list import problem_groups, problem_rows
from gastown_tui.widgets.rows import pieces_of
from gastown_tui.widgets.status_bar import hint_pieces
from gastown_tui.widgets.usage_page import agent_head, sums_lines
from tests.support.console import Console
from tests.support.fake_town import NOW, FakeEngine, agent, convoy, snapshot, standard_stream, with_state, with_usage


def said(pieces) -> str:
    return "".join(text for text, _ in pieces)


@pytest.mark.parametrize("width", [30, 36, 50, 76])
def test_agent_rows_fit_and_end_in_their_age(width: int) -> None:
    for view in snapshot().agents:
        row = agent_row(view, width, NOW, ascii_only=False, is_marked=True)
        assert width_of(row) <= width


def test_an_agent_that_needs_help_shows_its_reason_and_since() -> None:
    ruby = snapshot().agent("shop/polecats/ruby")
    row = said(agent_row(ruby, 76, NOW, ascii_only=False, is_marked=False))
    assert "✋" in row and "gt-p2w8d" in row and "asks: allow Bash" in row and row.endswith("2m")


def test_a_name_of_escapes_is_shown_and_not_written() -> None:
    evil = agent("mayor", Health.WAITING, since=5, pane="%1", reasons=(("\x1b]0;x\x07hi", "screen", 1),))
    assert "\x1b" not in said(agent_row(evil, 60, NOW, ascii_only=False, is_marked=False))


@pytest.mark.parametrize(
    ("done", "review", "total", "want"),
    [
        (0, 0, 4, "░░░░░░░░"),
        (4, 0, 4, "████████"),
        (1, 0, 1000, "█░░░░░░░"),
        (999, 0, 1000, "███████░"),
        (2, 1, 4, "████▓▓░░"),
        (0, 0, 0, "░░░░░░░░"),
    ],
)
def test_the_bar_is_full_only_when_all_has_landed(done: int, review: int, total: int, want: str) -> None:
    assert said(progress_bar(done, review, total, 8, False)) == want


def test_a_convoy_tells_numbers_and_stall() -> None:
    stalled = convoy("hq-cv-1", "Epic", 6, 2, 0, 41, stalled_since=NOW - 1080)
    row = said(convoy_row(stalled, 100, NOW, is_open=False, ascii_only=False))
    assert numbers(stalled, False) == "6·2/41"
    assert "stalled 18m" in row and "2 rigs" in row
    assert "nobody is on them" in " ".join(said(line) for line in convoy_why_page(stalled, NOW, False))


def test_an_open_convoy_lists_its_members() -> None:
    rows = convoy_rows(snapshot(), 100, NOW, opened={"hq-cv-7q2ma"}, ascii_only=False)
    members = [row for row in rows if row.key and row.key.convoy == "hq-cv-7q2ma"]
    assert len(members) == 20
    assert "shop/opal" in " ".join(said(pieces_of(row)) for row in members)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 130, 160, 220])
def test_the_header_leaves_out_instead_of_cutting(width: int) -> None:
    row = header_pieces(snapshot(), width, NOW, moved_at=NOW - 3, view="feed", ascii_only=False, need=1)
    text = said(row)
    assert width_of(row) <= width and "…" not in text and "✋ 1" in text
    if width >= 160:
        assert "3 to merge" in text and "live · changed 3s ago" in text and "12:04:31" in text


def test_the_header_tells_what_waits_for_a_polecat_and_how_many_places_are_taken() -> None:
    def header(width: int, scheduler: SchedulerView, moved_at: float = NOW - 3) -> str:
        town = snapshot(scheduler=scheduler)
        return said(header_pieces(town, width, NOW, moved_at=moved_at, view="feed", ascii_only=False))

    full = SchedulerView(1, working=12, limit=12)
    text = header(220, full)
    assert "1 waiting for a polecat" in text and "12/12 polecats" in text and "3 to merge" in text
    assert "1 to dispatch" in header(160, full) and "12/12 polecats" in header(190, full)
    assert "polecats" not in header(100, full)
    paused = header(220, full._replace(is_paused=True))
    assert "dispatch paused: 1" in paused and "12/12 polecats" in paused
    assert "polecats" not in header(220, SchedulerView())
    tones = {tone for words, tone in places_pieces(snapshot(scheduler=full))}
    assert tones == {"warn"} != {tone for _, tone in places_pieces(snapshot(scheduler=full._replace(queued=0)))}
    # a minute without a change is quiet, not a change a minute ago
    assert "live · quiet 1m" in header(220, full, NOW - 80) and "changed" not in header(220, full, NOW - 80)
    row = header_pieces(snapshot(scheduler=full), 220, NOW, moved_at=NOW, view="feed", ascii_only=False)
    at = said(row).index
    assert view_at(row, width_of([(said(row)[: at("12/12")], "")]) + 1, False) == "agents"
    assert view_at(row, width_of([(said(row)[: at("waiting for")], "")]) + 1, False) == "convoys"


def test_the_header_never_claims_to_be_live_over_a_failing_source() -> None:
    broken = snapshot(sources=(SourceStatus("events", NOW - 14, "permission denied"),))
    text = said(header_pieces(broken, 160, NOW, moved_at=NOW, view="feed", ascii_only=False))
    assert "stale 14s: events" in text and "live" not in text
    old = snapshot(taken_at=NOW - 60)
    assert "stale 1m" in said(header_pieces(old, 160, NOW, moved_at=NOW, view="feed", ascii_only=False))


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize(
    ("daemon", "words"),
    [
        (DaemonView(DIED, 0, NOW - 300), "daemon died 5m ago"),
        (DaemonView(STOPPED, 0, NOW - 7200), "daemon stopped 2h ago"),
        (DaemonView(SILENT, 7, NOW - 120), "daemon silent 2m"),
        (DaemonView(FAILS, 7, NOW - 900, (("dispatch", "no space", NOW - 90),)), "daemon: dispatch fails"),
    ],
)
def test_the_header_tells_of_a_daemon_that_does_not_work(daemon: DaemonView, words: str, width: int) -> None:
    row = header_pieces(snapshot(daemon=daemon), width, NOW, moved_at=NOW - 3, view="feed", ascii_only=False)
    assert words in said(row) and width_of(row) <= width
    well = snapshot(daemon=DaemonView("runs", 7, NOW - 900))
    assert "daemon" not in said(header_pieces(well, width, NOW, moved_at=NOW - 3, view="feed", ascii_only=False))


def test_a_failing_source_tells_its_age_and_reason() -> None:
    assert trouble_text(SourceStatus("events", NOW - 14, "permission denied"), NOW) == "stale 14s: permission denied"
    assert trouble_text(SourceStatus("tmux", None, "no answer"), NOW) == "no data: no answer"
    assert trouble_text(None, NOW) == ""


def test_problems_are_ordered_by_need_and_then_by_time() -> None:
    town = with_state(snapshot(), "shop/polecats/opal", Health.GUPP, since=NOW - 50)
    town = with_state(town, "billing/polecats/amber", Health.WAITING, since=NOW - 900)
    groups = problem_groups(town)
    assert [group.title for group in groups] == ["NEEDS YOU", "NEEDS HELP", "LIMITED"]
    assert [view.address.label for view in groups[0].agents] == ["amber", "ruby"]
    assert [view.address.label for view in groups[1].agents] == ["opal", "jade", "onyx"]


def test_agents_under_one_limit_are_one_cause() -> None:
    limit = (Reason("limit until 17:00 (account a)", "heartbeat", NOW),)
    town = with_state(snapshot(), "shop/polecats/opal", Health.LIMITED, reasons=limit)
    group = next(group for group in problem_groups(town) if group.title == "SAME CAUSE")
    assert len(group.agents) == 2 and group.cause.startswith("limit until")


@pytest.mark.parametrize("width", [56, 76, 110, 156])
def test_problem_rows_say_what_to_press_and_what_comes(width: int) -> None:
    rows = problem_rows(snapshot(), width, NOW, marked=set(), ascii_only=False)
    text = "\n".join(said(pieces_of(row)) for row in rows)
    assert all(width_of(pieces_of(row)) <= width for row in rows if row.is_stop)
    assert "n nudge" in text and "r restart" in text and "y answer" in text
    if width > 60:
        assert "silent in 13m" in text


def test_a_town_without_problems_says_so() -> None:
    calm = snapshot([agent("mayor", Health.WORKING, pane="%1")])._replace(convoys=())
    text = " ".join(said(pieces_of(row)) for row in problem_rows(calm, 120, NOW, marked=set(), ascii_only=False))
    assert "Nobody needs you" in text


def test_why_gives_evidence_sources_ages_and_forecast() -> None:
    jade = snapshot().agent("shop/polecats/jade")
    text = "\n".join(said(line) for line in why_page(jade, NOW, 120, False))
    for words in ("no progress for 17m", "git", "its heartbeat", "17m ago", "silent in 13m"):
        assert words in text


def test_why_shows_a_question_whole_with_its_choices() -> None:
    jade = snapshot().agent("shop/polecats/jade")
    rows = [f"row {number} of what the command does" for number in range(40)]
    long = "2 Yes, and do not ask again for commands that begin with git push --force in this folder"
    asked = jade._replace(
        asks=Question("permission", "Bash", "\n".join(["Bash command", *rows]), ("1 Yes", long, "3 No"), 2)
    )

    lines = [said(line) for line in why_page(asked, NOW, 60, False)]

    text = " ".join(" ".join(lines).split())
    assert all(row in text for row in ("Bash command", *rows))
    assert long in text and "1 Yes" in text
    assert [line.split() for line in lines if "3 No" in line] == [["→", "3", "No"]]
    assert "It asks:" not in " ".join(said(line) for line in why_page(jade, NOW, 60, False))


def test_a_record_is_shown_whole_and_harmless() -> None:
    stream = standard_stream()
    record = {"type": "mail", "payload": {"subject": "\x1b[31mred"}}
    text = "\n".join(said(line) for line in record_page(record, stream.row(0), 60))
    assert '"subject": ' in text and "\x1b" not in text


def test_a_bead_page_tells_edges_both_ways() -> None:
    text = "\n".join(said(line) for line in bead_page(FakeEngine().bead_detail("gt-k3x9p"), NOW, 80))
    assert "needs" in text and "gt-a1111" in text and "blocks" in text and "growing pause" in text


def test_hints_are_whole_or_not_there() -> None:
    for width in range(8, 150, 7):
        row = hint_pieces(Keymap(), "agents", width, False)
        assert width_of(row) - 3 <= width or len(row) == 1


@pytest.mark.parametrize("place", [*(name for names in VIEWS.values() for name in names), "drawer"])
def test_the_way_out_stands_at_the_end_at_any_width(place: str) -> None:
    for width in range(24, 200, 4):
        words = said(hint_pieces(Keymap(), place, width, False))
        assert words.rstrip().endswith("q quit") and words.startswith(" ? help"), (width, words)


def test_work_that_nobody_has_is_a_problem_with_the_key_that_gives_it_out() -> None:
    orphan = OrphanView("gt-o1", "Left behind", "hooked", "shop/polecats/rubin", "shop", 1, NOW - 7200)
    calm = tuple(one for one in snapshot().agents if one.health.state is Health.IDLE)
    rows = problem_rows(snapshot(agents=calm, orphans=(orphan,)), 120, NOW, marked=set(), ascii_only=False)
    text = "\n".join(said(row.pieces) for row in rows)
    assert "NO WORKER 1" in text and "on the hook of shop/polecats/rubin" in text and "for 2h" in text
    assert "Nobody needs you" not in text
    assert any(row.key == Selection(BEAD, "", "gt-o1") for row in rows)


def test_the_why_of_a_convoy_shows_what_the_scheduler_says_and_what_helps() -> None:
    told = (Account("gt-m1", "held", "3 workers died on it", "gt sling respawn-reset gt-m1"),)
    text = " ".join(said(line) for line in account_lines(told, 80))
    assert "gt-m1 held" in text and "3 workers died on it" in text and "respawn-reset" in text
    assert "asking the scheduler" in said(account_lines(None, 80)[-1])


def test_escalations_and_stuck_work_are_problems_though_every_agent_is_fine() -> None:
    calm = snapshot([agent("mayor", Health.WORKING, pane="%1")])
    raised = EscalationView("hq-e1", "rebase refused", 1, NOW - 900)
    town = calm._replace(escalations=1, escalated=(raised,))
    rows = problem_rows(town, 120, NOW, marked=set(), ascii_only=False)
    text = " ".join(said(pieces_of(row)) for row in rows)
    assert "Nobody needs you" not in text
    assert "ESCALATIONS 1" in text and "rebase refused" in text
    assert "STUCK WORK 1" in text and "Billing epic" in text and "stalled 18m" in text
    keys = {row.key for row in rows if row.is_stop}
    assert {Selection(BEAD, "", "hq-e1"), Selection(CONVOY, "", "hq-cv-9zz0e")} <= keys
    assert resolve(town, Selection(CONVOY, "", "hq-cv-9zz0e")).kind == "convoy"


def test_a_convoy_that_can_never_finish_says_so_in_its_row_its_why_and_the_problems() -> None:
    held_up = convoy("hq-cv-1", "Shop", 1, 0, 1, 4, standstills=(StandstillView("gt-m3", "3 workers died on it"),))
    town = snapshot([agent("mayor", Health.WORKING, pane="%1")])._replace(convoys=(held_up,))
    rows = problem_rows(town, 120, NOW, marked=set(), ascii_only=False)
    text = " ".join(said(pieces_of(row)) for row in rows)
    assert "STUCK WORK 1" in text and "cannot finish: gt-m3 3 workers died on it" in text
    assert "Nobody needs you" not in text
    assert "1 stuck" in said(convoy_row(held_up, 100, NOW, is_open=False, ascii_only=False))
    assert "Cannot finish: gt-m3 3 workers died on it" in said(convoy_why_page(held_up, NOW, False)[0])


def test_what_has_just_landed_is_not_now_ago() -> None:
    landed = convoy("hq-cv-1", "Shop", 2, 0, 0, 2, status="closed", closed_at=NOW - 0.4)
    assert said(convoy_row(landed, 100, NOW, is_open=False, ascii_only=False)).endswith("just now")
    assert "Landed just now:" in said(convoy_why_page(landed, NOW, False)[0])
    old = landed._replace(closed_at=NOW - 120)
    assert said(convoy_row(old, 100, NOW, is_open=False, ascii_only=False)).endswith("2m ago")


def test_every_source_of_evidence_is_named_without_being_cut() -> None:
    reasons = tuple(Reason("seen", source, NOW - 60) for source in SOURCE_WORDS)
    view = with_state(snapshot(), "mayor", Health.WAITING, reasons=reasons).agent("mayor")
    assert view is not None
    text = " ".join(said(line) for line in why_page(view, NOW, 120, False))
    assert all(words in text for words in SOURCE_WORDS.values())


@pytest.mark.parametrize("width", [40, 54, 80, 120])
def test_usage_has_columns_where_there_is_room(width: int) -> None:
    agents = {view.address.path: view for view in with_usage(snapshot()).agents}
    has_usage = width >= USAGE_WIDTH

    def row(path: str) -> str:
        return said(agent_row(agents[path], width, NOW, ascii_only=False, is_marked=False, has_usage=has_usage))

    assert ("95%" in row("shop/polecats/opal"), "845k" in row("shop/polecats/opal")) == (has_usage, has_usage)
    assert ("12.3k" in row("shop/polecats/jade")) == (width >= WIDE_USAGE)
    assert "no p" in row("shop/polecats/jade")
    assert row("deacon") == said(agent_row(agents["deacon"], width, NOW, ascii_only=False, is_marked=False))


def test_the_cost_page_tells_what_is_known_and_what_is_not() -> None:
    shot = with_usage(snapshot())
    agents = {view.address.path: view for view in shot.agents}
    opal = "\n".join(said(line) for line in agent_head(agents["shop/polecats/opal"], shot))
    deacon = "\n".join(said(line) for line in agent_head(agents["deacon"], shot))

    assert "845k tokens  cost unknown" in opal
    assert "190k of 200k (95%)" in opal
    assert "the budget of gt-k3x9p is used up: $5.50 of $5.00; dispatch waits" in opal
    assert "context     unknown" in deacon
    assert "gt-k3x9p" not in deacon


@pytest.mark.parametrize("width", [30, 60, 76, 160])
def test_the_rows_of_the_cost_page_fit(width: int) -> None:
    lines = sums_lines(FakeEngine().usage_detail(agent="shop/polecats/opal"), width)

    assert all(width_of(line) <= max(width, 40) for line in lines)
    assert len({width_of(line) for line in lines if line}) == 1


def test_a_cost_page_of_nothing_says_so() -> None:
    nothing = UsageDetail(UsageRow("total", 0, 0, 0, 0, 0, "-"))

    assert "gt costs" in said(sums_lines(nothing, 80)[0])


def test_a_dam_is_the_first_of_the_problems_with_its_links_and_what_helps() -> None:
    links = (
        BrokenLink(DAEMON, "the daemon died: its last heartbeat was 5m ago", NOW - 300, "gt daemon start"),
        BrokenLink(PAUSED, "dispatch is paused by \x1b[31malice", NOW - 900, "gt scheduler resume"),
    )
    shot = snapshot(dam=DamView(links, NOW - 32_400, ready=131))
    for width in (60, 140):
        told = [said(row.pieces) for row in problem_rows(shot, width, NOW, marked=set(), ascii_only=False)]
        assert told[0] == "DAM" and all(
            width_of(row.pieces) <= width + 2
            for row in problem_rows(shot, width, NOW, marked=set(), ascii_only=False)[:5]
        )
        text = " ".join(" ".join(told).split())
        assert "131 ready beads wait for 9h: the daemon died: its last heartbeat was 5m ago" in text
        assert "also: dispatch is paused by" in text and "next: gt daemon start" in text and "\x1b" not in text
    calm = snapshot((), (), dam=shot.dam)
    assert "fine" not in " ".join(
        said(row.pieces) for row in problem_rows(calm, 100, NOW, marked=set(), ascii_only=False)
    )


def test_the_header_tells_of_a_hung_duty_and_of_a_dam() -> None:
    late = snapshot(daemon=DaemonView(LATE, 7, NOW - 900, late=(("dispatch", "has not run", NOW - 240),)))
    assert "daemon: dispatch has not run for 4m" in said(
        header_pieces(late, 160, NOW, moved_at=NOW, view="feed", ascii_only=False)
    )
    links = (BrokenLink(DAEMON, "x", NOW),)
    dammed = snapshot(daemon=DaemonView(RUNS, 7, NOW), dam=DamView(links, NOW - 60, 2))
    assert "work is dammed" in said(header_pieces(dammed, 160, NOW, moved_at=NOW, view="feed", ascii_only=False))


def test_the_header_counts_what_is_escalated_and_stuck_where_it_has_room() -> None:
    raised = (
        EscalationView("hq-e1", "nobody can do it", 1, NOW - 60),
        EscalationView("hq-e2", "nor this", 1, NOW - 60),
    )
    town = snapshot(escalated=raised)
    assert "2 escalated" in said(header_pieces(town, 200, NOW, moved_at=NOW, view="feed", ascii_only=False))
    narrow = said(header_pieces(town, 80, NOW, moved_at=NOW, view="feed", ascii_only=False))
    assert "escalated" not in narrow and "live" in narrow


async def test_hints_counts_and_fold_marks_can_be_clicked() -> None:
    app = Console()
    async with app.run_test(size=(160, 45)) as pilot:
        last = app.screen_text().splitlines()[-1]
        await pilot.click(offset=(last.index("problems"), 44))
        assert app.feed.view == "problems"
        await pilot.press("escape")
        rows = app.screen_text().splitlines()
        y = next(number for number, row in enumerate(rows) if "▾ shop" in row)
        await pilot.click(offset=(2, y))
        await pilot.pause()
        assert app.feed.agents.folded == {"shop"}
        await pilot.click(offset=(2, y))
        await pilot.pause()
        assert app.feed.agents.folded == set()


async def test_the_age_of_a_landed_row_goes_on_by_seconds() -> None:
    landed = convoy("hq-cv-1", "Epic", 3, 0, 0, 3)._replace(closed_at=NOW - 10, created_at=NOW - 600, status="closed")
    town, app = snapshot(convoys=(landed,)), Console()
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        panel = app.screen.query_one(ConvoyPanel)

        def shown(now: float) -> str:
            panel.show(town, now)
            return " ".join(said(pieces_of(row)) for row in panel.rows)

        assert "10s ago" in shown(NOW) and "29s ago" in shown(NOW + 19) and "30s ago" in shown(NOW + 20)
        assert "1m ago" in shown(NOW + 50)
