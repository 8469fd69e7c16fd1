"""The console's calls into the core besides the live model: orders, details, lists.  All block; call them in a thread.

One object, so that tests can replace it.  Heavy modules are imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gastown_core.attention.digest import Digest
    from gastown_core.attention.item import Item
    from gastown_core.attention.marks import Mark, Marks
    from gastown_core.beads.query import Excerpt
    from gastown_core.model.convoy import ConvoyView
    from gastown_core.model.order import Order, Receipt
    from gastown_core.model.snapshot import AgentView, RequestView, TownSnapshot
    from gastown_core.orders.act_log import CommandLogEntry
    from gastown_core.orders.mail_room import Message
    from gastown_core.orders.perform import Attachment, Choice
    from gastown_core.orders.task import Task
    from gastown_core.past.hours import Hours
    from gastown_core.past.town import Past
    from gastown_core.state.collect import Account
    from gastown_core.state.detail import BeadDetail, PastRequest, QueueView, UsageDetail, WatchNote, WorkDetail
    from gastown_core.state.diffs import Diff
    from gastown_core.state.spending import Spending
    from gastown_core.state.transcript import Reading
    from gastown_core.wasteland.board import Board


CLIPBOARDS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard", "-in")),
    ("TMUX", ("tmux", "load-buffer", "-w", "-")),
    ("", ("pbcopy",)),
)
"""Variable that says the clipboard is there (empty: none needed) → the command that takes a text for it."""


class CoreCalls:
    """The core for the town at ``root``."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.is_readonly = False
        """Refuse everything that changes the town, whoever asks."""
        self._marks: Marks | None = None

    def marks(self) -> dict[str, Mark]:
        """Return what a person marked in the inbox; the file is read only if it has changed."""
        if self._marks is None:
            from gastown_core.attention.marks import Marks

            self._marks = Marks(self.root)
        return self._marks.now()

    def mark_row(self, act: str, item: Item | None, until: float, now: float) -> None:
        """Snooze, pin or finish a row of the inbox, or undo the last such act. Raises GastownError."""
        from gastown_core.attention import marks

        self._refuse_if_readonly()
        if act == "undo" or item is None:
            marks.undo(self.root)
        elif act == "snooze":
            marks.snooze(self.root, item, until, now)
        elif act == "pin":
            marks.pin(self.root, item, now)
        else:
            marks.done(self.root, item, now)

    def read_rows(self, items: Iterable[Item], now: float) -> int:
        """Mark all rows of the inbox that are only to be read as read; return how many. Raises GastownError."""
        from gastown_core.attention import marks

        self._refuse_if_readonly()
        return marks.read_all(self.root, items, now)

    def _refuse_if_readonly(self) -> None:
        if self.is_readonly:
            from gastown_core.errors import ConflictError

            raise ConflictError("the console is read-only", "it was opened so, or settings/console.toml says so")

    def perform(self, order: Order, notify: Callable[[Receipt], None], task: Task | None = None) -> bool:
        """Perform an order; ``notify`` gets each stage, ``task`` can cancel it. A GastownError becomes a failed receipt."""
        from gastown_core.model.order import Receipt
        from gastown_core.orders.act_log import CONSOLE
        from gastown_core.orders.perform import perform

        if self.is_readonly:
            notify(Receipt(order.kind, order.target, "failed", "the console is read-only", ok=False, final=True))
            return False

        return perform(self.root, order, notify, task=task, face=CONSOLE)

    def fill(self, words: Sequence[str], values: Mapping[str, str]) -> list[str]:
        """Return a person's own command with its values. Raises UsageError for a missing one."""
        from gastown_core.orders.own_command import filled

        return filled(words, values)

    def run_own_attached(self, words: Sequence[str], cwd: str) -> int:
        """Run a person's own command on the terminal; return its exit status. Raises GastownError."""
        from gastown_core.orders.own_command import run_own_attached

        self._refuse_if_readonly()
        return run_own_attached(self.root, words, cwd=cwd)

    def run_own(self, words: Sequence[str], cwd: str, task: Task | None = None) -> str:
        """Run a person's own command and return its output; ``task`` can cancel it. Raises GastownError."""
        from gastown_core.orders.own_command import run_own

        self._refuse_if_readonly()
        return run_own(self.root, words, cwd=cwd, task=task)

    def preview(self, order: Order) -> list[str]:
        """Return what an order would do and lose, one line each. Raises GastownError."""
        from gastown_core.orders.perform import preview_of

        return preview_of(self.root, order)

    def choices(self, order: Order) -> list[Choice]:
        """Return the possible values of the argument that an order asks for. Raises GastownError."""
        from gastown_core.orders.perform import choices_of

        return choices_of(self.root, order)

    def command_log(self) -> list[CommandLogEntry]:
        """Return the commands that the console ran, oldest first."""
        from gastown_core.orders.act_log import command_log

        return list(command_log)

    def attachment(self, agent: AgentView) -> Attachment:
        """Return how to attach to an agent's session."""
        from gastown_core.orders.perform import attachment

        return attachment(self.root, agent)

    def page(self, path: str) -> int:
        """Show a file in the operator's pager; return the pager's exit status. Raises GastownError."""
        import os
        import shlex

        return self.run_attached([*shlex.split(os.environ.get("PAGER") or "less -R"), path])

    def edit(self, text: str) -> str:
        """Open a text in the person's editor on the terminal; return what was saved.

        Raises GastownError without an editor, or if it cannot start or fails.
        """
        import os
        import shlex
        import tempfile

        from gastown_core.errors import GastownError

        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
        if not editor:
            raise GastownError("no editor is set", "VISUAL or EDITOR names one")
        with tempfile.TemporaryDirectory(prefix="gt-") as folder:
            path = os.path.join(folder, "text.md")
            with open(path, "w", encoding="utf-8") as handle:
                handle.write(text)
            code = self.run_attached([*shlex.split(editor), path])
            if code:
                raise GastownError(f"{editor} ended with status {code}", "the text is as it was")
            with open(path, encoding="utf-8", errors="replace") as handle:
                return handle.read()

    def copy(self, text: str) -> str:
        """Give a text to the system's clipboard; return the tool that took it, empty without one. Raises GastownError."""
        import os
        import shutil

        from gastown_core.process import run

        for variable, argv in CLIPBOARDS:
            if (not variable or os.environ.get(variable)) and shutil.which(argv[0]):
                done = run(argv, stdin=text.encode("utf-8", "replace"), timeout_s=5.0, starts_servers=True)
                if done.code == 0:
                    return argv[0]
        return ""

    def run_attached(self, argv: Sequence[str]) -> int:
        """Run a command on the terminal; return its exit status. Raises GastownError if it cannot start."""
        from gastown_core.process import run_on_terminal

        return run_on_terminal(argv)

    def work_detail(self, agent: AgentView) -> WorkDetail:
        """Return an agent's bead and worktree. Raises GastownError."""
        from gastown_core.state.detail import work_detail

        return work_detail(self.root, agent)

    def watch_note(self, now: float) -> WatchNote | None:
        """Return the daemon's account of itself, None if none runs. Raises GastownError."""
        from gastown_core.state.detail import watch_note

        return watch_note(self.root, now)

    def queue_of(self, agent: AgentView) -> QueueView:
        """Return the nudges that wait for an agent or were not delivered."""
        from gastown_core.state.detail import queue_of

        return queue_of(self.root, agent)

    def convoy_why(self, convoy: ConvoyView, snapshot: TownSnapshot) -> tuple[Account, ...]:
        """Return the scheduler's account of each member that is not done. Raises GastownError."""
        from gastown_core.state.collect import accounts_of

        return accounts_of(self.root, snapshot, [member.bead_id for member in convoy.members])

    def bead_detail(self, bead_id: str) -> BeadDetail | None:
        """Return a bead in full, None if there is none with that id. Raises GastownError."""
        from gastown_core.state.detail import bead_detail

        return bead_detail(self.root, bead_id)

    def usage_detail(self, *, agent: str = "", beads: Sequence[str] = ()) -> UsageDetail:
        """Return what an agent used, or what was used on beads. Raises GastownError."""
        from gastown_core.state.detail import usage_detail

        return usage_detail(self.root, agent=agent, beads=beads)

    def agent_transcript(self, agent: AgentView) -> Reading:
        """Return the newest entries of an agent's transcript. Raises GastownError."""
        from gastown_core.state.transcript import agent_transcript

        return agent_transcript(self.root, agent)

    def agent_diff(self, agent: AgentView) -> Diff:
        """Return what an agent's worktree holds beyond its target branch. Raises GastownError."""
        from gastown_core.state.diffs import agent_diff

        return agent_diff(self.root, agent)

    def agent_patch_argv(self, agent: AgentView) -> list[str]:
        """Return the command that shows it in git's pager. Raises GastownError."""
        from gastown_core.state.diffs import agent_patch_argv

        return agent_patch_argv(self.root, agent)

    def request_diff(self, request: RequestView) -> Diff:
        """Return what a merge request's branch holds beyond its target. Raises GastownError."""
        from gastown_core.state.diffs import request_diff

        return request_diff(self.root, request)

    def request_patch_argv(self, request: RequestView) -> list[str]:
        """Return the command that shows it in git's pager. Raises GastownError."""
        from gastown_core.state.diffs import request_patch_argv

        return request_patch_argv(self.root, request)

    def spending(self, by: str, since: float, snapshot: TownSnapshot) -> Spending:
        """Return what landed work has cost since a moment. Raises GastownError, OSError."""
        from gastown_core.state.spending import spending

        return spending(self.root, by, since, snapshot)

    def board(self) -> Board | None:
        """Return the board of the commons, None if the town has joined none. Raises GastownError, OSError."""
        from gastown_core.wasteland.board import board_of

        return board_of(self.root)

    def hours(self, seconds: float, count: int, is_wanted: Callable[[], bool]) -> Hours | None:
        """Return the figures for the graphs, None once they are no longer wanted. Raises GastownError, OSError."""
        from gastown_core.past.hours import hours

        past = self.past(is_wanted)
        try:
            return hours(past, seconds, count, is_wanted) if is_wanted() else None
        finally:
            past.close()

    def past(self, is_wanted: Callable[[], bool]) -> Past:
        """Return the town's past, read whole unless it is no longer wanted. Raises GastownError, OSError."""
        from gastown_core.past.town import Past

        past = Past(self.root)
        past.read(is_wanted)
        return past

    def digest(self, since: float, snapshot: TownSnapshot, now: float) -> Digest:
        """Return what happened since a moment. Raises GastownError."""
        from gastown_core.attention.digest import read_digest

        return read_digest(self.root, since, snapshot, now)

    def last_look(self) -> float:
        """Return when a person last looked at the town, 0 if never."""
        from gastown_core.attention.digest import last_look

        return last_look(self.root)

    def note_look(self, now: float) -> None:
        """Note that a person looks now."""
        from gastown_core.attention.digest import note_look

        note_look(self.root, now)

    def away_after(self) -> float:
        """Return the seconds without a key after which a person counts as away; 0: never."""
        from gastown_core.attention.digest import away_after

        return away_after(self.root)

    def past_requests(self, rig_path: str, request_ids: Sequence[str]) -> dict[str, PastRequest]:
        """Return the outcome of a finished batch's requests, by id. Raises GastownError."""
        from gastown_core.state.detail import past_requests

        return past_requests(self.root, rig_path, request_ids)

    def ready_beads(self) -> list[tuple[str, Excerpt]]:
        """Return (store, bead) of ready work, most urgent first. Raises GastownError."""
        from gastown_core.state.detail import ready_beads

        return ready_beads(self.root)

    def mail_of(self, reader: str) -> list[Message]:
        """Return the inbox of a mail identity. Raises GastownError."""
        from gastown_core.orders.mail_room import mail_of

        return mail_of(self.root, reader)

    def read_mail(self, message_id: str, reader: str, *, whole_thread: bool = False) -> list[Message]:
        """Return a message with its body, or its whole thread. Raises GastownError."""
        from gastown_core.orders.mail_room import read_mail

        return read_mail(self.root, message_id, reader, whole_thread=whole_thread)

    def mail_text(self, message_id: str) -> list[str]:
        """Return a message's text; it stays unread. Raises GastownError."""
        from gastown_core.orders.mail_room import read_thread

        return [one.body for one in read_thread(self.root, message_id) if one.id == message_id]

    def archive_mail(self, message_id: str, reader: str) -> None:
        """Archive a message. Raises GastownError."""
        from gastown_core.orders.mail_room import archive_mail

        self._refuse_if_readonly()
        archive_mail(self.root, message_id, reader)

    def answer_mail(self, message_id: str, body: str) -> list[str]:
        """Answer a message in the overseer's name; returns what went wrong besides. Raises GastownError."""
        from gastown_core.orders.mail_room import answer_mail

        self._refuse_if_readonly()
        return answer_mail(self.root, message_id, body)
