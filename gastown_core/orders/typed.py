"""Which order a typed ``gt`` command is: the table of orders is the list of what may be run from a line of text."""

from __future__ import annotations

import shlex

from gastown_core.errors import UsageError
from gastown_core.model.order import Order
from gastown_core.model.record import Record
from gastown_core.orders.registry import ORDERS, TARGET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gastown_core.orders.registry import OrderKind


class _Form(Record):
    """A command's words: those in order, its options with the argument that each takes, and flags without one."""

    words: tuple[str, ...]
    options: dict[str, str]
    flags: frozenset[str]


def order_of(line: str) -> Order | None:
    """Return the order that a command line means, with the arguments it names; None if no order is written like that.

    Arguments may be missing: whoever performs it asks for them.  Raises UsageError for an open quote.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"cannot read {line!r}", str(error)) from None
    words = words[1:] if words[:1] in (["gt"], ["gastown"]) else words
    found = [told for kind in ORDERS if kind.words and (told := _as(kind, words)) is not None]
    return max(found, key=lambda one: one[0])[1] if found else None


def _is_place(word: str) -> bool:
    return word.startswith("{") and word.endswith("}")


def _form(kind: OrderKind) -> _Form:
    plain = [part for word in kind.words for part in (word if isinstance(word, tuple) else (word,))]
    words: list[str] = []
    options: dict[str, str] = {}
    flags = {"--"}
    for word, after in zip(plain, [*plain[1:], ""], strict=True):
        if word.startswith("-"):
            if word != "--" and _is_place(after):
                options[word] = after[1:-1]
            else:
                flags.add(word)
        elif word[1:-1] not in options.values() or not _is_place(word):
            words.append(word)
    return _Form(tuple(words), options, frozenset(flags))


def _as(kind: OrderKind, typed: Sequence[str]) -> tuple[int, Order] | None:
    """Return the typed words as an order of this kind and how well they fit, None if they are another command."""
    form = _form(kind)
    given: list[str] = []
    told: dict[str, str] = {}
    rest = list(typed)
    is_text = False
    while rest:
        word = rest.pop(0)
        if not is_text and word in form.options and rest:
            told[form.options[word]] = rest.pop(0)
        elif not is_text and word in form.flags:
            is_text = word == "--"
        elif not is_text and word.startswith("-"):
            return None
        else:
            given.append(word)
    literals = sum(not _is_place(word) for word in form.words)
    if len(given) > len(form.words) and form.words and _is_place(form.words[-1]):
        given[len(form.words) - 1 :] = [" ".join(given[len(form.words) - 1 :])]
    if len(given) > len(form.words) or len(given) < literals:
        return None
    for word, one in zip(form.words, given, strict=False):
        if not _is_place(word) and word != one:
            return None
        if _is_place(word):
            told[word[1:-1]] = one
    if any(not _is_place(word) for word in form.words[len(given) :]):
        return None
    target = told.pop(TARGET[1:-1], "")
    unused = sum(name not in told and name != TARGET[1:-1] for name in form.options.values())
    unused += TARGET in kind.words and not target
    return len(given) + len(told) - unused, Order(kind.id, target, told)
