"""The live picture of an agent's pane in the drawer: looked at only while it is in view, seldom while it is quiet."""

from __future__ import annotations

import asyncio

from gastown_core.errors import GastownError
from gastown_tui.text import clean, pane_pieces
from gastown_tui.widgets import pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.model.snapshot import AgentView
    from gastown_tui.console import Console
    from gastown_tui.text import Pieces
    from gastown_tui.widgets.drawer import Drawer

PREVIEW_S = 0.2
QUIET_PREVIEW_S = 1.0
QUIET_AFTER_S = 3.0


class PanePreview:
    """Keeps the lines of one agent's pane; ``came`` is called when there are newer ones."""

    def __init__(self, console: Console, drawer: Drawer, came: Callable[[], None]) -> None:
        self.console = console
        self.drawer = drawer
        self.agent: AgentView | None = None
        self._came = came
        self._task: asyncio.Task[None] | None = None
        self._pane: list[Pieces] | None = None
        self._pane_of = ""
        self._looked_at = 0.0

    def start(self) -> None:
        """The ticks, paused until a drawer is open."""
        self._timer = self.drawer.screen.set_interval(PREVIEW_S, self.look, name="preview", pause=True)

    def laid_out(self) -> None:
        """Ticks run only while the drawer is open."""
        if self.drawer.is_open:
            self._timer.resume()
        else:
            self._timer.pause()

    def forget(self) -> None:
        """Something else is selected: what was seen is not its."""
        self._pane = None
        self._looked_at = 0.0

    def lines(self, agent: AgentView) -> list[Pieces]:
        """What is known of the pane, or why there is nothing."""
        if not agent.pane_id:
            return pages.no_preview(agent)
        if self._pane is None or self._pane_of != agent.key:
            return [(("looking …", "dim"),)]
        return self._pane

    @property
    def is_wanted(self) -> bool:
        """Whether a pane is in view now."""
        agent = self.agent
        return bool(agent and agent.pane_id and self.drawer.tab_name == "preview" and self.drawer.size.height > 1)

    def look(self) -> None:
        """Look at the pane again, if it is in view and may have changed; called five times a second at most."""
        agent = self.agent
        if not self.is_wanted or agent is None or (self._task is not None and not self._task.done()):
            return
        loop_now = asyncio.get_running_loop().time()
        quiet = agent.last_output_at is not None and self.console.now - agent.last_output_at > QUIET_AFTER_S
        if quiet and loop_now - self._looked_at < QUIET_PREVIEW_S:
            return
        self._looked_at = loop_now
        self._task = asyncio.get_running_loop().create_task(self._capture(agent))

    async def _capture(self, agent: AgentView) -> None:
        try:
            lines = await self.console.live.capture(agent.pane_id, styled=True)
            while lines and not lines[-1].strip():
                lines.pop()
            self._pane = [pane_pieces(line) for line in lines]
        except (GastownError, TimeoutError) as error:
            self._pane = [((f"its screen cannot be read: {clean(str(error)) or 'no answer'}", "warn"),)]
        except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
            self.console.fault("preview", error)
            self._pane = [((f"its screen cannot be read: {type(error).__name__}: {clean(str(error))}", "error"),)]
        self._pane_of = agent.key
        if self.agent is not None and self.agent.key == agent.key and self.drawer.is_open:
            self._came()
