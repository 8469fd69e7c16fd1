"""The time machine: the moment it is at, moving it, and what it is compared with."""

from __future__ import annotations

import asyncio
import gc

from gastown_core.clock import format_local, read_moment
from gastown_core.errors import GastownError, words_of
from gastown_core.past.difference import difference
from gastown_tui.text import clean
from gastown_tui.widgets.past_panels import PastLook, moment_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gastown_core.past.town import Moment, Past
    from gastown_tui.console import Console
    from gastown_tui.controllers.drawer_controller import DrawerController
    from gastown_tui.controllers.stage import Stage
    from gastown_tui.core_calls import CoreCalls
    from gastown_tui.text import Pieces

EVENTS = 40
"""So many events before the moment are listed."""
MINUTES, HOUR = 600.0, 3600.0


class TimeMachine:
    """Shows the town at a moment of its past; acts on agents and beads do not apply there."""

    def __init__(self, console: Console, calls: CoreCalls, stage: Stage, drawer: DrawerController) -> None:
        self.console = console
        self.calls = calls
        self.stage = stage
        self.drawer = drawer
        self.past: Past | None = None
        self.at = 0.0
        self.other = 0.0
        self.trouble = ""
        self._compared: tuple[float, Moment] | None = None
        self._came_from = "feed"
        self._had_drawer = False
        self._visit = 0

    def actions(self) -> dict[str, Callable[[], str | None]]:
        """The handlers of the view's actions, by action id."""
        return {
            "view.past": self.toggle,
            "past.back": lambda: self.step(-1),
            "past.forward": lambda: self.step(1),
            "past.minutes_back": lambda: self.move(-MINUTES),
            "past.minutes_forward": lambda: self.move(MINUTES),
            "past.hour_back": lambda: self.move(-HOUR),
            "past.hour_forward": lambda: self.move(HOUR),
            "past.go": self.ask_time,
            "past.compare": self.compare,
            "past.fold": self.stage.fold,
        }

    # opening and closing

    def toggle(self) -> str:
        """Open the time machine, or go back to the present."""
        stage = self.stage
        if stage.view == "past":
            self.close()
            return ""
        self._came_from, stage.view = stage.view, "past"
        self._had_drawer = stage.drawer.is_open
        if self._had_drawer:
            self.drawer.show(False)
        self._visit += 1
        self.past, self.trouble, self.at, self.other, self._compared = None, "", self.console.now, 0.0, None
        self.console.start(self._read(self._visit), "past")
        self._enter()
        return ""

    def close(self) -> None:
        """Go back to the view from which the time machine was opened, and let go of the past."""
        self._visit += 1
        if self.past is not None:
            self.past.close()
            self.past = self._compared = None
        self.stage.view = self._came_from
        self._enter()
        if self._had_drawer:
            self.drawer.show(True)

    def _enter(self) -> None:
        self.console.show_all()
        self.stage.panel.focus()
        self.console.inspect()
        self.console.lay_out()

    async def _read(self, visit: int) -> None:
        past, trouble = None, ""
        try:
            past = await asyncio.to_thread(self.calls.past, lambda: visit == self._visit)
        except (GastownError, OSError) as error:
            trouble = f"the past cannot be read: {clean(words_of(error))}"
        except Exception as error:  # noqa: BLE001  the view shows it, and the fault log has the traceback
            self.console.fault("time machine", error)
            trouble = f"the past cannot be read: {clean(str(error)) or type(error).__name__}"
        if visit != self._visit:
            if past is not None:
                past.close()
            return
        self.past, self.trouble = past, trouble
        if past is not None:
            self.at = past.until
            # it stays whole until the view is left: the collector need not walk through it at each step
            gc.freeze()
        self.show()

    # moving

    def step(self, count: int) -> str:
        """Go to the next change, or to the one before; return why not, or an empty string."""
        past = self.past
        if past is None:
            return self.trouble or "the past is still being read"
        return self._go(past.next(self.at, count), count)

    def move(self, seconds: float) -> str:
        """Go some time on or back; return why not, or an empty string."""
        past = self.past
        if past is None:
            return self.trouble or "the past is still being read"
        return self._go(min(past.until, max(past.since, self.at + seconds)), seconds)

    def _go(self, moment: float, way: float) -> str:
        """Show a moment; return why not where the way ends."""
        if moment == self.at:
            return "nothing is known of before" if way < 0 else "this is now"
        self.at = moment
        self.show()
        return ""

    def ask_time(self) -> str:
        """Ask for a time and go there; return why not, or an empty string."""
        if self.past is None:
            return self.trouble or "the past is still being read"
        from gastown_tui.dialogs.prompt import Prompt

        lines: list[Pieces] = [(("A time, a date, or a span back from now: 2h, 7d, 2026-03-02T14:00", "dim"),)]
        self.console.ask(Prompt("Go to a time", lines, does="go"), self._told_time)
        return ""

    def _told_time(self, text: str | None) -> None:
        past = self.past
        if text is None or past is None:
            return
        moment = read_moment(text, self.console.now)
        if moment is None:
            self.console.say(f"{clean(text)} is no time; 2h, 7d or 2026-03-02T14:00")
            return
        if moment < past.since:
            self.console.say(f"nothing is known of before {format_local(past.since)}")
        self.at = min(past.until, max(past.since, moment))
        self.show()

    def compare(self) -> str:
        """Compare with the moment shown from now on, or with the present again; return why not, or an empty string."""
        if self.past is None:
            return self.trouble or "the past is still being read"
        self.other = 0.0 if self.other else self.at
        words = moment_words(self.other, self.console.now) if self.other else "now"
        self.console.say(f"compared with {words}", "dim")
        self.show()
        return ""

    # showing

    def _other(self, past: Past) -> Moment:
        """Return the moment compared with; it stays while the other one moves."""
        at = self.other or past.until
        if self._compared is None or self._compared[0] != at:
            self._compared = (at, past.at(at))
        return self._compared[1]

    def show(self) -> None:
        """Show the town of the moment in all three panels; what cannot be read of it is the last one's error."""
        if self.stage.view == "past":
            self.stage.changes.guard(self._show)

    def _show(self) -> None:
        stage, past, now = self.stage, self.past, self.console.now
        agents, convoys, changes = stage.then_agents, stage.then_convoys, stage.changes
        empty = self.trouble or "Reading the past …"
        if past is None:
            changes.show_look(None, now, empty)
            agents.title_text, convoys.title_text = "Agents", "Convoys"
            return
        other = self._other(past)
        moment = past.at(self.at)
        words = moment_words(self.at, now)
        agents.title_text, convoys.title_text = f"Agents at {words}", f"Convoys at {words}"
        agents.guard(lambda: agents.show(moment.town, self.at))
        convoys.guard(lambda: convoys.show(moment.town, self.at))
        found = difference(moment.town, other.town)
        look = PastLook(
            self.at, past.since, past.until, self.other, found, tuple(past.events(self.at, EVENTS)), moment.unknown
        )
        changes.show_look(look, now, empty)
