"""The diff view: whose diff it shows, when it is read again, its pager, and comments on its lines."""

from __future__ import annotations

import asyncio

from gastown_core.errors import GastownError
from gastown_core.model.address import parse_address
from gastown_tui.selection import AGENT, NOTHING, REQUEST, Selection, resolve
from gastown_tui.text import clean
from gastown_tui.widgets.diff_panels import keep_together
from gastown_tui.widgets.rows import pieces_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.snapshot import AgentView
    from gastown_core.state.diffs import Diff
    from gastown_tui.console import Console
    from gastown_tui.controllers.acts import Acts
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.selection import Chosen
    from gastown_tui.text import Pieces
    from gastown_tui.widgets.rows import Rows

AGAIN_S = 15.0
"""The age at which a diff in view is read again: git has to look at the whole worktree."""


class DiffView:
    """Shows the diff of the agent or request that was selected when the view was opened."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage, acts: Acts) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.acts = acts
        self.came_from = "feed"
        self.diff: Diff | None = None
        self.trouble = ""
        self._read_at = 0.0
        self._is_reading = False

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {"view.diff": self.toggle, "diff.comment": self.comment, "diff.pager": self.page}

    @property
    def subject(self) -> Chosen:
        """The agent or request whose diff it is, with its current facts."""
        return self.stage.chosen if self.stage.view == "diff" else NOTHING

    # opening and closing

    def toggle(self) -> str:
        """Open the diff of the selection, or go back; return why not, or an empty string."""
        stage = self.stage
        if stage.view == "diff":
            self.close()
            return ""
        chosen = self._worked_on(stage.chosen)
        if chosen.agent is None and chosen.request is None:
            named = f"nobody has {chosen.bead}, and it is not in the merge queue" if chosen.bead else ""
            return named or "a diff needs an agent, a bead or a merge request"
        self.came_from, stage.view = stage.view, "diff"
        stage.diff_of = chosen
        stage.actives["diff"] = "patch"
        self.diff, self.trouble, self._read_at = None, "", 0.0
        stage.patch.key = stage.files.key = None
        self._enter()
        return ""

    def _worked_on(self, chosen: Chosen) -> Chosen:
        """Return the request or the agent that has the selected bead or made the event; else the selection itself."""
        if chosen.agent is not None or chosen.request is not None:
            return chosen
        snapshot, event = self.console.snapshot, chosen.event
        bead = chosen.bead or (event.bead if event is not None else "")
        for request in snapshot.requests:
            if bead and request.bead_id == bead:
                return resolve(snapshot, Selection(REQUEST, "", request.id))
        for agent in snapshot.agents:
            if bead and agent.work is not None and agent.work.bead_id == bead:
                return resolve(snapshot, Selection(AGENT, "", agent.key))
        return resolve(snapshot, Selection(AGENT, "", event.actor.path)) if event is not None else chosen

    def close(self) -> None:
        """Go back to the view that the diff was opened from."""
        self.stage.view = self.came_from
        self._enter()

    def _enter(self) -> None:
        self.console.show_all()
        self.stage.panel.focus()
        self.console.inspect()
        self.console.lay_out()

    # showing

    def show(self) -> None:
        """Update both panels; read the diff again if it is old."""
        stage, is_there = self.stage, self.subject.kind in (AGENT, REQUEST)
        if is_there and self.console.now - self._read_at >= AGAIN_S and not self._is_reading:
            self._is_reading = True
            self.console.start(self._read(stage.diff_of), "diff")
        empty = self.trouble or ("Reading the diff …" if self.diff is None else "Nothing has changed.")
        if not is_there and self.diff is None:
            empty = "It is gone since: landed, sent back, or removed. Esc goes back."
        # an earlier diff stays in view, and says that it is no longer read
        stage.patch.trouble = self.trouble if self.diff is not None else ""
        stage.files.guard(lambda: stage.files.show_diff(self.diff, empty))
        stage.patch.guard(lambda: stage.patch.show_diff(self.diff, self._title(), empty))

    def moved(self, panel: Rows) -> None:
        """Keep both panels on the same file."""
        keep_together(panel, self.stage.files, self.stage.patch)

    def _title(self) -> Pieces:
        chosen, diff = self.stage.diff_of, self.diff
        if chosen.request is not None:
            name = f"{chosen.request.id} {chosen.request.title}"
        else:
            name = chosen.agent.address.short if chosen.agent is not None else ""
        against = f"  {diff.branch or 'detached'} against {diff.target}" if diff is not None else ""
        if self.subject.kind not in (AGENT, REQUEST):
            against += "  (gone since)"
        return ((clean(name).strip(), "bright"), (clean(against), "dim"))

    async def _read(self, chosen: Chosen) -> None:
        diff, trouble = None, ""
        try:
            if chosen.request is not None:
                diff = await asyncio.to_thread(self.calls.request_diff, chosen.request)
            elif chosen.agent is not None:
                diff = await asyncio.to_thread(self.calls.agent_diff, chosen.agent)
        except GastownError as error:
            trouble = ". ".join(filter(None, (clean(str(error)), clean(error.hint))))
        except Exception as error:  # noqa: BLE001  the view shows it, and the fault log has the traceback
            self.console.fault("diff", error)
            trouble = f"cannot be read: {clean(str(error)) or type(error).__name__}"
        finally:
            self._is_reading = False
        if chosen.key != self.stage.diff_of.key:
            return
        self._read_at, self.trouble = self.console.now, trouble
        if diff is not None and diff != self.diff:
            self.diff = diff
        if self.stage.view == "diff":
            self.show()

    # acts

    def page(self) -> str:
        """Show the diff in git's pager; return why not, or an empty string."""
        chosen = self.subject
        try:
            if chosen.request is not None:
                argv = self.calls.request_patch_argv(chosen.request)
            elif chosen.agent is not None:
                argv = self.calls.agent_patch_argv(chosen.agent)
            else:
                return "what it belonged to is gone"
            with self.console.lend_terminal():
                status = self.calls.run_attached(argv)
        except GastownError as error:
            return str(error)
        if status:
            return f"git ended with status {status}"
        self.console.say("back from the pager", "dim")
        return ""

    def comment(self) -> str:
        """Ask for a comment on the line under the cursor and send it to the agent; return why not, or nothing."""
        line = self.stage.patch.line
        if line is None:
            return "move to a line of the diff first"
        agent = self._worker()
        if agent is None:
            return "nobody is there to comment to: its agent is gone"
        patch = self.stage.patch
        return self.acts.comment(agent, clean(line.place), pieces_of(patch.row_at(patch.cursor))[1:])

    def _worker(self) -> AgentView | None:
        chosen = self.subject
        if chosen.agent is not None or chosen.request is None:
            return chosen.agent
        return self.console.snapshot.agent(parse_address(chosen.request.worker).path)
