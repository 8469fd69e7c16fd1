"""The table of undoing: for each kind of event, what takes it back, or why nothing does. Pure.

A row works on the event alone, whoever wrote it: the console, ``gt``, ``bd``.  What was changed since is never overwritten:
``later`` names the kinds of events about the same thing that make an act the past, and fields of a bead are set back only
where they are as the act left them.
"""

from __future__ import annotations

from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gastown_core.model.event import TownEvent


class Inverse(Record):
    """How to take an act back: one of the words of a ``gt`` command, fields of a bead, a nudge that waits.

    ``does`` says it for a person.  ``fields`` maps a key to what it was and what the act made of it (None: absent).
    """

    does: str
    words: tuple[str, ...] = ()
    bead: str = ""
    fields: Mapping[str, tuple[object, object]] = {}
    nudge: str = ""
    target: str = ""
    worktree: str = ""
    """The state that the act left its agent's worktree in."""


class Undoing(Record):
    """A row: the way back from an event, or why this one has none (None: ``why_not`` says it), and what makes it the past.

    ``about`` is the key of the payload that names what the event is about, ``until`` the one that says when it ends by itself.
    """

    make: Callable[[TownEvent], Inverse | str | None] | None
    about: str = ""
    later: tuple[str, ...] = ()
    why_not: str = ""
    until: str = ""


_HOOKS = ("sling", "hook", "unhook", "done", "work_released", "complete", "reopen", "delete", "merged")
_REQUESTS = ("mr_retried", "mr_rejected", "mr_dequeued", "merged")
_APPROVALS = ("mr_approved", "mr_unapproved", "mr_rejected", "merged")
_FREEZES = ("queue_frozen", "queue_thawed")
_BEADS = ("create", "update", "complete", "reopen", "delete", "pin")


def _text(event: TownEvent, key: str) -> str:
    value = event.payload.get(key)
    return value if isinstance(value, str) else ""


def _plain(does: str, *words: str) -> Callable[[TownEvent], Inverse | None]:
    """A row whose command has ``{key}`` where the payload's value stands; without the value there is no way back."""

    def make(event: TownEvent) -> Inverse | None:
        filled = [_text(event, word[1:-1]) if word.startswith("{") else word for word in words]
        if not all(filled):
            return None
        said = does
        for word, value in zip(words, filled, strict=True):
            said = said.replace(word, value) if word.startswith("{") else said
        return Inverse(said, tuple(filled))

    return make


def _fields(event: TownEvent) -> Inverse | None:
    changed = event.payload.get("changed")
    if not isinstance(changed, dict) or not changed:
        return None
    pairs = {key: tuple(pair) for key, pair in changed.items() if isinstance(pair, list) and len(pair) == 2}
    if len(pairs) != len(changed):
        return None
    names = ", ".join(sorted(pairs.keys() - _SILENT)) or "its record"
    fields = {key: (pair[0], pair[1]) for key, pair in pairs.items()}
    return Inverse(f"set {names} of {_text(event, 'bead')} back", bead=_text(event, "bead"), fields=fields)


_SILENT = {"closed_at", "closed_by_session", "comment_count", "dependency_count", "dependent_count"}
"""Fields that follow from others: a person does not ask for them by name."""


def _nudge(event: TownEvent) -> Inverse | None:
    name, target = _text(event, "id"), _text(event, "target")
    return Inverse(f"take the nudge to {target} out of its queue", nudge=name, target=target) if name else None


def _rollback(event: TownEvent) -> Inverse | None:
    agent, state = _text(event, "agent"), _text(event, "state")
    words = ("hook", "rollback", "--undo", "--agent", agent)
    does = f"put the worktree of {agent} back as it was before"
    return Inverse(does, words, target=agent, worktree=state) if agent and state else None


def _rig_state(event: TownEvent) -> Inverse | None:
    verb = {("operational", "parked"): "unpark", ("operational", "docked"): "undock",
            ("parked", "operational"): "park", ("docked", "operational"): "dock"}.get(
        (_text(event, "from"), _text(event, "to")))  # fmt: skip
    rig = _text(event, "rig")
    return Inverse(f"{verb} {rig}", ("rig", verb, rig)) if verb and rig else None


def _thaw(event: TownEvent) -> Inverse | None:
    rig = _text(event, "rig")
    return Inverse(f"end the emergency stop of {rig or 'the town'}", ("thaw", *(("--rig", rig) if rig else ())))


_WASTELAND: dict[str, tuple[str, str]] = {
    "claimed": ("give the claim of {item} back", "unclaim"),
    "given back": ("claim {item} again", "claim"),
    "posted": ("withdraw {item}", "close"),
}
"""What was done in a commons → what takes it back, and the command; what other towns may have acted on has no way back."""


def _wasteland(event: TownEvent) -> Inverse | str:
    act, item = _text(event, "act"), _text(event, "item")
    if act not in _WASTELAND or not item:
        return "other towns may have acted on it"
    does, verb = _WASTELAND[act]
    return Inverse(does.format(item=item), ("wl", verb, "--", item))


_NO_ID = "the log does not say how it was before"
_SCHEDULER = ("scheduler_paused", "scheduler_resumed")
_MOUNTAIN = ("mountain_paused", "mountain_resumed", "mountain_cancelled")
_STOPS = ("estop", "thaw")

TABLE: dict[str, Undoing] = {
    "update": Undoing(_fields, "bead", (), _NO_ID),
    "complete": Undoing(_fields, "bead", (), _NO_ID),
    "reopen": Undoing(_fields, "bead", (), _NO_ID),
    "pin": Undoing(_fields, "bead", (), _NO_ID),
    "create": Undoing(None, "bead", (), "bd close or bd delete ends a bead, and asks first"),
    "delete": Undoing(None, "bead", (), "a deleted bead keeps its id, not its text; git has the ledger of before"),
    "sling": Undoing(_plain("take {bead} off the hook of {target}", "unsling", "{bead}", "{target}"), "bead", _HOOKS),
    "hook": Undoing(_plain("take {bead} off the hook of {target}", "unsling", "{bead}", "{target}"), "bead", _HOOKS, _NO_ID),
    "unhook": Undoing(_plain("put {bead} on the hook of {target} again", "hook", "{bead}", "{target}"), "bead", _HOOKS, _NO_ID),
    "scheduler_enqueue": Undoing(
        _plain("take {bead} out of the queue", "scheduler", "clear", "--bead", "{bead}"), "bead",
        (*_HOOKS, "scheduler_dispatch", "scheduler_gave_up")),
    "scheduler_paused": Undoing(_plain("resume the scheduler", "scheduler", "resume"), "", _SCHEDULER),
    "scheduler_resumed": Undoing(_plain("pause the scheduler", "scheduler", "pause"), "", _SCHEDULER),
    "mountain_paused": Undoing(_plain("resume {convoy}", "mountain", "resume", "{convoy}"), "convoy", _MOUNTAIN),
    "mountain_resumed": Undoing(_plain("pause {convoy}", "mountain", "pause", "{convoy}"), "convoy", _MOUNTAIN),
    "rig_state": Undoing(_rig_state, "rig", ("rig_state", "rig_removed"), "only parking and docking have a way back"),
    "estop": Undoing(_thaw, "rig", _STOPS),
    "thaw": Undoing(None, "rig", (), "gt estop stops everything again, if that is wanted"),
    "notify_level": Undoing(
        _plain("set {agent} to {from}", "notify", "{from}", "--agent", "{agent}"), "agent", ("notify_level",)),
    "nudge": Undoing(_nudge, "target", (), "it was typed at once"),
    "hook_rolled_back": Undoing(_rollback, "agent", ("hook_rolled_back",), _NO_ID),
    "mail": Undoing(None, "to", (), "mail has been delivered"),
    "answered": Undoing(None, "target", (), "the agent has gone on with the answer"),
    "handoff": Undoing(None, "", (), "the old session has ended; its note and its work are kept"),
    "kill": Undoing(None, "target", (), "the session has ended; gt session restart starts another on the same work"),
    "polecat_removed": Undoing(None, "polecat", (), "its worktree is gone; unpushed work is under refs/gastown/rescue"),
    "escalation_acked": Undoing(None, "escalation_id", (), "whoever raised it was told"),
    "escalation_closed": Undoing(None, "escalation_id", (), "whoever raised it was told; raise it again with gt escalate"),
    "mr_dequeued": Undoing(_plain("put {mr} back in the queue", "mq", "retry", "{mr}"), "mr", _REQUESTS),
    "mr_approved": Undoing(
        _plain("withdraw the approval of {mr}", "mq", "approve", "{mr}", "--withdraw"), "mr", _APPROVALS),
    "mr_unapproved": Undoing(None, "mr", (), "gt mq approve approves it again"),
    "queue_frozen": Undoing(_plain("let merging in {rig} go on", "mq", "thaw", "{rig}"), "rig", _FREEZES,
                              until="until"),
    "queue_thawed": Undoing(None, "rig", (), "the refinery may have merged; gt mq freeze stops it again"),
    "mr_retried": Undoing(None, "mr", (), "the refinery may have begun; gt mq reject sends it back"),
    "mr_rejected": Undoing(None, "mr", (), "its bead was reopened and its worker told; handed in again, it is a new request"),
    "convoy_launched": Undoing(None, "convoy", (), "its work is being dispatched"),
    "convoy_landed": Undoing(None, "convoy", (), "its worktrees are gone"),
    "wasteland": Undoing(_wasteland, "item", ("wasteland",)),
    "settings_changed": Undoing(None, "key", (), _NO_ID),
}  # fmt: skip
"""Kind of event → how it is undone.  A kind that is not here is no act of a person."""


ORDERS_UNDONE: dict[str, str] = {
    "agent.nudge": "while it waits in the queue; what was typed has been read",
    "hook.unsling": "unhook",
    "bead.sling": "sling",
    "hook.rollback": "hook_rolled_back",
    "mountain.pause": "mountain_paused",
    "mountain.resume": "mountain_resumed",
    "scheduler.pause": "scheduler_paused",
    "scheduler.resume": "scheduler_resumed",
    "agent.answer": "answered",
    "agent.handoff": "handoff",
    "agent.stop": "kill",
    "polecat.nuke": "polecat_removed",
    "escalation.ack": "escalation_acked",
    "escalation.close": "escalation_closed",
    "mq.retry": "mr_retried",
    "mq.reject": "mr_rejected",
    "mq.dequeue": "mr_dequeued",
    "mq.freeze": "queue_frozen",
    "mq.thaw": "queue_thawed",
    "mq.approve": "mr_approved",
    "mq.withdraw": "mr_unapproved",
    "convoy.launch": "convoy_launched",
    "convoy.land": "convoy_landed",
    "wanted.claim": "until you hand it in",
    "wanted.unclaim": "while nobody else claimed it",
}
"""Order → the event that tells it, or in which case it can be undone.  An order that is not here cannot be."""


def undo_words(order: str, key: str = "Ctrl-Z") -> str:
    """Return what a person should know before an order: what undoes it, or that nothing does."""
    found = ORDERS_UNDONE.get(order, "")
    row = TABLE.get(found)
    if row is None:
        return f"{key} undoes it {found}." if found else "It cannot be undone."
    return f"{key} undoes it." if row.make is not None else f"It cannot be undone: {row.why_not}."


def about(event: TownEvent) -> str:
    """Return what an event is about, empty for the town."""
    row = TABLE.get(event.type)
    return _text(event, row.about) if row is not None and row.about else ""


def inverse_of(event: TownEvent) -> Inverse | str:
    """Return how to take an event back, or why that is not possible."""
    row = TABLE.get(event.type)
    if row is None:
        return "it is no act of a person"
    made = row.make(event) if row.make is not None else None
    return made if made is not None else row.why_not or _NO_ID
