"""The console over a town in memory, for tests."""

from __future__ import annotations

from contextlib import contextmanager

from gastown_tui.app import FeedApp
from gastown_tui.preferences import Preferences
from tests.support.fake_town import FakeEngine, FakeLive


class Console(FeedApp):
    """The app with its fakes at hand; it writes nothing when it leaves. A fault fails the test that does not expect it."""

    expects_faults = False

    def __init__(self, live: FakeLive | None = None, engine: FakeEngine | None = None, **options) -> None:
        self.fake = live or FakeLive()
        self.hands = engine or FakeEngine()
        options.setdefault("environ", {})
        options.setdefault("preferences", Preferences())
        super().__init__(lambda: self.fake, calls=self.hands, **options)

    @contextmanager
    def suspend(self):
        yield

    def fault(self, where: str, error: Exception) -> None:
        super().fault(where, error)
        if not self.expects_faults and self._exception is None:
            self._exception = error
            self._exception_event.set()

    def keep_picture(self) -> None:
        return None

    def keep_choices(self) -> None:
        return None

    def screen_text(self) -> str:
        """What is on the screen, as plain text."""
        width = self.size.width
        return "\n".join(
            "".join(strip.text for strip in row)[:width] for row in self.screen._compositor.render_strips()
        )
