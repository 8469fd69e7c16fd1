"""A page whose content is read in the background: what the pages of costs, graphs and the wasteland have in common."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from gastown_core.errors import GastownError, words_of
from gastown_tui.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_tui.console import Console
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls

T = TypeVar("T")


class PageView(Generic[T]):
    """One page: a key opens it and leads back to where one was; content older than ``again_s`` is read again.

    One read runs at a time.  The answer to a question that is not asked any more is dropped.
    """

    view = ""
    """The name of the page among the stage's views."""
    subject = ""
    """What is read, for the sentence that it cannot be."""
    again_s = 15.0

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.content: T | None = None
        self.trouble = ""
        self.read_at = 0.0
        """When the content was read, 0 before that."""
        self._came_from = "feed"
        self._visit = 0
        self._is_reading = False

    def fetch(self, is_wanted: Callable[[], bool]) -> T | None:
        """Read the content, in a thread; a long read gives up when ``is_wanted`` says no."""
        raise NotImplementedError

    def draw(self) -> None:
        """Show what is known on the panel."""
        raise NotImplementedError

    def toggle(self) -> None:
        """Open the page, or go back."""
        stage = self.stage
        self._visit += 1
        if stage.view == self.view:
            stage.view = self._came_from
        else:
            self._came_from, stage.view, self.read_at = stage.view, self.view, 0.0
        self.console.show_all()
        stage.panel.focus()
        self.console.inspect()
        self.console.lay_out()

    def ask_anew(self) -> None:
        """Show the page for another question: what is known answers the old one."""
        self._visit += 1
        self.content, self.trouble, self.read_at = None, "", 0.0
        self.show()

    def show(self) -> None:
        """Show the page; read its content again if it is old."""
        if self.console.now - self.read_at >= self.again_s and not self._is_reading:
            self._is_reading = True
            self.console.start(self._read(self._visit), self.view)
        self.draw()

    async def _read(self, visit: int) -> None:
        content, trouble = None, ""
        try:
            content = await asyncio.to_thread(self.fetch, lambda: visit == self._visit)
        except (GastownError, OSError) as error:
            trouble = f"{self.subject} cannot be read: {clean(words_of(error))}"
        except Exception as error:  # noqa: BLE001  the page shows it, and the fault log has the traceback
            self.console.fault(self.view, error)
            trouble = f"{self.subject} cannot be read: {clean(str(error)) or type(error).__name__}"
        finally:
            self._is_reading = False
        if visit == self._visit:
            self.read_at, self.trouble = self.console.now, trouble
            if not trouble:
                self.content = content
        if self.stage.view == self.view:
            self.show()
