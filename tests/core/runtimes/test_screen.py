from pathlib import Path

import pytest

from gastown_core.runtimes.screen import KINDS, read_screen

SCREENS = Path(__file__).parents[2] / "data" / "runtime-screens"

EXPECTED = {
    "claude-2.1.197-api-key-dialog": ("dialog", "use this API key?", ("1 Yes", "2 No (recommended)")),
    "claude-2.1.197-busy-queued": ("busy", "Thundering…", ()),
    "claude-2.1.197-busy": ("busy", "Thundering…", ()),
    "claude-2.1.197-idle-after": ("ready", "", ()),
    "claude-2.1.197-limited": (
        "limited",
        "API Error: Request rejected (429) · This request would exceed your account's rate limit. "
        "Please try again later.",
        (),
    ),
    "claude-2.1.197-permission-denied": ("ready", "", ()),
    "claude-2.1.197-permission": (
        "permission",
        "Bash: npm install left-pad",
        ("1 Yes", "2 Yes, and don’t ask again for: npm install *", "3 No"),
    ),
    "claude-2.1.197-ready": ("ready", "", ()),
    "claude-2.1.197-trust-dialog": ("dialog", "trust this folder?", ("1 Yes, I trust this folder", "2 No, exit")),
    "codex-0.169.0-first-screen": (
        "dialog",
        "log in",
        ("1 Sign in with ChatGPT", "2 Sign in with Device Code", "3 Sign in another way"),
    ),
    "copilot-1.0.102-first-screen": (
        "dialog",
        "trust this folder?",
        ("1 Yes", "2 Yes, and remember this folder for future sessions", "3 No (Esc)"),
    ),
    "gemini-0.61.0-first-screen": (
        "dialog",
        "trust this folder?",
        ("1 Trust folder (w3)", "2 Trust parent folder (ca)", "3 Don't trust"),
    ),
    "opencode-1.18.33-first-screen": ("ready", "", ()),
}


def lines(name):
    return (SCREENS / f"{name}.txt").read_text(encoding="utf-8").split("\n")


def test_every_kept_screen_has_an_expectation():
    assert {path.stem for path in SCREENS.glob("*-*.txt")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_screens_of_real_runtimes(name):
    assert tuple(read_screen(name.split("-")[0], lines(name))) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name, (kind, *_) in EXPECTED.items() if kind != "ready"])
def test_an_unknown_runtime_is_read_by_what_all_have_in_common(name):
    if name.startswith("claude"):
        assert read_screen("kimi", lines(name)).kind in (EXPECTED[name][0], "dialog", "permission")


def test_a_no_break_space_is_a_space():
    assert read_screen("claude", ["────────────", "❯\u00a0", "────────────", "  ? for shortcuts"]).kind == "ready"


def test_history_above_does_not_count():
    rows = [
        "● the docs say: esc to interrupt",
        *["● more"] * 12,
        "────────────",
        "❯ ",
        "────────────",
        "  ? for shortcuts",
    ]
    assert read_screen("claude", rows).kind == "ready"
    rows = [
        " Do you want to proceed?",
        " ❯ 1. Yes",
        "   2. No",
        *["● later"] * 20,
        "────────────",
        "❯ ",
        "────────────",
    ]
    assert read_screen("claude", rows).kind == "ready"


def test_a_limit_of_an_earlier_turn_is_over():
    rows = [
        "❯ limit-me",
        "● API Error: Request rejected (429) · rate limit",
        "❯ again",
        "● Understood.",
        "────────────",
        "❯ ",
        "────────────",
        "  ? for shortcuts",
    ]
    assert read_screen("claude", rows).kind == "ready"
    assert read_screen("claude", rows[:2] + rows[4:]).kind == "limited"


@pytest.mark.parametrize("row", ["$ ", "# ", "root@box:~/w1# ", "ana@box ~/gt % ", "bash-5.2$ "])
def test_a_shell_that_waits(row):
    assert read_screen("claude", ["old", row]).kind == "shell"


@pytest.mark.parametrize("rows", [[], ["", "  "], ["compiling 12%"], ["hello"]])
def test_what_fits_nothing_is_unknown(rows):
    assert read_screen("claude", rows).kind == "unknown"


def test_a_numbered_list_in_an_answer_is_no_dialog():
    rows = [
        "● Do you want to proceed? Options:",
        "  1. this",
        "  2. that",
        "────────────",
        "❯ ",
        "────────────",
        "  ? for shortcuts",
    ]
    assert read_screen("claude", rows).kind == "ready"


def test_kinds_are_closed():
    assert all(kind in KINDS for kind, *_ in EXPECTED.values())


def test_a_limit_that_was_lifted_is_history() -> None:
    lines = [
        "❯ go on",
        "● API Error: rate limited until 08:56",
        "● The limit is over; continuing.",
        "❯",
        "  ? for shortcuts",
    ]
    assert read_screen("scripted", lines).kind == "ready"
    assert read_screen("scripted", [*lines[:2], *lines[3:]]).kind == "limited"
