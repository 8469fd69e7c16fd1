"""Man pages, made from the command tables and the topics: one page for each first word, ``gt-convoy(1)``, and for each topic.

``python -m gastown_cli.manual.pages FOLDER`` writes them; the build of the package does the same, and puts them where
``man`` of that environment looks (``share/man``).
"""

from __future__ import annotations

import os
import sys

from gastown_cli.lazy import handlers
from gastown_cli.manual.topics import TOPICS, text_of
from gastown_cli.parser import built
from gastown_core import __version__
from gastown_core.clock import SYSTEM_CLOCK, format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from gastown_cli.lazy import Command, Root
    from gastown_cli.manual.topics import Topic

_EXITS = (
    ("0", "done"),
    ("1", "failure, or a check found something"),
    ("2", "wrong usage"),
    ("3", "partly done: some of several items failed"),
)


def all_pages() -> dict[str, str]:
    """Return file name → text of every page."""
    from gastown_cli.bd import ROOT as BD
    from gastown_cli.gt import ROOT as GT

    pages: dict[str, str] = {}
    for root in (GT, BD):
        pages[f"{root.program}.1"] = _overview(root)
        for head in dict.fromkeys(row.name.split()[0] for row in root.commands):
            pages[f"{root.program}-{head}.1"] = _page(root, head)
    for topic in TOPICS:
        pages[f"gt-{topic.name}.7"] = _topic_page(topic)
    return pages


def write_pages(folder: str) -> list[str]:
    """Write all pages below ``folder/man1`` and ``folder/man7``; return their paths."""
    written = []
    for name, text in all_pages().items():
        place = os.path.join(folder, f"man{name[-1]}")
        os.makedirs(place, exist_ok=True)
        written.append(os.path.join(place, name))
        with open(written[-1], "w", encoding="utf-8") as handle:
            handle.write(text)
    return written


def roff(text: str) -> str:
    """Return text as roff shows it unchanged: no line of it is a request, and hyphens stay hyphens for a search."""
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("`", "\\(ga")
    )
    # a list of alternatives may be broken between them
    text = text.replace("|", "|\\:")
    text = "".join(char if char < "\x7f" else f"\\[u{ord(char):04X}]" for char in text)
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))


def _heading(name: str, section: int, about: str) -> list[str]:
    title = f'.TH "{roff(name.upper())}" {section} "{_built_on()}" "gastown {roff(__version__)}" "Gas Town"'
    return [title, ".SH NAME", f"{roff(name)} \\- {roff(_lower(about))}"]


def _built_on() -> str:
    """Return the day that SOURCE_DATE_EPOCH names, else today, so that a build can be repeated to the byte."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    return format_seconds(float(told) if told.isdigit() else SYSTEM_CLOCK.now())[:10]


def _lower(about: str) -> str:
    """Return the line as ``whatis`` lists it: without a capital, unless its first word is a name."""
    return about[:1].lower() + about[1:] if about[1:2].islower() else about


def _overview(root: Root) -> str:
    lines = _heading(root.program, 1, root.about)
    lines += [".SH SYNOPSIS", f".B {root.program}", "COMMAND [OPTION...] [ARGUMENT...]", ".SH COMMANDS"]
    groups: dict[str, dict[str, Command]] = {}
    for row in root.commands:
        groups.setdefault(row.group, {}).setdefault(row.name, row)
    for group, rows in groups.items():
        lines.append(f".SS {roff(group)}")
        for row in rows.values():
            lines += [".TP", f".B {root.program} {roff(row.name)}", roff(row.help)]
    lines.append(".SH EXIT STATUS")
    for code, about in _EXITS:
        lines += [".TP", f".B {code}", about]
    lines.append(".SH SEE ALSO")
    lines += [f".BR gt\\-{roff(topic.name)} (7){',' * (topic is not TOPICS[-1])}" for topic in TOPICS]
    return "\n".join(lines) + "\n"


def _page(root: Root, head: str) -> str:
    rows = [row for row in root.commands if row.name.split()[0] == head]
    single = next((row for row in rows if row.name == head), None)
    about = single.help if single is not None else ", ".join(row.name.split()[1] for row in rows)
    lines = _heading(f"{root.program}-{head}", 1, about)
    lines.append(".SH SYNOPSIS")
    parsers = [(row, built(f"{root.program} {row.name}", row.help, handlers(row)[0])) for row in rows]
    for number, (_, parser) in enumerate(parsers):
        lines += [".br"] * bool(number) + [roff(_usage(parser))]
    lines.append(".SH DESCRIPTION")
    for row, parser in parsers:
        if len(rows) > 1:
            lines.append(f".SS {root.program} {roff(row.name)}")
        lines.append(roff(row.help) + ".")
        if row.aliases:
            lines += [".br", f"Also: {roff(', '.join(row.aliases))}."]
        for names, told in _arguments(parser):
            lines += [".TP", names, told or "\\&"]
    lines += [".SH SEE ALSO", f".BR {root.program} (1)"]
    return "\n".join(lines) + "\n"


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return the usage as one line."""
    return " ".join(parser.format_usage().removeprefix("usage: ").split())


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Yield each argument that the help lists: its names as roff, and what it means."""
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help == "==SUPPRESS==":
            continue
        about = formatter._expand_help(action) if action.help else ""
        value = formatter._format_args(action, (action.dest if not action.option_strings else action.dest.upper()))
        if action.option_strings:
            names = ", ".join(f"\\fB{roff(name)}\\fR" for name in action.option_strings)
            yield names + (f" \\fI{roff(value)}\\fR" if value else ""), roff(about)
        else:
            yield f"\\fI{roff(value)}\\fR", roff(about)


def _topic_page(topic: Topic) -> str:
    lines = [*_heading(f"gt-{topic.name}", 7, topic.about), ".SH DESCRIPTION"]
    in_code = False
    for line in text_of(topic).split("\n"):
        is_code = line.startswith("    ")
        if is_code != in_code:
            lines.append(".RS\n.nf" if is_code else ".fi\n.RE")
            in_code = is_code
        lines += _topic_line(line)
    lines += [".fi\n.RE"] * in_code
    lines += [".SH SEE ALSO", ".BR gt (1)"]
    # a paragraph begins only between two texts
    around = zip(lines, ["", *lines], [*lines[1:], ""], strict=False)
    kept = [line for line, before, after in around if line != ".PP" or (after[:1] != "." and before[:1] != ".")]
    return "\n".join(kept) + "\n"


def _topic_line(line: str) -> list[str]:
    if line.startswith("## "):
        return [f".SS {roff(line[3:])}"]
    if line.startswith("- "):
        return [".IP \\(bu 2", roff(line[2:])]
    if line.startswith("| "):
        first, *rest = line[2:-2].split(" | ")
        return [".TP", f"\\fB{roff(first)}\\fR", roff("; ".join(filter(None, rest))) or "\\&"]
    if not line:
        return [".PP"]
    return [roff(line.removeprefix("    "))]


def main(words: Sequence[str]) -> int:
    """Write the pages into the folder that is named."""
    if len(words) != 1:
        sys.stderr.write("usage: python -m gastown_cli.manual.pages FOLDER\n")
        return 2
    sys.stdout.write(f"{len(write_pages(words[0]))} pages\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
