"""The bottom of the agent's screen: spinner and input, or a question with choices."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

RULE = "─" * 60
HINTS = "  ? for shortcuts"
BUSY_HINTS = "  esc to interrupt"


def prompt_area(typed: str, busy: str = "") -> tuple[list[str], tuple[int, int]]:
    """Return the lines of the input area with the current activity above it, and the cursor's position."""
    first, _, rest = typed.partition("\n")
    more = f" [+{rest.count(chr(10)) + 1} lines]" if rest else ""
    head = [f"✻ {busy}", ""] if busy else [""]
    lines = [*head, RULE, f"❯ {first[-100:]}{more}", RULE, BUSY_HINTS if busy else HINTS]
    return lines, (len(head) + 1, 2 + len(first[-100:]) + len(more))


def question_area(question: str, options: Sequence[str], chosen: int = 0) -> tuple[list[str], tuple[int, int]]:
    """Return the lines of a question with numbered choices, one of them marked, and the cursor's position."""
    lines = [RULE, f" {question}", ""]
    for number, option in enumerate(options, 1):
        lines.append(f" {'❯' if number == chosen + 1 else ' '} {number}. {option}")
    return [*lines, "", " Enter to confirm · Esc to cancel"], (3 + chosen, 1)


def banner(role: str, where: str) -> str:
    """Return the first lines on the screen."""
    return f"╭─ Gas Town scripted agent ─╮\n│ {role}\n│ {where}\n╰───────────────────────────╯"
