"""The theme follows the terminal's background: the answers are read, cut out of the keys, and followed while running."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pytest

from gastown_core.town.install import install_town
from gastown_tui.background import ASK, LEAVE, Backgrounds, understands
from gastown_tui.preferences import Preferences
from tests.support.console import Console
from tests.support.patience import PATIENCE_S

WHITE, BLACK = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\", "\x1b]11;rgb:1e1e/1e1e/1e1e\x07"


@pytest.mark.parametrize(
    ("said", "is_light"),
    [
        (WHITE, True), (BLACK, False), ("\x1b]11;rgb:f/f/f\x07", True), ("\x1b]11;rgba:00/2b/36/ff\x1b\\", False),
        ("\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\", True), ("\x1b[?997;1n", False), ("\x1b[?997;2n", True),
    ],
)  # fmt: skip
def test_an_answer_is_read_and_never_typed_wherever_the_input_is_split(said: str, is_light: bool) -> None:
    for at in range(len(said) + 1):
        found = Backgrounds()
        keys = found.take("j" + said[:at]) + found.take(said[at:] + "k")
        assert found.is_light is is_light, at
        assert keys in ("jk", "j\x1bk"), (at, keys)
        assert keys == "jk" or at == 1, "only an Escape that stood alone goes on as one"


@pytest.mark.parametrize(
    "typed", ["\x1b", "\x1b[A", "\x1b[?2026;2$y", "\x1b[200~]11;x\x1b[201~", "\x1b]x", "abc", "\x1b[<0;3;4M"]
)
def test_keys_and_other_answers_pass(typed: str) -> None:
    found = Backgrounds()
    assert found.take(typed) == typed and found.is_light is None


def test_the_console_of_linux_is_not_asked() -> None:
    assert understands("xterm-256color") and understands("tmux-256color")
    assert not understands("linux") and not understands("")


async def test_auto_follows_and_a_theme_by_name_does_not() -> None:
    app = Console()
    async with app.run_test(size=(80, 24)):
        assert app.look.theme.name == "dark"
        app.background_told(True)
        assert app.look.theme.name == "light" and app.kept.theme == ""
        app.background_told(False)
        assert app.look.theme.name == "dark"
        app.set_theme("high-contrast")
        app.background_told(True)
        assert app.look.theme.name == "high-contrast"
        app.set_theme("auto")
        assert app.look.theme.name == "light"
    for options in ({"preferences": Preferences(theme="dark")}, {"theme": "dark"}, {"environ": {"GT_THEME": "dark"}}):
        app = Console(**options)
        async with app.run_test(size=(80, 24)):
            app.background_told(True)
            assert app.look.theme.name == "dark", options


def test_a_real_terminal_is_asked_followed_and_left_as_it_was(tmp_path) -> None:
    root = str(tmp_path / "gt")
    install_town(root, git=False)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(root)
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "GT_TOWN_ROOT": root}
        code = "from gastown_cli.main import gt; import sys; sys.argv[0] = 'gt'; sys.exit(gt())"
        here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        os.execve(sys.executable, [sys.executable, "-c", code, "feed"], {**env, "PYTHONPATH": here})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = bytearray()

    def until(words: str) -> None:
        limit = time.monotonic() + PATIENCE_S
        while words.encode() not in seen:
            assert time.monotonic() < limit, f"never came: {words!r}\n{bytes(seen[-6000:])!r}"
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    seen.extend(os.read(terminal, 65536))
                except OSError:
                    break
        assert words.encode() in seen, f"never came: {words!r}"

    try:
        until(ASK)
        os.write(terminal, WHITE.encode())
        until("48;2;250;250;250")
        del seen[:]
        os.write(terminal, b"\x1b[?997;1n")
        until("48;2;15;20;25")
        os.write(terminal, b"q")
        until(LEAVE)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
