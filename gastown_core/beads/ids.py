"""Bead ids: ``<prefix>-<hash>``, children ``.1``, infixes (``wisp``, ``mol``, ``cv``), prefixes, partial ids.

The hash is the base36 of a SHA-256 (beads.md section 3), normally five characters; it grows only when a store has so
many ids that five would collide too often.
"""

from __future__ import annotations

import os

from gastown_core.errors import ConflictError, NotFoundError, UsageError
from gastown_core.model.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
MIN_LENGTH = 5
MAX_LENGTH = 8
MAX_COLLISION = 0.25
MAX_DEPTH = 3
NONCES = 10
INFIXES = ("wisp", "mol", "cv")
"""Second words that name a kind of bead and are not part of its hash."""

_BYTES = {3: 2, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5}
_PREFIX = r"[A-Za-z][A-Za-z0-9-]{0,19}"
_ID = r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_.]+)+"
_SUFFIXES = ("town", "ville", "port", "place", "land", "field", "wood", "ford")


def base36(number: int, length: int = 0) -> str:
    """``number`` in base 36, lower case; with ``length``, its last digits, left-padded with zeros."""
    digits = ""
    while number and not 0 < length <= len(digits):
        number, digit = divmod(number, 36)
        digits = ALPHABET[digit] + digits
    return digits.rjust(length or 1, "0")


def hash_of(title: str, description: str, creator: str, created_ns: int, nonce: int, length: int = MIN_LENGTH) -> str:
    """Return the hash part of an id, 3 to 8 characters long."""
    text = f"{title}|{description}|{creator}|{created_ns}|{nonce}"
    digest = sha256(text.encode("utf-8", "surrogatepass"))
    return base36(int.from_bytes(digest[: _BYTES[length]], "big"), length)


def length_for(existing: int, *, least: int = MIN_LENGTH) -> int:
    """Return the smallest length at which the collision chance with ``existing`` root ids is at most a quarter."""
    from math import exp

    for length in range(least, MAX_LENGTH):
        if 1 - exp(-(existing**2) / (2 * 36**length)) <= MAX_COLLISION:
            return length
    return MAX_LENGTH


def mint(
    prefix: str, kind: str, title: str, creator: str, moment: float, existing: int, is_taken: Callable[[str], bool]
) -> str:
    """Return a new id with ``prefix`` and an optional infix. Raises ConflictError if none is free."""
    stem = f"{prefix}-{kind}-" if kind else f"{prefix}-"
    salt = int.from_bytes(os.urandom(6), "big")
    for length in range(length_for(existing), MAX_LENGTH + 1):
        for nonce in range(salt, salt + NONCES):
            candidate = stem + hash_of(title, "", creator, int(moment * 1e9), nonce, length)
            if not is_taken(candidate):
                return candidate
    raise ConflictError(f"no free id for {stem}", "every candidate is taken", "set an id with --id")


def child_of(parent: str, taken: Iterable[str]) -> str:
    """Return the next child id of ``parent``; ``taken`` lists ids in use. Raises UsageError beyond three levels."""
    if depth_of(parent) >= MAX_DEPTH:
        raise UsageError(f"{parent} cannot have children", f"ids nest at most {MAX_DEPTH} levels", "use its parent")
    stem = parent + "."
    highest = 0
    for bead_id in taken:
        number = bead_id[len(stem) :].partition(".")[0] if bead_id.startswith(stem) else ""
        if number.isdecimal():
            highest = max(highest, int(number))
    return f"{stem}{highest + 1}"


def depth_of(bead_id: str) -> int:
    """Return the number of ``.n`` levels of an id."""
    hash_part = bead_id.rpartition("-")[2]
    return sum(1 for part in hash_part.split(".")[1:] if part.isdecimal())


def is_valid(bead_id: str) -> bool:
    """Return whether the text can be a bead id: words of letters, digits, ``_`` and ``.``, joined by hyphens."""
    import re

    return len(bead_id) <= 200 and re.fullmatch(_ID, bead_id) is not None


def check_prefix(prefix: str) -> str:
    """Return the prefix without a final hyphen. Raises UsageError if it is invalid."""
    import re

    bare = prefix.rstrip("-")
    if not re.fullmatch(_PREFIX, bare):
        raise UsageError(
            f"{prefix!r} cannot be a prefix",
            "a prefix starts with a letter and has at most 20 letters, digits and hyphens",
            "for example: gt",
        )
    return bare


def route_prefix(bead_id: str) -> str:
    """Return the text up to and including the first hyphen (``hq-cv-abc`` gives ``hq-``); empty if there is none."""
    head, hyphen, _ = bead_id.partition("-")
    return head + hyphen if hyphen else ""


def default_prefix(name: str) -> str:
    """The default prefix for a rig name: initials of its words (gastown is ``gt``), otherwise its first letters."""
    import re

    bare = re.sub(r"[-_](py|go)$", "", name.strip())
    words = [word for word in re.split(r"[-_\s.]+", bare) if word]
    if len(words) == 1:
        words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", words[0]) or words
    if len(words) == 1:
        lower = words[0].lower()
        for suffix in _SUFFIXES:
            if lower.endswith(suffix) and len(lower) > len(suffix):
                words = [lower[: -len(suffix)], suffix]
                break
    if len(words) > 1:
        letters = "".join(word[0] for word in words)
    else:
        letters = words[0] if words and len(words[0]) <= 3 else (words[0][:2] if words else "")
    letters = re.sub(r"[^a-z0-9]", "", letters.lower())[:20]
    return letters if letters[:1].isalpha() else "bd"


def hash_part(bead_id: str, prefix: str) -> str:
    """Return the part after the prefix and the infix, if any."""
    rest = bead_id[len(prefix) + 1 :] if bead_id.startswith(prefix + "-") else bead_id.partition("-")[2]
    head, hyphen, tail = rest.partition("-")
    return tail if hyphen and head in INFIXES else rest


def pick_partial(partial: str, prefix: str, candidates: Iterable[str]) -> str:
    """The id that ``partial`` means, empty if none: tries the exact id, the id with prefix, the hash, a part of a hash.

    Raises UsageError that lists the candidates if several match equally well.
    """
    everything = list(candidates)
    known = set(everything)
    for exact in (partial, f"{prefix}-{partial}"):
        if exact in known:
            return exact
    whole = [bead_id for bead_id in everything if hash_part(bead_id, prefix) == partial]
    fits = whole or [bead_id for bead_id in everything if _in_hash(partial, bead_id, prefix)]
    if len(fits) > 1:
        shown = ", ".join(sorted(fits)[:8]) + (f" and {len(fits) - 8} more" if len(fits) > 8 else "")
        raise UsageError(f"{partial} matches {len(fits)} beads", shown, "type more of the id")
    return fits[0] if fits else ""


def _in_hash(partial: str, bead_id: str, prefix: str) -> bool:
    own = hash_part(bead_id, prefix)
    if "." in own and "." not in partial:
        return False
    tail = partial[len(prefix) + 1 :] if partial.startswith(prefix + "-") else partial
    return bool(tail) and tail in own


def not_found(partial: str, candidates: Iterable[str]) -> NotFoundError:
    """Return the error for an unknown id, with similar ids in its hint."""
    from difflib import get_close_matches

    near = get_close_matches(partial, list(candidates), n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else "bd list shows open beads, bd search TEXT searches titles"
    return NotFoundError(f"no bead {partial}", "", hint)
