"""The dam detector: each link of the chain is broken, named by the right words within a minute, and retired when cured."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gastown_core.model import dam
from gastown_core.model.bead import BLOCKS, CLOSED, IN_PROGRESS, OPEN, Edge
from gastown_core.model.daemon import DIED, FAILS, LATE, NEVER, RUNS, SILENT, STOPPED, DaemonView
from gastown_core.model.merge_request import LABEL
from gastown_core.model.refinery import HELD, IDLE, RefineryState
from gastown_core.model.snapshot import SchedulerView
from gastown_core.state.facts import Failed, RefineryFacts
from tests.support.world import World

STEP_S = 5.0
Act = Callable[[World], None]


def daemon(state: str, **more: object) -> Act:
    return lambda w: setattr(w.facts, "daemon", DaemonView(state, 7, w.now, **more))  # type: ignore[arg-type]


def ready(w: World) -> None:
    w.put("gt-1", at=w.now - 100)
    w.put("gt-2", at=w.now - 100)
    w.convoy("gt-1", "gt-2")
    w.put(
        "hq-cv-1", kind="convoy", labels=("gt:convoy",), edges=w.facts.ledger["town"]["hq-cv-1"].edges, at=w.now - 100
    )


def queue(w: World) -> None:
    ready(w)
    for number in (1, 2):
        work = Edge(f"gt-{number}", "tracks", "", "", "")
        w.put(f"gt-w{number}", labels=("gt:sling-context",), edges=(work,), at=w.now - 100)


def in_review(w: World) -> None:
    w.hand_in("gt-1")
    w.hand_in("gt-2")


def at_work(w: World) -> None:
    ready(w)
    w.give("gt-1", "opal")
    w.give("gt-2", "ruby")


def beats(state: str, words: str) -> Act:
    return lambda w: [w.beat(f"shop/polecats/{name}", state, words) for name in ("opal", "ruby")] and None


def hold(reason: str) -> Act:
    def act(w: World) -> None:
        state = RefineryState("shop", HELD if reason else IDLE, hold_reason=reason)
        since = w.now if reason else 0.0
        w.facts.refineries["shop"] = RefineryFacts("shop", "/t/shop", state, hold_since=since)
        w.facts.landing_version += 1

    return act


def pause(w: World) -> None:
    w.facts.scheduler = SchedulerView(0, True, "alice", w.now)


def host(words: str) -> Act:
    def act(w: World) -> None:
        w.facts.host, w.facts.host_since = words, w.now

    return act


def failures(error: str) -> Act:
    return lambda w: setattr(w.facts, "failures", {f"gt-{n}": Failed(3, error) for n in (1, 2)} if error else {})


def both(name: str, error: str) -> Act:
    return lambda w: w.facts.failed(name, error) if error else w.facts.good(name, w.now)


def touch(ahead: float) -> Act:
    return lambda w: w.put("gt-9", CLOSED, at=w.now + ahead)


MOVE = ("dispatch", "has not run", 0.0)
CASES: list[tuple[str, Act, Act, Act, str, str]] = [
    ("daemon killed", ready, daemon(DIED), daemon(RUNS), dam.DAEMON, "the daemon died"),
    ("daemon stopped", ready, daemon(STOPPED), daemon(RUNS), dam.DAEMON, "the daemon was stopped"),
    ("daemon hung", ready, daemon(SILENT), daemon(RUNS), dam.DAEMON, "sent no heartbeat"),
    ("no daemon at all", ready, daemon(NEVER), daemon(RUNS), dam.DAEMON, "no daemon has run"),
    ("daemon dead, only merging waits", in_review, daemon(DIED), daemon(RUNS), dam.DAEMON, "the daemon died"),
    ("dispatch duty hung", ready, daemon(LATE, late=(MOVE,)), daemon(RUNS), dam.DUTY, "dispatch has not run"),
    (
        "dispatch duty fails",
        ready,
        daemon(FAILS, failing=(("dispatch", "no space left", 0.0),)),
        daemon(RUNS),
        dam.DUTY,
        "dispatch fails: no space left",
    ),
    (
        "refinery duty hung",
        in_review,
        daemon(LATE, late=(("refinery:shop", "is still busy", 0.0),)),
        daemon(RUNS),
        dam.DUTY,
        "refinery:shop is still busy",
    ),
    ("dispatcher paused", queue, pause, lambda w: setattr(w.facts, "scheduler", SchedulerView()), dam.PAUSED, "paused by alice"),
    ("load too high", ready, host("the load is 9.0 per core"), host(""), dam.HOST, "the load is 9.0"),
    ("disk full", ready, host("only 0.1 GB of the disk are free"), host(""), dam.HOST, "of the disk are free"),
    ("no program", ready, failures("claude is not installed"), failures(""), dam.START, "3 tries failed: claude is not installed"),
    ("no name left", ready, failures("every name is taken"), failures(""), dam.START, "no worker can start"),
    ("ledger unreadable", ready, both("beads:shop", "permission denied"), both("beads:shop", ""), dam.STORE, "shop cannot be read: permission denied"),
    ("town's ledger unreadable", ready, both("beads:town", "input/output error"), both("beads:town", ""), dam.STORE, "town cannot be read"),
    ("tmux hangs", ready, both("tmux", "timed out"), both("tmux", ""), dam.TMUX, "tmux does not answer: timed out"),
    ("clock wrong", ready, touch(7200), touch(0), dam.CLOCK, "in the future"),
    ("limit", at_work, beats("limited", "resets at 17:00"), beats("working", ""), dam.LIMIT, "at a rate limit: resets at 17:00"),
    ("all ask", at_work, beats("waiting", "allow Bash?"), beats("working", ""), dam.PERSON, "waiting on a person: allow Bash?"),
    ("all stopped short", at_work, beats("idle", ""), beats("working", ""), dam.WORKERS, "none of the workers gets on"),
    ("gates red", in_review, hold("the target is red: gate test fails"), hold(""), dam.GATE, "the gates hold shop: the target is red"),
    ("push refused", in_review, hold("origin refuses the push"), hold(""), dam.QUEUE, "the merge queue holds shop: origin refuses"),
]  # fmt: skip


def steps(w: World, seconds: float) -> float | None:
    """Let time pass until there is a dam or none, as it is not now; after how long that was."""
    before = w.town().dam is not None
    passed = 0.0
    while passed < seconds:
        w.clock.advance(STEP_S)
        passed += STEP_S
        if (w.town().dam is not None) != before:
            return passed
    return None


@pytest.mark.parametrize(("name", "work", "fault", "cure", "link", "words"), CASES, ids=[case[0] for case in CASES])
def test_each_broken_link_is_named_within_a_minute_and_retired_within_one(
    name: str, work: Act, fault: Act, cure: Act, link: str, words: str
) -> None:
    w = World()
    work(w)
    assert w.town().dam is None
    fault(w)
    found = w.town().dam
    if found is None:
        took = steps(w, 120)
        assert took is not None and took <= 60.0
        found = w.town().dam
    assert found is not None
    assert (found.link.link, [one.link for one in found.links]) == (link, [link])
    assert words in found.link.words and words in found.words(w.now) and found.link.hint
    cure(w)
    assert w.town().dam is None


def test_the_deepest_cause_is_named_first_and_the_others_are_told_too() -> None:
    w = World()
    queue(w)
    pause(w)
    daemon(DIED)(w)
    both("beads:town", "disk full")(w)
    w.clock.advance(60)
    found = w.town().dam
    assert found is not None and [one.link for one in found.links] == [dam.STORE, dam.DAEMON, dam.PAUSED]


def test_a_broken_link_behind_which_nothing_waits_is_no_dam() -> None:
    w = World()
    for fault in (daemon(DIED), pause, host("no memory"), hold("red")):
        fault(w)
    w.clock.advance(3600)
    assert w.town().dam is None
    w.put("gt-1", at=w.now - 1000)
    # ready, but in no convoy: nobody promised to dispatch it
    assert w.town().dam is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (
            "blocked",
            lambda w: w.put("gt-1", edges=(Edge("gt-3", BLOCKS, "", "", ""),)) or w.put("gt-3", at=w.now - 900),
        ),
        ("assigned", lambda w: w.put("gt-1", OPEN, "alice")),
        ("an epic", lambda w: w.put("gt-1", kind="epic", at=w.now - 900)),
        ("skipped", lambda w: w.put("gt-1", labels=("mountain:skipped",), at=w.now - 900)),
        ("its workers died", lambda w: w.facts.died.update({"gt-1": 3})),
        ("its convoy is staged", lambda w: w.convoy("gt-1", status="staged_ready")),
        ("closed", lambda w: w.put("gt-1", CLOSED, at=w.now - 900)),
    ],
)
def test_what_nobody_may_dispatch_is_not_dammed(name: str, change: Act) -> None:
    w = World()
    w.put("gt-1", at=w.now - 900)
    w.convoy("gt-1")
    change(w)
    daemon(DIED)(w)
    w.clock.advance(600)
    assert w.town().dam is None


def test_work_beside_free_places_without_a_reason_is_said_after_a_while() -> None:
    w = World()
    ready(w)
    w.put("gt-5", CLOSED, at=w.now)
    w.clock.advance(290)
    assert w.town().dam is None
    w.clock.advance(15)
    found = w.town().dam
    assert found is not None and found.link.link == dam.UNKNOWN and "nothing has moved for 5m" in found.link.words
    w.give("gt-1", "opal")
    w.clock.advance(1)
    assert w.town().dam is None


def test_full_places_and_workers_that_get_on_are_no_dam_however_much_waits() -> None:
    w = World()
    at_work(w)
    for number in range(10, 140):
        w.put(f"gt-{number}", at=w.now - 32_000)
    w.convoy("gt-1", "gt-2", *(f"gt-{number}" for number in range(10, 140)))
    for _ in range(20):
        w.clock.advance(60)
        beats("working", "")(w)
        assert w.town().dam is None
    # and with room for one more, 130 beads do wait
    w.facts.thresholds = w.facts.thresholds._replace(places=3)
    w.clock.advance(1)
    found = w.town().dam
    assert found is not None and found.ready == 130 and found.words(w.now).startswith("130 ready beads wait for ")


def test_one_worker_that_waits_is_a_dam_only_if_something_waits_behind_it() -> None:
    w = World(workers=1)
    w.give("gt-1", "opal")
    w.beat("shop/polecats/opal", "waiting", "allow Bash?")
    w.clock.advance(120)
    assert w.town().dam is None
    w.put("gt-2", at=w.now - 100)
    w.convoy("gt-1", "gt-2")
    w.clock.advance(60)
    found = w.town().dam
    assert found is not None and found.link.words == "the only worker waiting on a person: allow Bash?"


def test_a_new_convoy_is_given_its_grace() -> None:
    w = World()
    daemon(DIED)(w)
    w.put("gt-1", at=w.now - 9000)
    w.convoy("gt-1")
    w.clock.advance(55)
    assert w.town().dam is None
    w.clock.advance(6)
    assert w.town().dam is not None


def test_requests_that_the_engine_works_on_are_no_dam() -> None:
    w = World()
    request = w.hand_in("gt-1")
    daemon(DIED)(w)
    w.put(request, IN_PROGRESS, kind="merge-request", labels=(LABEL,))
    w.clock.advance(600)
    assert w.town().dam is None
