"""The attention list from a snapshot: which rows, in which order, and what they hold up."""

from __future__ import annotations

import pytest

from gastown_core.attention.count import calm_words, count_of, oldest_first
from gastown_core.attention.held import held_up
from gastown_core.attention.item import HELP, READ, YOU
from gastown_core.attention.look import attention
from gastown_core.model.agent import Health, Question
from gastown_core.model.convoy import StandstillView
from gastown_core.model.daemon import DaemonView
from gastown_core.model.dam import BrokenLink, DamView
from gastown_core.model.refinery import HELD, SETTINGS, RefineryState
from gastown_core.model.snapshot import (
    EscalationView,
    GateView,
    GivenUpView,
    LetterView,
    OrphanView,
    RefineryView,
    RequestState,
    RequestView,
)
from gastown_core.model.source_status import SourceStatus
from gastown_core.model.usage import BudgetNotice
from gastown_core.orders.registry import BY_ID, disabled_reason
from gastown_core.state.dam import _merging
from gastown_core.state.incidents import find_incidents
from tests.support.fake_town import NOW, agent, convoy, empty_snapshot, snapshot

ASKED = Question("permission", "Bash: npm ci", "Bash command\n npm ci\nProceed?", ("1 Yes", "2 No"), 0, "0123456789ab")


def asker(name: str = "ruby", *, since: float = 60.0, asks: Question | None = ASKED):
    work = (f"gt-{name}", "Cart total", 300, "")
    return agent(f"shop/polecats/{name}", Health.WAITING, since=since, work=work, pane="%1", asks=asks)


def escalated(bead: str = "hq-e1", priority: int = 1, **more: object) -> EscalationView:
    return EscalationView(bead, "rebase refused", priority, NOW - 900, **more)  # type: ignore[arg-type]


def rows(town) -> list[tuple[str, str]]:
    return [(one.kind, one.subject.id) for one in attention(town)]


def test_a_calm_town_has_no_rows() -> None:
    town = snapshot((agent("shop/polecats/opal", Health.WORKING), agent("mayor")), ())
    assert attention(town) == ()
    assert count_of(attention(town)).is_calm


@pytest.mark.parametrize(
    ("town", "kind", "subject"),
    [
        (snapshot((asker(),), ()), "permission", "shop/polecats/ruby"),
        (snapshot((asker(asks=ASKED._replace(kind="login")),), ()), "login", "shop/polecats/ruby"),
        (snapshot((asker(asks=None),), ()), "asks", "shop/polecats/ruby"),
        (snapshot((agent("mayor", Health.STOPPED_SHORT),), ()), "stopped-short", "mayor"),
        (snapshot((agent("mayor", Health.GUPP),), ()), "silent", "mayor"),
        (snapshot((agent("mayor", Health.STALLED),), ()), "stalled", "mayor"),
        (snapshot((agent("mayor", Health.ZOMBIE),), ()), "dead", "mayor"),
        (snapshot((), (), escalated=(escalated(),)), "escalation", "hq-e1"),
        (snapshot((), (), letters=(LetterView("hq-m1", "Which one?", "mayor/", 2, NOW),)), "mail", "mayor/"),
        (snapshot((), (), gates=(GateView("gt-g1", "Gate: ship", "may it ship?", NOW),)), "gate", "gt-g1"),
        (snapshot((), (), budgets=(BudgetNotice("", "tokens", 9, 8, True),)), "budget", "demo"),
        (snapshot((), (), dam=DamView((BrokenLink("daemon", "no daemon", NOW),), NOW, ready=1)), "dam", "demo"),
        (snapshot((), (convoy("hq-cv-1", "Bug fixes", 0, 0, 0, 2, stalled_since=NOW - 9),)), "stuck", "hq-cv-1"),
        (
            snapshot((), (), orphans=(OrphanView("gt-o1", "Lost", "hooked", "shop/x", "shop", 1, NOW),)),
            "orphan",
            "gt-o1",
        ),
        (snapshot((), (), given_up=(GivenUpView("gt-g1", "Lost cause", "shop", 1, NOW),)), "given-up", "gt-g1"),
    ],
)
def test_each_cause_gives_a_row(town, kind: str, subject: str) -> None:
    assert rows(town) == [(kind, subject)]


def test_work_that_was_given_up_has_one_row_and_keeps_it_when_its_escalation_is_closed() -> None:
    lost = GivenUpView("gt-g1", "Lost cause", "shop", 1, NOW)
    halted = convoy("hq-cv-1", "Bug fixes", 0, 0, 0, 2, standstills=(StandstillView("gt-g1", "is blocked"),))
    for raised, kind in (
        ((escalated(about="gt-g1"),), "escalation"),
        ((), "given-up"),
    ):
        [row] = attention(snapshot((), (halted,), given_up=(lost,), escalated=raised))
        assert (row.kind, row.subject.id) == (kind, "gt-g1")
    assert row.hint == "gt sling gt-g1 shop" and row.rig == "shop"


def test_states_that_nobody_has_to_mend_give_no_row() -> None:
    states = (Health.WORKING, Health.IDLE, Health.LIMITED, Health.UNKNOWN)
    town = snapshot(tuple(agent(f"shop/polecats/p{n}", state) for n, state in enumerate(states)), ())
    assert attention(town) == ()


def test_a_question_shows_its_words_and_the_choices_of_the_screen() -> None:
    (row,) = attention(snapshot((asker(),), ()))
    assert (row.question, row.choices, row.stamp) == ("Bash: npm ci", ("1 Yes", "2 No"), ASKED.id)
    assert row.orders[0] == "agent.answer"
    assert row.hint.endswith(f"--expect {ASKED.id}")


@pytest.mark.parametrize("asks", [ASKED._replace(cursor=-1), ASKED._replace(options=()), ASKED._replace(kind="login")])
def test_what_cannot_be_answered_by_a_key_offers_to_attach(asks: Question) -> None:
    (row,) = attention(snapshot((asker(asks=asks),), ()))
    assert row.orders == ("agent.attach",)


def test_every_order_of_a_row_is_in_the_table_of_orders() -> None:
    town = snapshot(
        (asker(), asker("opal", asks=None), *(agent(f"shop/polecats/{s}", s) for s in Health)),
        (convoy("hq-cv-1", "Bug fixes", 0, 0, 0, 2, stalled_since=NOW - 9),),
        escalated=(escalated(), escalated("hq-e2", about="gt-mr001")),
        orphans=(OrphanView("gt-o1", "Lost", "hooked", "shop/x", "shop", 1, NOW),),
        refineries=(RefineryView("shop", "/s", RefineryState("shop", HELD, hold_reason="red")),),
        letters=(LetterView("hq-m1", "Which one?", "mayor/", 2, NOW),),
    )
    named = {order for row in attention(town) for order in row.orders}
    assert named <= {*BY_ID, "mail.overseer"}
    assert "mq.retry" in named


def test_need_comes_first_then_the_longest_wait_and_trouble_last() -> None:
    town = snapshot(
        (agent("mayor", Health.ZOMBIE, since=9000), asker("late", since=10), asker("early", since=500)),
        (),
        letters=(LetterView("hq-m1", "Hello", "mayor/", 2, NOW - 99999),),
        escalated=(escalated("hq-low", 2), escalated("hq-critical", 0)),
    )
    assert [one.bead or one.subject.name for one in attention(town)] == [
        "hq-critical",
        "shop/early",
        "shop/late",
        "hq-low",
        "hq-m1",
        "mayor",
    ]
    count = count_of(attention(town))
    assert (count.you, count.trouble) == (5, 1)
    assert [one.bead or one.subject.name for one in oldest_first(attention(town))][:2] == ["hq-m1", "hq-critical"]


def test_what_only_informs_stands_last_and_counts_nowhere() -> None:
    news = LetterView("hq-m2", "Convoy landed: Bug fixes", "daemon", 2, NOW - 99999, informs=True)
    asks = LetterView("hq-m1", "Which one?", "mayor/", 2, NOW)
    town = snapshot((agent("mayor", Health.ZOMBIE),), (), letters=(news, asks))
    assert [(one.key, one.needs) for one in attention(town)] == [
        ("mail:hq-m1", YOU),
        ("trouble:mayor", HELP),
        ("mail:hq-m2", READ),
    ]
    count = count_of(attention(town))
    assert (count.you, count.trouble, count.to_read, count.oldest) == (1, 1, 1, NOW)
    assert count.words == ["1 needs you", "1 needs help"]
    assert [one.bead for one in oldest_first(attention(town))] == ["hq-m1"]
    calm = attention(snapshot((), (), letters=(news,)))
    assert count_of(calm).is_calm and oldest_first(calm) == () and calm[0].as_json()["needs"] == "reading"


def test_a_daemon_that_died_or_hangs_is_a_row_of_its_own_unless_the_dam_says_so() -> None:
    gone = DaemonView("died", 0, NOW - 60)
    town = snapshot((), (), daemon=gone)
    (row,) = attention(town)
    assert (row.kind, row.needs, row.hint) == ("daemon", YOU, "gt daemon start")
    assert row.question.startswith("the daemon died") and row.since == NOW - 60
    hangs = attention(town._replace(daemon=gone._replace(state="silent", pid=7)))[0]
    assert (hangs.hint, hangs.key) == ("gt daemon restart", row.key) and hangs.stamp != row.stamp
    dam = DamView((BrokenLink("daemon", "the daemon died", NOW),), NOW, ready=1)
    assert rows(town._replace(dam=dam)) == [("dam", "demo")]
    for state in ("stopped", "never", "runs", "late", "fails"):
        assert attention(town._replace(daemon=gone._replace(state=state))) == ()
    # what keeps it running may start it again
    assert attention(town._replace(daemon=gone._replace(since=NOW - 20))) == ()


def test_one_cause_gives_one_row() -> None:
    standing = convoy("hq-cv-1", "Bug fixes", 0, 0, 0, 2)._replace(standstills=(StandstillView("gt-m0000", "died"),))
    held = RefineryView("shop", "/s", RefineryState("shop", HELD, hold_reason="main is red:\n unit"), hold_since=NOW)
    town = snapshot(
        (),
        (standing,),
        escalated=(escalated(about="gt-m0000"), escalated("hq-e2", about="shop", reason="main is red: unit")),
        refineries=(held,),
    )
    assert rows(town) == [("escalation", "gt-m0000"), ("queue", "shop")]
    assert attention(town)[0].convoys == ("hq-cv-1",)
    waits = standing._replace(standstills=(*standing.standstills, StandstillView("gt-m0001", "waits for gt-m0000")))
    chained = town._replace(convoys=(waits,), behind={"gt-m0000": ("gt-m0001",)})
    assert rows(chained) == [("escalation", "gt-m0000"), ("queue", "shop")]
    acked = town._replace(escalated=(escalated(about="gt-m0000", is_acked=True),))
    assert rows(acked) == [("queue", "shop"), ("stuck", "hq-cv-1")], "what is taken on hides nothing else"


def test_the_row_of_a_held_queue_says_what_the_gate_said_and_replaces_its_escalation() -> None:
    held = RefineryView(
        "shop", "/s", RefineryState("shop", HELD, hold_reason="main is red:\n unit failed"), hold_since=NOW
    )
    raised = escalated("hq-e2", about="shop", reason="main is red: unit failed database refused the connection")
    other = escalated("hq-e3", about="shop", reason="the disk is full")
    town = snapshot((), (), escalated=(raised, other), refineries=(held,))
    assert rows(town) == [("escalation", "shop"), ("queue", "shop")]
    found = {one.kind: one for one in attention(town)}
    assert found["escalation"].bead == "hq-e3"
    assert "database refused the connection" in found["queue"].question
    assert found["queue"].stamp == held.state.hold_reason, "what the gate adds does not make it another row"
    assert found["queue"].hint == "gt refinery process shop"
    wrong = held._replace(state=held.state._replace(hold_kind=SETTINGS))
    of_settings = {item.kind: item for item in attention(town._replace(refineries=(wrong,)))}
    assert of_settings["queue"].hint == "gt rig settings show shop", "trying again does not help"


def test_convoys_that_nobody_is_on_are_part_of_the_dam_that_says_why() -> None:
    idle = convoy("hq-cv-1", "Bug fixes", 0, 0, 0, 2, stalled_since=NOW - 9)
    halted = convoy("hq-cv-2", "Other", 0, 0, 0, 2)._replace(standstills=(StandstillView("gt-m0000", "died"),))
    dam = DamView((BrokenLink("daemon", "no daemon", NOW),), NOW, ready=1)
    town = snapshot((), (idle, halted), dam=dam)
    assert rows(town) == [("dam", "demo"), ("stuck", "hq-cv-2")]
    assert attention(town)[0].convoys == ("hq-cv-1",)
    assert ("stuck", "hq-cv-1") in rows(town._replace(dam=None))


def test_a_row_tells_the_beads_and_convoys_behind_it() -> None:
    town = snapshot(
        (asker(),),
        (convoy("hq-cv-1", "Bug fixes", 0, 0, 0, 2), convoy("hq-cv-2", "Other", 0, 0, 0, 0)),
        behind={"gt-ruby": ("gt-a",), "gt-a": ("gt-b", "gt-m0001"), "gt-b": ("gt-a", "gt-ruby")},
    )
    (row,) = attention(town)
    assert row.holds == ("gt-a", "gt-b", "gt-m0001")
    assert row.convoys == ("hq-cv-1",)
    assert held_up(town, [""]) == ((), ())


def test_the_key_of_a_row_outlives_its_question_and_the_stamp_does_not() -> None:
    before, after = (
        attention(snapshot((asker(asks=asks),), ()))[0] for asks in (ASKED, ASKED._replace(kind="dialog", id="f" * 12))
    )
    assert before.key == after.key
    assert before.stamp != after.stamp


def test_an_empty_town_is_calm() -> None:
    assert attention(empty_snapshot()) == ()


def test_an_all_clear_needs_every_source() -> None:
    town = empty_snapshot()
    assert calm_words(town) == "Nobody needs you."
    blind = town._replace(sources=(SourceStatus("beads", 1.0), SourceStatus("events", 1.0, "is a directory")))
    assert "Nobody" not in calm_words(blind) and "events cannot be read" in calm_words(blind)


def shared(*agents, **more):
    """A town whose agents share causes, as the reducer finds them."""
    return snapshot(agents, (), incidents=find_incidents(agents, 3, 30.0), **more)


def limited(name: str):
    return agent(f"shop/polecats/{name}", Health.LIMITED, since=60, reasons=(("5-hour limit reached", "record", 60),))


def asker_of(name: str, asks: Question | None = ASKED):
    said = (("asks: Bash: npm ci", "screen", 60),)
    return asker(name, asks=asks)._replace(health=agent("x", Health.WAITING, since=60, reasons=said).health)


def test_agents_that_suffer_from_one_thing_are_one_row_with_one_act() -> None:
    (row,) = attention(shared(limited("opal"), limited("ruby"), agent("mayor")))
    assert (row.kind, row.subject.name, row.needs) == ("outage", "2 agents", HELP)
    assert row.orders[0] == "incident.stop" and row.hint.endswith(" stop") and "shop/opal, shop/ruby" in row.evidence[0]
    # one alone is no incident, and a limit needs nobody
    assert attention(shared(limited("opal"))) == ()
    dead = [
        agent(f"shop/polecats/p{n}", Health.ZOMBIE, since=60 + n, reasons=(("killed", "process", 60),))
        for n in range(3)
    ]
    assert rows(shared(*dead)) == [("outage", shared(*dead).incidents[0].name)]


def test_a_question_that_all_ask_is_one_row_and_its_escalation_none_besides() -> None:
    raised = escalated(about="shop/polecats/opal", reason="2 agents ask the same: asks: Bash: npm ci")
    town = shared(asker_of("opal"), asker_of("ruby"), escalated=(raised, escalated("hq-e2", about="gt-x")))
    found = attention(town)
    assert [one.kind for one in found] == ["incident", "escalation"] and found[1].bead == "hq-e2"
    assert found[0].asked == ASKED and found[0].orders[0] == "incident.answer" and found[0].needs == YOU
    # literally the same, or each is answered for itself, and nothing answers both
    other = ASKED._replace(options=("1 No", "2 Yes"), id="ba9876543210")
    town = shared(asker_of("opal"), asker_of("ruby", other))
    found = attention(town)
    assert sorted(one.kind for one in found) == ["incident", "permission", "permission"]
    assert next(one for one in found if one.kind == "incident").orders == ("incident.restart",)
    assert disabled_reason(BY_ID["incident.answer"], town, town.incidents[0])
    assert not disabled_reason(BY_ID["incident.restart"], town, town.incidents[0])


def test_helpers_of_one_cause_that_ask_nothing_are_told_once() -> None:
    """Four rows of one broken remote, beside the row for all four, are three too many."""
    town = shared(*(asker_of(name, None) for name in ("opal", "ruby", "onyx", "jade")))
    (row,) = attention(town)
    assert (row.kind, row.subject.name) == ("incident", "4 agents") and "shop/jade" in row.evidence[0]
    # and nobody is told to answer what nobody asks
    assert town.helps_against(town.incidents[0]) == ("restart",) and "answer" not in row.hint


def test_a_ledger_that_cannot_be_read_is_one_row_whoever_else_suffers_from_it() -> None:
    why = "cannot read /town/shop/.beads: is not a regular file"
    unknown = [
        agent(f"shop/polecats/p{n}", Health.UNKNOWN, reasons=((f"its ledger cannot be read: {why}", "ledger", 5),))
        for n in range(3)
    ]
    link = BrokenLink("store", f"the ledger shop cannot be read: {why}", NOW - 700)
    raised = escalated(about="town", reason=f"{link.words}; nothing has moved since, for more than 10m")
    town = shared(*unknown, dam=DamView((link,), NOW - 700), escalated=(raised,))
    assert rows(town) == [("dam", "demo")]
    # without the alarm each is told for itself
    assert rows(town._replace(dam=None)) == [("escalation", "town"), ("outage", town.incidents[0].name)]


def test_a_frozen_queue_is_no_row_and_no_broken_link() -> None:
    frozen, red = (
        RefineryView("shop", "/s", RefineryState("shop", HELD, hold_reason=reason), hold_since=NOW)
        for reason in ("frozen by overseer until gt mq thaw: shared gate", "main is red")
    )
    queued = [RequestView("sh-m1", "shop", "b", "opal", RequestState.QUEUED, "sh-1", NOW)]
    for view, found in ((frozen, []), (red, [("queue", "shop")])):
        town = snapshot((), (), refineries=(view,), requests=tuple(queued))
        assert rows(town) == found
        assert len(list(_merging(town, queued))) == len(found)
