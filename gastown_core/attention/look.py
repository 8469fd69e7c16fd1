"""The attention list: everything that waits on a person, from one snapshot; pure, without clock, file or process.

One cause gives one row: agents that suffer from the same thing have one together; mail that carries an escalation, the
escalation of a held queue or of a shared question, and a convoy that stands still only for beads that are escalated, or
that wait for such beads, have none of their own; neither has one on whose ready work nobody is, while the dam says so of
the whole town.
"""

from __future__ import annotations

from gastown_core.attention import item as kinds
from gastown_core.attention.count import ordered
from gastown_core.attention.held import behind, held_up
from gastown_core.attention.item import AGENT, BEAD, CONVOY, RIG, TOWN, WANTED, Item, Subject
from gastown_core.attention.merging import SAID_CHARS, approvals, conflicts, queues, tells_of_hold
from gastown_core.model.agent import Health
from gastown_core.model.daemon import DIED, SILENT
from gastown_core.model.dam import DAEMON as DAEMON_LINK
from gastown_core.model.incident import ANSWER, MASS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.incident import Incident
    from gastown_core.model.snapshot import AgentView, EscalationView, GivenUpView, TownSnapshot

_TROUBLES = {
    Health.STOPPED_SHORT: kinds.STOPPED_SHORT,
    Health.GUPP: kinds.SILENT,
    Health.STALLED: kinds.STALLED,
    Health.ZOMBIE: kinds.DEAD,
}
_HELPS = {
    kinds.DEAD: ("agent.restart", "hook.unsling"),
    kinds.STOPPED_SHORT: ("agent.nudge", "agent.handoff", "agent.attach"),
}
_ORDERS = {kinds.ORPHAN: ("bead.sling", "bead.release"), kinds.GIVEN_UP: ("bead.sling",)}
GONE_S = 30.0
"""A daemon may be gone for so long before anybody is told: whatever keeps it running starts it again."""


def attention(town: TownSnapshot) -> tuple[Item, ...]:
    """Return all rows, the most needed first, then the oldest."""
    found = [
        *_incidents(town),
        *_agents(town),
        *_raised(town),
        *_given_up(town),
        *queues(town),
        *_gates(town),
        *approvals(town),
        *conflicts(town),
        *_daemon(town),
        *_work(town),
        *_letters(town),
        *_judgements(town),
    ]
    return ordered(found)


def _is_dam(town: TownSnapshot, one: Incident) -> bool:
    """Whether it is the alarm about the town's work that names this cause: a ledger that nobody can read."""
    why = one.reason.partition(": ")[2]
    return town.dam is not None and bool(why) and any(why in link.words for link in town.dam.links)


def _incidents(town: TownSnapshot) -> Iterator[Item]:
    """A cause that several agents share: one row, with what helps all of them."""
    for one in town.incidents:
        if one.state == Health.UNKNOWN and _is_dam(town, one):
            continue
        agents = [view for name in one.subjects if (view := town.agent(name)) is not None]
        work = [view.work.bead_id for view in agents if view.work is not None]
        holds, convoys = held_up(town, work)
        asked = town.question_of(one)
        helps = town.helps_against(one)
        names = ", ".join(view.address.short for view in agents[:6])
        more = f" and {len(agents) - 6} more" if len(agents) > 6 else ""
        yield Item(
            kinds.INCIDENT if one.state == Health.WAITING else kinds.OUTAGE,
            Subject(kinds.INCIDENT, one.name, f"{len(agents)} agents"),
            (asked.words if asked is not None else "") or one.reason,
            one.since,
            f"{one.cause}@{len(agents)}",
            asked=asked,
            holds=holds,
            convoys=convoys,
            orders=tuple(f"incident.{act}" for act in helps),
            hint=_help_words(one, helps),
            evidence=(f"{names}{more}", one.cause),
            urgency=0 if one.kind == MASS else 1,
        )


def _help_words(one: Incident, helps: tuple[str, ...]) -> str:
    """Return the command that helps against an incident."""
    if not helps:
        return one.advice(helps)
    return f"gt incident act {one.name} {helps[0]}" + (" --choice NUMBER" if helps[0] == ANSWER else "")


def _agents(town: TownSnapshot) -> Iterator[Item]:
    # whose trouble is another's too has its row with the others; who asks a question of his own is answered alone
    told = {
        name
        for one in town.incidents
        for name in one.subjects
        if one.state != Health.WAITING or town.question_of(one) is not None or _has_no_question(town, name)
    }
    for agent in town.agents:
        state = agent.health.state
        if agent.key in told:
            continue
        if state is Health.WAITING:
            yield _waiting(town, agent)
        elif state in _TROUBLES:
            yield _trouble(town, agent, _TROUBLES[state])


def _has_no_question(town: TownSnapshot, name: str) -> bool:
    agent = town.agent(name)
    return agent is not None and agent.asks is None


def _of_agent(town: TownSnapshot, agent: AgentView, kind: str, question: str, stamp: str) -> Item:
    holds, convoys = held_up(town, [agent.work.bead_id] if agent.work is not None else [])
    return Item(
        kind,
        Subject(AGENT, agent.key, agent.address.short),
        question,
        agent.health.since or 0.0,
        stamp,
        rig=agent.address.rig,
        work=agent.work.bead_id if agent.work is not None else "",
        holds=holds,
        convoys=convoys,
        evidence=tuple(reason.text for reason in agent.health.reasons),
    )


def _waiting(town: TownSnapshot, agent: AgentView) -> Item:
    asked = agent.asks
    short = agent.address.short
    if asked is None:
        reason = agent.health.reason or "waits for a person"
        row = _of_agent(town, agent, kinds.ASKS, reason, f"{reason}@{int(agent.health.since or 0)}")
        return row._replace(orders=("agent.attach", "agent.nudge", "agent.handoff"), hint=f"gt attach {short}")
    row = _of_agent(town, agent, asked.kind, asked.words or agent.health.reason, asked.id)
    can_answer = asked.kind != kinds.LOGIN and bool(asked.options) and asked.cursor >= 0
    orders = ("agent.answer", "answers.add", "agent.attach") if can_answer else ("agent.attach",)
    hint = f"gt answer {short} NUMBER --expect {asked.id}" if can_answer else f"gt attach {short}"
    return row._replace(asked=asked, orders=orders, hint=hint)


def _trouble(town: TownSnapshot, agent: AgentView, kind: str) -> Item:
    reason = agent.health.reason
    row = _of_agent(town, agent, kind, reason, f"{kind}@{int(agent.health.since or 0)}")
    orders = _HELPS.get(kind, ("agent.nudge", "agent.handoff", "agent.attach"))
    verb = {kinds.DEAD: "session restart"}.get(kind, "nudge")
    return row._replace(orders=orders, hint=f"gt {verb} {agent.address.short}")


def _raised(town: TownSnapshot) -> Iterator[Item]:
    shared = [one for one in town.incidents if one.state == Health.WAITING]
    dammed = [link.words for link in town.dam.links] if town.dam is not None else []
    for one in town.escalated:
        is_told = any(tells_of_hold(one, queue) for queue in town.refineries) or any(
            one.about in cause.subjects and one.reason.endswith(cause.reason) for cause in shared
        )
        is_told = is_told or (one.about == TOWN and any(one.reason.startswith(words) for words in dammed))
        if not one.is_acked and not is_told:
            yield _escalation(town, one)


def _untold(town: TownSnapshot) -> list[GivenUpView]:
    """Work that could not be merged, of which no escalation tells: it stays blocked whoever closed that."""
    told = {one.about for one in town.escalated}
    return [one for one in town.given_up if one.bead_id not in told]


def _given_up(town: TownSnapshot) -> Iterator[Item]:
    for one in _untold(town):
        why = f"{one.title}: could not be merged as often as is tried, and is blocked"
        hint = f"gt sling {one.bead_id} {one.rig}"
        row = _bead(town, kinds.GIVEN_UP, one.bead_id, why, str(int(one.since)), one.since, hint)
        yield row._replace(urgency=1 if one.priority <= 1 else 2)


def _escalation(town: TownSnapshot, one: EscalationView) -> Item:
    holds, convoys = held_up(town, [one.about, one.bead_id])
    subject = _subject(town, one.about) or Subject(BEAD, one.bead_id, one.bead_id)
    orders: tuple[str, ...] = ("escalation.ack", "escalation.close")
    if town.request(one.about) is not None:
        orders = ("mq.retry", "mq.reject", *orders)
    detail = (one.reason,) if one.reason and one.reason != one.title else ()
    return Item(
        kinds.ESCALATION,
        subject,
        one.title,
        one.since,
        f"P{one.priority}",
        bead=one.bead_id,
        rig=_rig_of(town, one.about),
        holds=holds,
        convoys=convoys,
        orders=orders,
        hint=f"gt escalate ack {one.bead_id}",
        evidence=detail,
        urgency=0 if one.priority == 0 else 1 if one.priority == 1 else 2,
    )


def _subject(town: TownSnapshot, about: str) -> Subject | None:
    """What the name in an escalation stands for, None for the empty one."""
    agent = town.agent(about) if about else None
    if agent is not None:
        return Subject(AGENT, agent.key, agent.address.short)
    if any(rig.name == about for rig in town.rigs):
        return Subject(RIG, about, about)
    if town.convoy(about) is not None:
        return Subject(CONVOY, about, about)
    return Subject(BEAD, about, about) if about else None


def _rig_of(town: TownSnapshot, about: str) -> str:
    head = about.partition("/")[0]
    return next((rig.name for rig in town.rigs if rig.name == head or about.startswith(f"{rig.prefix}-")), "")


def _gates(town: TownSnapshot) -> Iterator[Item]:
    for gate in town.gates:
        holds, convoys = held_up(town, [gate.id])
        yield Item(
            kinds.GATE,
            Subject(BEAD, gate.id, gate.id),
            gate.reason or gate.title,
            gate.since,
            gate.id,
            bead=gate.id,
            rig=_rig_of(town, gate.id),
            work=holds[0] if holds else "",
            holds=holds,
            convoys=convoys,
            orders=("gate.resolve",),
            hint=f"gt gate resolve {gate.id}",
            evidence=(gate.title,) if gate.reason else (),
        )


def _letters(town: TownSnapshot) -> Iterator[Item]:
    for one in town.letters:
        yield Item(
            kinds.MAIL,
            Subject(AGENT if town.agent(one.sender) else BEAD, one.sender or one.id, one.sender or one.id),
            one.subject,
            one.since,
            one.id,
            bead=one.id,
            rig=_rig_of(town, one.sender),
            orders=("mail.overseer",),
            hint=f"gt mail read {one.id}",
            urgency=1 if one.priority <= 1 else 2,
            informs=one.informs,
        )


def _judgements(town: TownSnapshot) -> Iterator[Item]:
    """What other towns handed in for this town's wanted items."""
    for one in town.commons.to_judge if town.commons is not None else ():
        handed = one.handed
        yield Item(
            kinds.JUDGE,
            Subject(WANTED, one.item.id, one.item.id),
            f"{handed.completed_by} handed in {one.item.title[:SAID_CHARS]}",
            one.since,
            handed.id,
            orders=("wanted.accept", "wanted.reject"),
            hint=f"gt wl show {one.item.id}",
            evidence=(f"evidence: {handed.evidence}",),
            urgency=1 if one.item.priority <= 1 else 2,
        )


def _daemon(town: TownSnapshot) -> Iterator[Item]:
    """A daemon that died or hangs, also while no work waits for it; one that was stopped was meant to be."""
    one = town.daemon
    is_told = town.dam is not None and any(link.link == DAEMON_LINK for link in town.dam.links)
    if one.state not in (DIED, SILENT) or is_told or town.taken_at - one.since < GONE_S:
        return
    yield Item(
        kinds.DAEMON,
        Subject(TOWN, town.name, town.name),
        one.words(town.taken_at).partition(";")[0],
        one.since,
        f"{one.state}@{int(one.since)}",
        hint="gt daemon start" if one.state == DIED else "gt daemon restart",
        evidence=("nothing is dispatched or merged, and nobody watches the agents",),
        urgency=0,
    )


def _work(town: TownSnapshot) -> Iterator[Item]:
    if town.dam is not None:
        yield Item(
            kinds.DAM,
            Subject(TOWN, town.name, town.name),
            town.dam.words(town.taken_at),
            town.dam.since,
            town.dam.link.link,
            convoys=tuple(one.id for one in town.stuck(town.taken_at) if not one.standstills),
            hint=town.dam.link.hint,
            evidence=tuple(link.words for link in town.dam.links[1:]),
            urgency=0,
        )
    for notice in town.budgets:
        yield Item(
            kinds.BUDGET,
            Subject(BEAD, notice.bead, notice.bead) if notice.bead else Subject(TOWN, town.name, town.name),
            notice.words(),
            0.0,
            f"{town.usage.day} {notice.unit} {'over' if notice.is_over else 'near'} {notice.limit:g}",
            bead=notice.bead,
            hint=f"gt config set {notice.setting} LIMIT",
            urgency=1 if notice.holds else 2,
        )
    yield from _stuck(town)


def _stuck(town: TownSnapshot) -> Iterator[Item]:
    raised = {one.about for one in town.escalated if not one.is_acked}
    raised |= {one.bead_id for one in _untold(town)}
    raised |= set(behind(town, raised))
    for convoy in town.stuck(town.taken_at):
        halted = {one.bead_id for one in convoy.standstills}
        if not halted and town.dam is not None:
            # nothing moves in the whole town, and its row says why
            continue
        if not halted or halted - raised:
            yield _convoy(town, convoy)
    for convoy in town.convoys:
        for member in convoy.faults:
            why = member.landing.why if member.landing is not None else ""
            yield _bead(town, kinds.LANDING, member.bead_id, why, member.title, 0.0, f"gt convoy show {convoy.id}")
    for one in town.orphans:
        why = f"{one.title}: on the hook of {one.assignee}, which does not exist"
        hint = f"gt sling {one.bead_id} {one.rig}" if one.rig else f"gt unsling {one.bead_id}"
        yield _bead(town, kinds.ORPHAN, one.bead_id, why, one.assignee, one.since, hint)


def _bead(town: TownSnapshot, kind: str, bead_id: str, why: str, stamp: str, since: float, hint: str) -> Item:
    holds, convoys = held_up(town, [bead_id])
    return Item(
        kind,
        Subject(BEAD, bead_id, bead_id),
        why,
        since,
        f"{why} {stamp}",
        bead=bead_id,
        rig=_rig_of(town, bead_id),
        holds=holds,
        convoys=convoys,
        orders=_ORDERS.get(kind, ()),
        hint=hint,
        urgency=2,
    )


def _convoy(town: TownSnapshot, convoy: ConvoyView) -> Item:
    halted = convoy.standstills
    if halted:
        question = f"{convoy.title} cannot finish: {halted[0].bead_id} {halted[0].why}"
        more = tuple(f"{one.bead_id} {one.why}" for one in halted[1:])
    else:
        question, more = f"{convoy.title} stands still: nobody works on what is ready", ()
    return Item(
        kinds.STUCK,
        Subject(CONVOY, convoy.id, convoy.title),
        question,
        convoy.stalled_since or 0.0,
        " ".join(one.bead_id + one.why for one in halted) or "stalled",
        holds=behind(town, [one.bead_id for one in halted]),
        convoys=(convoy.id,),
        orders=("convoy.refresh", "bead.sling"),
        hint=f"gt scheduler explain {halted[0].bead_id}" if halted else f"gt convoy refresh {convoy.id}",
        evidence=more,
        urgency=2,
    )
