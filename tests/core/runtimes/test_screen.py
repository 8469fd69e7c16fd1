import re
from pathlib import Path

import pytest

from gastown_core.runtimes.screen import KINDS, ScreenReading, read_screen

SCREENS = Path(__file__).parents[2] / "data" / "runtime-screens"
RULE = "────────────"

TRUST = ("dialog", "trust this folder?")
NUMBERED_TRUST = (*TRUST, ("1 Yes, I trust this folder", "2 No, exit"), 0)
BARE_TRUST = (*TRUST, ("No, exit", "Yes, I trust this folder"), 0)
READY = ("ready",)
UNKNOWN = ("unknown",)
EMPTY = ("unknown", "its screen is empty")
LIMIT = (
    "limited",
    "API Error: Request rejected (429) · This request would exceed your account's rate limit. Please try again later.",
)
COLOUR = ("dialog", "Which colour?", ("1 Red", "2 Blue", "3 Type something.", "4 Chat about this"), 0)
CODEX_LOGIN = ("login", "log in", ("1 Sign in with ChatGPT", "2 Sign in with Device Code", "3 Sign in another way"), 0)
CODEX_TRUST = (*TRUST, ("1 Trust and continue", "2 Back to Agent Command Center"), 0)
COPILOT_TRUST = (*TRUST, ("1 Yes", "2 Yes, and remember this folder for future sessions", "3 No (Esc)"), 0)
GEMINI_TRUST = (*TRUST, ("1 Trust folder (gm)", "2 Trust parent folder (crew)", "3 Don't trust"), 0)
OPENCODE_CHOICES = ("Allow once", "Allow always", "Reject")
NOT_LOGGED_IN = "401 invalid x-api-key · retrying in"

EXPECTED: dict[str, tuple[object, ...]] = {
    "claude-2.1.197-api-key-dialog": ("dialog", "use this API key?", ("1 Yes", "2 No (recommended)"), 1),
    "claude-2.1.197-busy-queued": ("busy", "Thundering…"),
    "claude-2.1.197-busy": ("busy", "Thundering…"),
    "claude-2.1.197-idle-after": READY,
    "claude-2.1.197-limited": LIMIT,
    "claude-2.1.197-permission-denied": READY,
    "claude-2.1.197-permission": (
        "permission",
        "Bash: npm install left-pad",
        ("1 Yes", "2 Yes, and don’t ask again for: npm install *", "3 No"),
        0,
    ),
    "claude-2.1.332-permission-rows": (
        "permission",
        "Bash: echo one touch /home/op/made-by-mayor",
        (
            "1 Yes",
            "2 Yes, and always allow access to /home/op from this project",
            "3 Yes, and switch to auto mode · auto mode handles these prompts for you",
            "4 No",
        ),
        0,
    ),
    "claude-2.1.197-ready": READY,
    "claude-2.1.197-trust-dialog": NUMBERED_TRUST,
    "codex-0.169.0-first-screen": CODEX_LOGIN,
    "copilot-1.0.102-first-screen": COPILOT_TRUST,
    "gemini-0.61.0-first-screen": (*TRUST, ("1 Trust folder (w3)", "2 Trust parent folder (ca)", "3 Don't trust"), 0),
    "opencode-1.18.33-first-screen": READY,
    "amp-01-first": ("login", "log in"),
    "auggie-01-first": ("login", "log in"),
    "claude-01-first-mayor": UNKNOWN,
    "claude-02-theme-mayor": UNKNOWN,
    "claude-03-seeded-mayor": BARE_TRUST,
    "claude-04-nudge-at-trust": UNKNOWN,
    "claude-05-after-trust": ("dialog", "use this API key?", ("Yes", "No (recommended)"), 1),
    "claude-06-nudge-at-apikey": ("dialog", "accept bypass-permissions mode?", ("No, exit", "Yes, I accept"), 0),
    "claude-07-after-bypass": ("login", "Not logged in · run /login"),
    "claude-08-notloggedin": ("login", "Not logged in · Please run /login"),
    "claude-09-starting": EMPTY,
    "claude-10-ready": READY,
    "claude-11-busy-stream": ("busy", "Razzle-dazzling… (1s · ↓ 8 tokens)"),
    "claude-12-polecat-first": BARE_TRUST,
    "claude-13-askuser": COLOUR,
    "claude-14-careful-first": BARE_TRUST,
    "claude-15-permission": (
        "dialog",
        "We're changing auto mode to no longer charge for classifier requests in Claude Code.",
    ),
    "claude-16-after-notice": READY,
    "claude-18-second-bead": ("busy", "Moseying…"),
    "claude-20-after-busy": READY,
    "claude-21-queued-turn-idle": ("busy", "Accomplishing… (5s · ↓ 39 tokens)"),
    "claude-22-after-nudges": READY,
    "claude-23-ask-after-3min": COLOUR,
    "claude-24-rate429": ("limited", "API error · retrying in 28s · attempt 1/10"),
    "claude-25-over529": ("limited", "529 Overloaded · retrying in 3s · attempt 4/10"),
    "claude-27-interrupted": READY,
    "claude-28-529-final": ("limited", "529 Overloaded · retrying in 7s · attempt 8/10"),
    "claude-29-handoff": READY,
    "claude-30-handoff-inner": READY,
    "claude-31-diesel-esc": ("draft",),
    "claude-32-AUTH401": ("login", f"{NOT_LOGGED_IN} 2s · attempt 3/10"),
    "claude-32-CREDIT400": ("login", f"{NOT_LOGGED_IN} 1s · attempt 4/10"),
    "claude-32-LIMIT429": LIMIT,
    "claude-33-bypass-local": ("busy", "Whirlpooling…"),
    "claude-40-lazy": READY,
    "claude197-01-trust": NUMBERED_TRUST,
    "claude197-02": ("dialog", "use this API key?", ("1 Yes", "2 No (recommended)"), 1),
    "claude197-04": ("busy", "Sprouting… (1s · ↓ 30 tokens)"),
    "codex-01-first": CODEX_LOGIN,
    "codex-02-configured": CODEX_TRUST,
    "codex-03-ready": READY,
    "codex-04-busy": ("busy",),
    "codex-05-after": READY,
    "codex-06-tool": (
        "busy",
        "Working (0s • esc to interrupt) · 1 background terminal running · /ps to view · /stop to close",
    ),
    "codex-07-sling": CODEX_TRUST,
    "codex-08-permission": READY,
    "codex-08-sling2": (
        "dialog",
        "review hooks?",
        ("1 Review hooks", "2 Trust all and continue", "3 Continue without trusting (hooks won't run)"),
        0,
    ),
    "codex-09-work": READY,
    "codex-10-env": READY,
    "codex-11-429": ("limited", "exceeded retry limit, last status: 429 Too Many Requests"),
    "codex-12-permission": UNKNOWN,
    "copilot-01-first": COPILOT_TRUST,
    "copilot-02-configured": COPILOT_TRUST,
    "copilot-03-ready": READY,
    "copilot-04-busy": ("busy",),
    "copilot-05-after": READY,
    "copilot-08-permission": (
        "permission",
        "run a command: touch /home/op/made-by-cp",
        (
            "1 Yes",
            "2 Yes, and don't ask again for `touch` in this repo (/home/op/gt/shop/crew/cp)",
            "3 No, and tell Copilot what to do differently (Esc to stop)",
        ),
        0,
    ),
    "gemini-01-first": GEMINI_TRUST,
    "gemini-02-configured": GEMINI_TRUST,
    "gemini-03-ready": READY,
    "gemini-04-busy": ("draft",),
    "gemini-05-after": READY,
    "gemini-08-permission": READY,
    "gemini-11-429": ("busy", "Thinking... (esc to cancel, 11s)"),
    "gemini-12-hook": ("busy", "Executing Hook: gastown AfterAgent"),
    "omp-01-first": EMPTY,
    "omp-02-first": (
        "login",
        "log in",
        (
            "ChatGPT Plus/Pro (Codex Subscription)",
            "Anthropic (Claude Pro/Max) ● logged in (env)",
            "Z.AI (GLM Coding Plan)",
            "Z.AI (GLM Coding Plan · Sign in)",
            "Kimi Code",
            "OpenRouter",
            "GitHub Copilot",
            "Cursor (Claude, GPT, etc.)",
            "Devin",
            "Antigravity (Gemini 3, Claude, GPT-OSS)",
        ),
        0,
    ),
    "opencode-01-first": EMPTY,
    "opencode-02-configured": EMPTY,
    "opencode-03-ready": EMPTY,
    "opencode-04-blank": EMPTY,
    "opencode-05-ready": READY,
    "opencode-08-permission": ("permission", "Access external directory /home/op", OPENCODE_CHOICES),
    "opencode-09-after-nudge": ("permission", "Shell command: touch /home/op/made-by-oc", OPENCODE_CHOICES),
    "opencode-10-approved-by-nudge": READY,
    "opencode-11-429": (
        "limited",
        "This request would exceed your account's rate limit. Please try again later. [retrying in 13s attempt #4]",
    ),
    "pi-01-first": UNKNOWN,
    "pi-02-configured": READY,
    "omp-03-ready": READY,
    "omp-04-draft": ("draft",),
    "omp-05-busy": ("busy", "Working… ⟦esc⟧"),
    "pi-04-busy": ("busy", "Working..."),
}
"""Screen → kind, detail, choices and cursor; what is left out is as in an empty reading."""

DRAFTS = {
    "claude-31-diesel-esc": "[from overseer] OVER529 test",
    "omp-04-draft": "draft text",
    "gemini-04-busy": "[from overseer] SLOW 9 word\n[from overseer] SLOW 9 word",
}
WAITS = {"claude-24-rate429": 28, "claude-25-over529": 3, "claude-28-529-final": 7, "opencode-11-429": 13}
FILES = {path.stem: path for path in SCREENS.rglob("*-*.txt")}


def lines(name):
    return FILES[name].read_text(encoding="utf-8").split("\n")


def reading_of(name):
    """What is read from a kept screen, with its title where that was kept too."""
    rows = lines(name)
    title = rows.pop(0).removeprefix("title: ") if rows[0].startswith("title: ") else ""
    return read_screen(re.match(r"[a-z]+", name)[0], rows, title)


def test_every_kept_screen_has_an_expectation():
    assert set(FILES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_screens_of_real_runtimes(name):
    kind, detail, options, cursor = (*EXPECTED[name], *("", (), -1)[len(EXPECTED[name]) - 1 :])
    found = reading_of(name)
    assert (found.kind, found.detail, found.options, found.cursor) == (kind, detail, options, cursor)
    assert found.draft == DRAFTS.get(name, "")
    assert found.wait_s == WAITS.get(name, 0)
    assert found.kind not in ("ready", "draft") or found.has_input


@pytest.mark.parametrize("name", EXPECTED)
def test_whoever_reads_it_a_question_is_never_taken_for_a_prompt(name):
    if EXPECTED[name][0] in ("dialog", "permission", "login") and not reading_of(name).has_input:
        for runtime in ("kimi", "claude", "codex", "gemini", "copilot", "opencode", "pi", "cursor", "scripted", "amp"):
            assert read_screen(runtime, lines(name)).kind not in ("ready", "draft", "busy", "limited"), runtime


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("claude-2.1.332-permission-rows", ("Bash command", "touch /home/op/made-by-mayor", "Do you want to proceed?")),
        ("claude-2.1.197-permission", ("npm install left-pad", "Do you want to proceed?")),
        ("claude-03-seeded-mayor", ("/home/op/gt/mayor", "⚠ This folder configures hooks")),
        ("codex-07-sling", ("Folder access", "/home/op/gt/shop/polecats/diesel/shop")),
        ("gemini-01-first", ("Do you trust the files in this folder?",)),
        ("copilot-08-permission", ("touch /home/op/made-by-cp", "Do you want to run this command?")),
        ("opencode-08-permission", ("△ Permission required", "- /home/op/*")),
    ],
)
def test_a_question_is_read_whole(name, rows):
    text = reading_of(name).text
    assert [row for row in rows if row not in text] == []
    assert not re.search("GAS TOWN|Heard|Gemini CLI v", text), "what stands above it is no part of it"


@pytest.mark.parametrize("line", ["╌" * 40, "─" * 40, "-" * 40, "● a step", "│ ╌╌╌╌╌╌╌╌╌╌"])
def test_a_line_inside_a_command_hides_none_of_it(line):
    rows = lines("claude-2.1.332-permission-rows")
    place = rows.index(" │ echo one")
    found = read_screen("claude", [*rows[:place], " │ rm -rf /", f" │ {line}", *rows[place:]])
    assert "rm -rf /" in found.text
    assert found.detail.startswith("Bash: rm -rf /")


def test_a_no_break_space_is_a_space():
    assert read_screen("claude", [RULE, "❯\u00a0", RULE, "  ? for shortcuts"]).kind == "ready"


def test_history_above_does_not_count():
    rows = ["● the docs say: esc to interrupt", *["● more"] * 12, RULE, "❯ ", RULE, "  ? for shortcuts"]
    assert read_screen("claude", rows).kind == "ready"
    rows = [" Do you want to proceed?", " ❯ 1. Yes", "   2. No", *["● later"] * 20, RULE, "❯ ", RULE]
    assert read_screen("claude", rows).kind == "ready"


def test_a_limit_of_an_earlier_turn_is_over():
    answer = ["● Understood."]
    rows = [
        "❯ limit-me",
        "● API Error: Request rejected (429) · rate limit",
        "❯ again",
        *answer,
        RULE,
        "❯ ",
        RULE,
        "  ? for shortcuts",
    ]
    assert read_screen("claude", rows).kind == "ready"
    assert read_screen("claude", rows[:2] + rows[4:]).kind == "limited"


def test_a_limit_that_was_lifted_is_history() -> None:
    end = [RULE, "❯", RULE, "  ? for shortcuts"]
    rows = ["❯ go on", "● API Error: rate limited until 08:56"]
    assert read_screen("scripted", [*rows, "● The limit is over; continuing.", *end]).kind == "ready"
    assert read_screen("scripted", [*rows, *end]).kind == "limited"


def test_an_error_that_ended_the_turn_is_final():
    end = [RULE, "❯", RULE, "  ? for shortcuts"]
    said = "API Error: 400 Your credit balance is too low to access the Anthropic API."
    found = read_screen("claude", ["❯ go on", f"● {said}", "", *end])
    assert (found.kind, found.detail, found.has_input) == ("failed", said, True)
    assert read_screen("claude", ["❯ go on", f"● {said}", "❯ again", "● Done.", *end]).kind == "ready"


@pytest.mark.parametrize("row", ["$ ", "# ", "root@box:~/w1# ", "ana@box ~/gt % ", "bash-5.2$ "])
def test_a_shell_that_waits(row):
    assert read_screen("claude", ["old", row]).kind == "shell"


@pytest.mark.parametrize("rows", [[], ["", "  "], ["compiling 12%"], ["hello"], ["❯ "], ["❯ hello", "● Hi"]])
def test_what_fits_nothing_is_unknown(rows):
    assert read_screen("claude", rows).kind == "unknown"


def test_a_numbered_list_in_an_answer_is_no_dialog():
    rows = ["● Do you want to proceed? Options:", "  1. this", "  2. that", RULE, "❯ ", RULE, "  ? for shortcuts"]
    assert read_screen("claude", rows).kind == "ready"


@pytest.mark.parametrize(
    "rows",
    [
        ["Overwrite it? (y/n)"],
        ["Overwrite it? [Y/n]"],
        ["A notice.", "", "Press any key to continue"],
        ["Pick one", "", "  ❯ red", "    blue"],
        ["Pick one", "", "  > red", "    blue", "", "  Enter to confirm · Esc to cancel"],
    ],
)
@pytest.mark.parametrize("runtime", ["claude", "codex", "gemini", "kimi"])
def test_a_question_that_nobody_described_is_one(runtime, rows):
    assert read_screen(runtime, rows).kind == "dialog"


@pytest.mark.parametrize("cursor", [0, 1, 2])
def test_the_cursor_is_where_the_mark_stands(cursor):
    rows = [f" {'❯' if place == cursor else ' '} {word}" for place, word in enumerate(("one", "two", "three"))]
    found = read_screen("claude", ["Which?", "", *rows, "", " Enter to confirm · Esc to cancel"])
    assert (found.kind, found.detail, found.options, found.cursor) == (
        "dialog",
        "Which?",
        ("one", "two", "three"),
        cursor,
    )


def test_dim_letters_are_a_placeholder_and_others_a_draft():
    footer = ["", "  gpt-5 default · /w"]
    assert read_screen("codex", ["\x1b[1m›\x1b[0m \x1b[2mWhatever you like", *footer]).kind == "ready"
    found = read_screen("codex", ["\x1b[1m›\x1b[0m whatever you like", *footer])
    assert (found.kind, found.draft) == ("draft", "whatever you like")


def test_a_paste_that_is_drawn_dim_is_a_draft():
    found = read_screen("codex", ["\x1b[1m›\x1b[0m \x1b[2m[Pasted Content 2005 chars]", "", "  gpt-5 default · /w"])
    assert (found.kind, found.draft) == ("draft", "[Pasted Content 2005 chars]")


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_of_choices_in_a_row_the_one_on_a_ground_of_its_own_is_marked(chosen):
    words = [
        f"\x1b[48;5;215m \x1b[38;5;232m{word}\x1b[38;5;15m \x1b[48;5;234m" if place == chosen else f" {word} "
        for place, word in enumerate(("Allow once", "Allow always", "Reject"))
    ]
    side = "\x1b[48;5;233m  • OpenCode"
    rows = [
        "\x1b[48;5;232m  \x1b[48;5;233m┃  △ Permission required",
        "\x1b[48;5;232m  \x1b[48;5;233m┃    # Shell command",
        "\x1b[48;5;232m  \x1b[48;5;233m┃  $ touch /w/x",
        f"\x1b[48;5;232m  \x1b[48;5;233m┃\x1b[48;5;234m  {' '.join(words)}{' ' * 40}⇆ select  enter confirm{side}",
    ]
    found = read_screen("opencode", rows)
    assert (found.kind, found.detail, found.cursor) == ("permission", "Shell command: touch /w/x", chosen)


def test_a_shell_mode_of_the_input_row_takes_no_text():
    assert read_screen("claude", [RULE, "! ", RULE, "  ! for bash mode"]).kind == "unknown"


def test_a_draft_in_a_turn_is_told_beside_the_turn():
    rows = ["❯ go", "", "✶ Sublimating… (2s · ↓ 77 tokens)", "", RULE, "❯ half a li", RULE, "  esc to interrupt"]
    assert read_screen("claude", rows) == ScreenReading(
        "busy", "Sublimating… (2s · ↓ 77 tokens)", draft="half a li", has_input=True
    )


def test_kinds_are_closed():
    assert all(kind in KINDS for kind, *_ in EXPECTED.values())


def test_a_step_right_below_a_prompt_of_two_rows_is_no_choice() -> None:
    rows = [
        "❯ [GAS TOWN] polecat opal (rig: shop)",
        "  Work is on your hook. Run `gt hook`, then begin.",
        "● Understood.",
    ]
    assert read_screen("scripted", rows).kind not in ("dialog", "permission")


def test_a_question_that_is_answered_and_stays_is_none_any_more() -> None:
    lines = (SCREENS / "gemini-0.61.0-first-screen.txt").read_text(encoding="utf-8").rstrip().splitlines()
    assert read_screen("gemini", lines).kind == "dialog"
    closing = " Gemini CLI is restarting to apply the trust changes..."
    assert read_screen("gemini", [*lines, "", "", closing]) == ScreenReading("unknown", closing.strip())


def test_an_empty_screen_is_called_empty() -> None:
    assert read_screen("opencode", ["", "   ", ""]) == ScreenReading("unknown", "its screen is empty")
