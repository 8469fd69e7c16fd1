"""The live preview of an agent's pane in a panel: captured only while visible, and less often while it is quiet."""

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
    from gastown_tui.widgets.rows import Rows

PREVIEW_S = 0.2
QUIET_PREVIEW_S = 1.0
QUIET_AFTER_S = 3.0


class PanePreview:
    """Holds the lines of one agent's pane; ``came`` is called when they change."""

    def __init__(
        self,
        console: Console,
        panel: Rows,
        came: Callable[[], None],
        *,
        is_open: Callable[[], bool],
        shows_pane: Callable[[], bool],
    ) -> None:
        self.console = console
        self.panel = panel
        self._is_open = is_open
        self._shows_pane = shows_pane
        self.agent: AgentView | None = None
        self._came = came
        self._task: asyncio.Task[None] | None = None
        self._pane: list[Pieces] | None = None
        self._pane_of = ""
        self._looked_at = 0.0

    def start(self) -> None:
        """Create the timer, paused until the panel is open."""
        self._timer = self.panel.screen.set_interval(PREVIEW_S, self.look, name="preview", pause=True)

    def laid_out(self) -> None:
        """Run the timer only while the panel is open."""
        if self._is_open():
            self._timer.resume()
        else:
            self._timer.pause()

    def forget(self) -> None:
        """Drop the captured lines: another row is selected."""
        self._pane = None
        self._looked_at = 0.0

    def lines(self, agent: AgentView) -> list[Pieces]:
        """Return the pane's lines, or why there are none."""
        if not agent.pane_id:
            return pages.no_preview(agent, self.console.key_of("agent.restart"))
        if self._pane is None or self._pane_of != agent.key:
            return [(("reading …", "dim"),)]
        return self._pane

    @property
    def is_wanted(self) -> bool:
        """Whether a pane is visible now."""
        agent = self.agent
        return bool(agent and agent.pane_id and self._shows_pane() and self.panel.size.height > 1)

    def look(self) -> None:
        """Capture the pane again, if it is visible and may have changed; called at most five times a second."""
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
            self._pane = [((f"cannot read its screen: {clean(str(error)) or 'no answer'}", "warn"),)]
        except Exception as error:  # noqa: BLE001  nothing else awaits this task
            self.console.fault("preview", error)
            self._pane = [((f"cannot read its screen: {type(error).__name__}: {clean(str(error))}", "error"),)]
        self._pane_of = agent.key
        if self.agent is not None and self.agent.key == agent.key and self._is_open():
            self._came()
