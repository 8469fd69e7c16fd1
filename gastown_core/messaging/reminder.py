"""THE wrapper around what a hook gives to an agent: text of others inside it can never end it.

Agents take what stands in ``<system-reminder>`` tags as the word of their own program, so text of others that begins
or ends such a tag has the tag's first character replaced.
"""

from __future__ import annotations

OPENING, CLOSING = "<system-reminder>", "</system-reminder>"
_TAG = r"[<\uff1c\ufe64\u2039\u27e8\u3008](?=[\W_]*system[\W_]*reminder)"


def harmless(text: str) -> str:
    """Return the text with every begin of a reminder's tag, however it is spelt, replaced by ``(``."""
    if "reminder" not in text.lower() and text.isascii():
        return text
    import re
    import unicodedata

    # letters of other widths and invisible ones between them read as the tag too
    plain = unicodedata.normalize("NFKC", text) if not text.isascii() else text
    bare = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    if re.search(_TAG, bare, re.IGNORECASE) is None:
        return text
    return re.sub(_TAG, "(", bare, flags=re.IGNORECASE)


def reminder(text: str) -> str:
    """Return the text in the wrapper; empty text stays empty."""
    return f"{OPENING}\n{harmless(text)}\n{CLOSING}" if text else ""
