"""THE action table: what each key does.

Bindings, the hints in the status bar, the help, the palette and docs/console.md are all made from it.  An action on the
town has the id of its order in ``gastown_core.orders.registry``.  ``keymap`` has the table as a person changed it.
"""

from __future__ import annotations

from gastown_core.model.record import Record


class Action(Record):
    """One row: its id, keys (Textual's names), label, help, help group, and where it applies.

    An action without keys is in the palette only.  ``where`` is ``anywhere``, or the panels it applies in:
    ``agents``, ``convoys``, ``events``, ``problems``, ``inbox``, ``queue``, ``probes``, ``gates``, ``files``, ``patch``, ``drawer``,
    ``then_agents``, ``then_convoys``, ``changes``, ``spending``, ``graph``, ``wanted``; or ``matches``, while a search is on
    in any of them.
    ``hint`` is its rank in the status bar (0: not shown).
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    where: tuple[str, ...] = ("anywhere",)
    hint: int = 0


MOVE, PANELS, FIND, MAIL, CONSOLE = "Move", "Panels", "Find", "Mail", "Console"
ACTS, BUNDLES, QUEUE = "Act on agents and beads", "Act on convoys and the scheduler", "In the merge queue"
INBOX, PAST, COMMONS = "In the inbox", "In the time machine", "In the wasteland"
MATCHES = "matches"
OWN = "Your own commands"
"""Those of settings/console.toml."""
GROUPS = (MOVE, PANELS, FIND, INBOX, QUEUE, COMMONS, PAST, ACTS, BUNDLES, MAIL, OWN, CONSOLE)

_PANELS = ("agents", "convoys", "events", "problems", "inbox", "queue", "probes", "gates", "files", "patch", "drawer")
_PAST = ("then_agents", "then_convoys", "changes")
_ROWS = (*_PANELS, *_PAST, "spending", "graph", "wanted")
_AGENTS = ("agents", "problems", "inbox")
_CONVOYS = ("convoys",)
_QUEUE = ("queue", "probes", "gates")
_INBOX = ("inbox",)
_REQUESTS = ("queue",)
_DIFF = ("files", "patch")
_NUMBERED = tuple(name for name in (*_PANELS, *_PAST) if name != "inbox")
"""Where digits name panels; in the inbox they answer."""
_TABBED = tuple(name for name in _PANELS if name != "inbox")
"""Where digits name the drawer's tabs."""

ACTIONS: tuple[Action, ...] = (
    Action("rows.down", ("j", "down"), "down", "one row down", MOVE, _ROWS),
    Action("rows.up", ("k", "up"), "up", "one row up", MOVE, _ROWS),
    Action("rows.page_down", ("pagedown", "ctrl+f"), "page down", "one page down", MOVE, _ROWS),
    Action("rows.page_up", ("pageup", "ctrl+b", "b"), "page up", "one page up", MOVE, _ROWS),
    Action("rows.half_down", ("ctrl+d",), "half down", "half a page down", MOVE, _ROWS),
    Action("rows.half_up", ("ctrl+u",), "half up", "half a page up", MOVE, _ROWS),
    Action("rows.top", ("g", "home"), "top", "first row; in the events: the newest, and follow it", MOVE, _ROWS),
    Action("rows.bottom", ("G", "end"), "bottom", "last row; in the events: the oldest", MOVE, _ROWS),
    Action("rows.expand", ("l", "right", "o"), "open", "open a rig or a convoy", MOVE, ("agents", "convoys")),
    Action("rows.collapse", ("left",), "fold", "fold a rig or a convoy", MOVE, ("agents", "convoys")),
    Action("panel.agents", ("1",), "agents", "agents; in the merge queue: the queue", PANELS, _NUMBERED),
    Action("panel.convoys", ("2",), "convoys", "convoys; in the merge queue: the batch", PANELS, _NUMBERED),
    Action("panel.events", ("3",), "events", "events; in the merge queue: the gate log", PANELS, _NUMBERED),
    Action("panel.next", ("tab",), "next panel", "next panel, including an open drawer", PANELS),
    Action("panel.previous", ("shift+tab",), "previous panel", "previous panel", PANELS),
    Action("view.problems", ("p",), "problems", "problems view, and back", PANELS, hint=50),
    Action("view.inbox", ("i",), "inbox", "what waits on a person, in every rig; and back", PANELS, hint=52),
    Action("view.queue", ("m",), "merge queue", "the merge queue: probe tree and live gate log; and back", PANELS, hint=45),
    Action("view.diff", ("D",), "diff", "what an agent, bead or request changes; and back", PANELS, hint=42),
    Action("view.past", ("T",), "time machine", "the town at an earlier moment; and back", PANELS),
    Action("view.costs", ("$",), "costs", "what agents, rigs, convoys and days have used, and landed; and back", PANELS),
    Action("view.graph", ("H",), "graphs", "landings, queue, busy agents, tokens and cost over hours; and back", PANELS),
    Action("view.wasteland", ("X",), "wasteland", "the commons: what is wanted, mine, to judge, and reputations; and back", PANELS),
    Action("panel.zoom", ("+",), "zoom", "give the panel, or the drawer in use, the whole screen", PANELS, _ROWS),
    Action("panel.unzoom", ("_",), "unzoom", "all panels again", PANELS, _ROWS),
    Action("panel.wider", (">",), "wider", "move the border between the panels to the right, or down", PANELS, _PANELS),
    Action("panel.narrower", ("<",), "narrower", "move the border between the panels to the left, or up", PANELS, _PANELS),
    Action("agents.arrange", ("=",), "arrange", "group, sort and hide agents, choose columns", PANELS, ("agents",), 33),
    Action("drawer.open", ("enter",), "details", "open the drawer; again: move into it, or fold", PANELS,
           ("agents", "convoys", "events", "problems", "inbox", "queue", "probes", "drawer"), 80),
    Action("drawer.toggle", ("d",), "drawer", "open or close the drawer", PANELS),
    Action("drawer.tab_1", ("4",), "tab 1", "drawer, first tab: preview, landing strip or record", PANELS, _TABBED),
    Action("drawer.tab_2", ("5",), "tab 2", "drawer, second tab: work, or why", PANELS, _TABBED),
    Action("drawer.tab_3", ("6",), "tab 3", "drawer, third tab: why, or events", PANELS, _TABBED),
    Action("drawer.tab_4", ("7",), "tab 4", "drawer, fourth tab: events", PANELS, _TABBED),
    Action("drawer.tab_5", ("8",), "tab 5", "drawer, fifth tab: tokens and cost", PANELS, _TABBED),
    Action("drawer.tab_6", ("9",), "tab 6", "drawer, sixth tab: what the agent said and did", PANELS, _TABBED),
    Action("search.open", ("/",), "search", "search as you type; Enter keeps the matches marked", FIND, _ROWS, 40),
    Action("search.next", ("]",), "next match", "next match", FIND, _ROWS),
    Action("search.previous", ("[",), "previous match", "previous match", FIND, _ROWS),
    Action("filter.open", ("f",), "filter", "show only events of a rig, role, category or type", FIND, hint=35),
    Action("filter.selection", ("E",), "its events", "only the events of the selected agent, bead, convoy or rig", FIND,
           ("agents", "convoys", "events", "problems", "queue")),
    Action("letters.open", ("F",), "letters", "letters over every agent, bead, convoy, request and incident; typing them goes there", FIND, _PANELS),
    Action("copy.open", ("C",), "copy", "copy an id, branch, path, the row or the drawer's page", FIND, _ROWS),
    Action("stream.pause", ("space",), "pause", "pause or resume events", FIND, ("events",), 70),
    Action("gates.follow", ("space",), "hold", "pause or resume the gate log", QUEUE, ("gates",), 70),
    Action("gates.next", ("right", "l"), "next gate", "log of the probe's next gate", QUEUE, ("probes", "gates"), 55),
    Action("gates.previous", ("left",), "previous gate", "log of the previous gate", QUEUE, ("probes", "gates")),
    Action("gates.pager", ("v",), "pager", "the whole gate log in the pager", QUEUE, _QUEUE, 65),
    Action("diff.comment", ("c",), "comment", "send the agent a comment on the line", FIND, ("patch",), 92),
    Action("diff.pager", ("v",), "pager", "the whole diff in git's pager", FIND, _DIFF, 65),
    Action("past.back", ("left",), "earlier", "one change earlier", PAST, _PAST, 95),
    Action("past.forward", ("right",), "later", "one change later", PAST, _PAST, 94),
    Action("past.minutes_back", ("shift+left", "<"), "10m earlier", "ten minutes earlier", PAST, _PAST, 70),
    Action("past.minutes_forward", ("shift+right", ">"), "10m later", "ten minutes later", PAST, _PAST, 69),
    Action("past.hour_back", ("ctrl+left", "{"), "1h earlier", "an hour earlier", PAST, _PAST),
    Action("past.hour_forward", ("ctrl+right", "}"), "1h later", "an hour later", PAST, _PAST),
    Action("past.go", ("w",), "go to", "go to a time, a date, or a span back from now", PAST, _PAST, 92),
    Action("past.compare", ("space",), "compare", "compare with this moment instead of now; again: with now", PAST, _PAST, 91),
    Action("past.fold", ("enter", "o", "l"), "open", "open or fold a rig or a convoy", PAST, ("then_agents", "then_convoys"), 60),
    Action("costs.next", ("right", "l"), "group by", "costs by the next of agent, rig, convoy, day", PANELS, ("spending",), 92),
    Action("costs.previous", ("left",), "group back", "costs by the previous one", PANELS, ("spending",)),
    Action("costs.span", ("space",), "time", "costs of a day, a week, or all that is known", PANELS, ("spending",), 91),
    Action("graph.span", ("space",), "time", "graphs of a day, a week, or six hours", PANELS, ("graph",), 91),
    Action("wanted.next", ("right", "l"), "next page", "wasteland: wanted, mine, to judge, reputation", PANELS, ("wanted",), 92),
    Action("wanted.previous", ("left",), "page back", "the previous one", PANELS, ("wanted",)),
    Action("wanted.filter", ("space",), "status", "wanted items that are open, claimed, in review, completed, withdrawn, or all", PANELS, ("wanted",), 91),
    Action("wanted.narrow", ("=",), "filter", "wanted items of a status, a project, a type or a priority; everything", PANELS, ("wanted",), 90),
    Action("wanted.open", ("enter", "o"), "details", "the item's text and what was handed in, or a reputation's history; again: fold", PANELS, ("wanted",), 93),
    Action("back", ("escape",), "back", "one step back: search, pause, filter, drawer, view", FIND),
    Action("inbox.next", ("J",), "next", "go to the oldest that waits on you, from anywhere; again: the next", INBOX, hint=51),
    Action("inbox.answer", tuple("123456789"), "answer", "answer the question with that choice; marked agents too, if they ask the same",
           INBOX, _INBOX, 95),
    Action("inbox.words", ("W",), "in words", "answer in words of your own: why not, or what no choice says", INBOX, _INBOX, 93),
    Action("inbox.act", ("O",), "act", "what settles the row: take on, retry, restart all, read …", INBOX, ("inbox", "problems"), 94),
    Action("inbox.snooze", ("w",), "snooze", "hide the row for a time, or until it changes", INBOX, _INBOX, 88),
    Action("inbox.done", ("e",), "done", "hide the row until it changes", INBOX, _INBOX, 87),
    Action("inbox.read_all", ("E",), "all read", "hide all that is only to be read; pinned rows stay", INBOX, _INBOX, 85),
    Action("inbox.pin", ("*",), "pin", "pin the row to the top, or unpin it", INBOX, _INBOX, 86),
    Action("inbox.undo", ("U",), "undo", "take back the last snooze, pin or done", INBOX, _INBOX, 84),
    Action("agent.nudge", ("n",), "nudge", "send a message and follow its delivery", ACTS, (*_AGENTS, *_DIFF), 90),
    Action("agent.nudge_marked", ("N",), "nudge marked", "send one message to every marked agent", ACTS, _AGENTS),
    Action("agent.answer", ("y",), "answer", "answer the question on the agent's screen", ACTS, _AGENTS),
    Action("answers.add", ("Y",), "always answer", "answer questions like this by themselves, in this rig, for an hour", ACTS, _AGENTS),
    Action("agent.handoff", ("h",), "handoff", "restart with a note for the next session", ACTS, _AGENTS, 85),
    Action("bead.sling", ("s",), "sling", "assign a ready bead to a rig or an agent", ACTS, hint=60),
    Action("bead.create", ("B",), "new bead", "write down new work; saved as ready, or slung at once", ACTS),
    Action("convoy.create", ("K",), "new convoy", "a convoy of ready beads", BUNDLES),
    Action("agent.attach", ("a",), "attach", "attach to the agent's session; detach to come back", ACTS, (*_AGENTS, *_DIFF), 75),
    Action("agent.restart", ("r",), "restart", "start or replace the agent's session", ACTS, _AGENTS, 30),
    Action("agent.stop", ("x",), "stop", "stop the agent's session; its work stays on the hook", ACTS, _AGENTS),
    Action("hook.unsling", ("u",), "unsling", "unassign: the work goes back to ready", ACTS, _AGENTS),
    Action("hook.rollback", ("z",), "rollback", "roll back the worktree (previewed)", ACTS, _AGENTS),
    Action("polecat.nuke", (), "nuke polecat", "remove a polecat (losses are shown first)", ACTS, _AGENTS),
    Action("convoy.check", ("c",), "close if done", "close the convoy if all its work is done", BUNDLES, _CONVOYS, 62),
    Action("convoy.refresh", ("r",), "repair", "recheck members, release what dead workers hold", BUNDLES, _CONVOYS, 61),
    Action("convoy.launch", (), "launch convoy", "launch a staged convoy and dispatch its first wave", BUNDLES, _CONVOYS),
    Action("convoy.land", (), "land convoy", "land an owned convoy and remove its idle worktrees", BUNDLES, _CONVOYS),
    Action("dog.clear", (), "clear dog", "put a dog's work back to ready and end its session", ACTS, _AGENTS),
    Action("dog.remove", (), "remove dog", "remove a dog that has nothing to do", ACTS, _AGENTS),
    Action("act.undo", ("ctrl+z",), "undo", "take back something you did, here or elsewhere; the list says what cannot be", ACTS),
    Action("town.estop", ("!",), "emergency stop", "stop the whole town at once, with a reason; during a stop: end it", BUNDLES),
    Action("town.thaw", (), "end the stop", "end the town's emergency stop", BUNDLES),
    Action("rig.estop", (), "stop a rig", "stop one rig at once, with a reason", BUNDLES, ("agents",)),
    Action("rig.thaw", (), "end a rig's stop", "end a rig's emergency stop", BUNDLES, ("agents",)),
    Action("rig.add", (), "add rig", "clone a repository into the town as a rig", BUNDLES),
    Action("bead.import", (), "import beads", "read beads from a file into the selected rig's ledger", BUNDLES),
    Action("town.backup", (), "copy ledgers", "copy every ledger that changed to daemon/backups", BUNDLES),
    Action("town.tidy", (), "tidy repositories", "tidy the rigs' repositories", BUNDLES),
    Action("mountain.pause", (), "pause mountain", "pause dispatch for this mountain", BUNDLES, _CONVOYS),
    Action("mountain.resume", (), "resume mountain", "resume dispatch for this mountain", BUNDLES, _CONVOYS),
    Action("bead.release", (), "release bead", "release a claimed bead: open, without an assignee", ACTS, ("convoys", "events", "queue")),
    Action("gate.resolve", (), "open gate", "open a gate that waits for a person", ACTS, ("problems", "inbox", "events")),
    Action("escalation.ack", (), "take on", "take an escalation on: it no longer waits for anybody else", ACTS, ("problems", "inbox", "events")),
    Action("escalation.close", (), "close escalation", "close an escalation with a reason", ACTS, ("problems", "inbox", "events")),
    Action("incident.answer", (), "answer all", "answer the question that all agents of an incident ask", ACTS, ("problems", "inbox")),
    Action("incident.nudge", (), "nudge all", "nudge all agents of an incident", ACTS, ("problems", "inbox")),
    Action("incident.restart", (), "restart all", "restart all agents of an incident, their work saved first", ACTS, ("problems", "inbox")),
    Action("incident.stop", (), "stop all", "end the sessions of all agents of an incident", ACTS, ("problems", "inbox")),
    Action("mq.retry", ("r",), "retry", "clear a request's failure and requeue it", QUEUE, _REQUESTS, 90),
    Action("mq.dequeue", ("u",), "take out of queue", "take a request out of the queue; its work stays in review", QUEUE, _REQUESTS, 75),
    Action("mq.approve", ("a",), "approve", "approve just the commit that a request hands in", QUEUE, _REQUESTS, 82),
    Action("mq.withdraw", (), "withdraw approval", "withdraw the approval of a request: it is not merged without another", QUEUE, _REQUESTS),
    Action("mq.reject", ("x",), "reject", "reject a request with a reason; its bead reopens", QUEUE, _REQUESTS, 85),
    Action("wanted.claim", ("c",), "claim", "claim the item for this town, and make a bead of it in a rig", COMMONS, ("wanted",), 89),
    Action("wanted.unclaim", ("u",), "give back", "give the claim back; the bead rests", COMMONS, ("wanted",)),
    Action("wanted.done", ("e",), "hand in", "hand the item in with evidence", COMMONS, ("wanted",), 87),
    Action("wanted.accept", ("a",), "accept", "accept what was handed in, with a stamp if figures are given", COMMONS, ("wanted",), 88),
    Action("wanted.reject", ("x",), "send back", "send the work back to the town that handed it in", COMMONS, ("wanted",)),
    Action("wanted.stamp", ("*",), "stamp", "say of another town's work how good it is", COMMONS, ("wanted",), 85),
    Action("wasteland.sync", ("y",), "sync", "bring what other towns did, and send what was done here", COMMONS, ("wanted",), 86),
    Action("mq.process", ("P",), "process now", "merge the rig's next batch now", QUEUE, _QUEUE, 80),
    Action("mq.freeze", (), "stop merging", "end the tests that run, and merge nothing until it is thawed", QUEUE, _QUEUE),
    Action("mq.thaw", (), "merge again", "end a freeze of the rig's queue", QUEUE, _QUEUE),
    Action("scheduler.pause", (), "pause scheduler", "pause dispatch of queued slings", BUNDLES),
    Action("scheduler.resume", (), "resume scheduler", "resume dispatch of queued slings", BUNDLES),
    Action("scheduler.cap", (), "cap", "how many polecats may work at once; -1: no limit", BUNDLES),
    Action("mail.open", ("M",), "mail", "mail of the agent: read, reply, archive, thread", MAIL, _AGENTS),
    Action("mail.overseer", ("I",), "your mail", "your own mail, the overseer's", MAIL),
    Action("digest.open", ("A",), "since you looked", "what happened since you last looked", FIND),
    Action("rows.mark_range", ("V",), "mark range", "mark every agent from here to where you go; again or Esc ends it", ACTS, ("agents", "problems")),
    Action("marked.act", ("&",), "act on marked", "one act on all marked agents", ACTS, _AGENTS),
    Action("rows.mark", ("space",), "mark", "mark an agent for N and &", ACTS, _AGENTS),
    Action("matches.next", ("n",), "next match", "while a search is on: next match; Esc or any other act ends that", FIND, ("matches",), 99),
    Action("matches.previous", ("N",), "previous match", "while a search is on: previous match", FIND, ("matches",), 98),
    Action("palette.open", (":",), "commands", "all commands", CONSOLE, hint=25),
    Action("help.open", ("?",), "help", "this page", CONSOLE, hint=100),
    Action("status.open", ("S",), "status", "the daemon's duties and all sources with their ages, and who uses how much", CONSOLE),
    Action("tasks.open", ("Z",), "tasks", "what runs and takes long, how far it is; cancel it", CONSOLE),
    Action("log.open", ("L",), "log", "commands that the console ran", CONSOLE),
    Action("theme.next", ("t",), "theme", "next theme: dark, light, colour-blind, contrast", CONSOLE),
    Action("settings.open", (), "settings", "what settings/console.toml changes, and its mistakes", CONSOLE),
    Action("view.refresh", ("R",), "refresh", "recheck and redraw", CONSOLE),
    Action("quit", ("q", "ctrl+c"), "quit", "quit (agents keep running)", CONSOLE, hint=20),
)  # fmt: skip
OF_REQUESTS = frozenset(one.id for one in ACTIONS if one.where == _REQUESTS)
"""Actions that only act on requests of the merge queue."""

BY_ID = {action.id: action for action in ACTIONS}
READING = ("rows.mark", "rows.mark_range", "inbox.next", "gates.follow", "gates.next", "gates.previous", "gates.pager")
"""Actions of groups that change something, which change nothing themselves."""
FIXED = ("inbox.answer",)
"""Actions whose keys are what they mean: the digits of the choices."""

_SHOWN = {
    "enter": "⏎",
    "escape": "Esc",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "shift+left": "Shift-←",
    "shift+right": "Shift-→",
    "ctrl+left": "Ctrl-←",
    "ctrl+right": "Ctrl-→",
}
_SHOWN_ASCII = {"⏎": "Enter", "↓": "Down", "↑": "Up", "←": "Left", "→": "Right", "Shift-←": "Shift-Left", "Shift-→": "Shift-Right", "Ctrl-←": "Ctrl-Left", "Ctrl-→": "Ctrl-Right"}  # fmt: skip


def key_name(key: str, ascii_only: bool = False) -> str:
    """Return a key's name on the screen: ``Ctrl-D``, ``⏎``."""
    shown = _SHOWN.get(key) or key
    if key.startswith(("ctrl+", "alt+")):
        head, _, rest = key.partition("+")
        shown = f"{head.capitalize()}-{rest.upper()}"
    elif len(key) > 1 and key[0] == "f" and key[1:].isdigit():
        shown = key.upper()
    return _SHOWN_ASCII.get(shown, shown) if ascii_only else shown


def keys_text(action: Action, ascii_only: bool = False) -> str:
    """Return all keys of an action; without keys, its name in the palette."""
    return " ".join(key_name(key, ascii_only) for key in action.keys) or f": {action.label}"


def applies(action: Action, place: str) -> bool:
    """Whether the action applies while ``place`` has the focus; a search that is on hides what its keys mean otherwise."""
    if place == MATCHES:
        return MATCHES in action.where
    return action.where == ("anywhere",) or place in action.where


def changes_something(action: Action) -> bool:
    """Whether an action changes the town, its mail or the inbox, or lends the terminal to what can.

    A read-only console refuses it.
    """
    if action.group in (ACTS, BUNDLES, QUEUE, COMMONS, INBOX, MAIL, OWN):
        return action.id not in READING
    return action.id == "diff.comment"
