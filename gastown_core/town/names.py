"""Names for polecats: three built-in themes, and the search for a free name.

Names in use are always computed from folders and reservations, never stored.
"""

from __future__ import annotations

import os
import re
import zlib

from gastown_core.errors import NotFoundError, UsageError
from gastown_core.files.atomic import write_atomic
from gastown_core.files.plain import open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from gastown_core.town.settings import Settings

RESERVED = frozenset(
    (
        "mayor deacon boot dog dogs overseer witness refinery crew polecat polecats "
        "coordinator health-check human daemon gt hq unknown self wit ref may dea"
    ).split()
)
"""Role names and other reserved words: not allowed for rigs, crew members and polecats."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
SIGNS = "lower-case letters, digits and - are allowed"
LONGEST_NAME = 64
"""Longest name in characters: sessions, branches, bead ids and files made from it must fit git's and disks' limits."""
MOST_NAMES = 2000
"""Most names in a theme file."""

THEMES: dict[str, tuple[str, ...]] = {
    "mad-max": tuple(
        (
            "diesel piston throttle gasket clutch camber torque axle manifold sprocket "
            "rattler hubcap spoiler chassis ignition backfire burnout redline slipstream tailpipe "
            "grease octane carburetor dragster hotrod roadhog overdrive skidmark switchgear turbine "
            "dustup convoyer outrider scavver wrecker blacktop longhaul roadburn sidecar tanker "
            "flathead sparkplug fanbelt crankcase lugnut gearbox nitro supercharge valve drifter"
        ).split()
    ),
    "minerals": tuple(
        (
            "opal onyx jasper agate beryl citrine garnet topaz zircon amber "
            "pyrite quartz feldspar mica talc gypsum calcite fluorite galena hematite "
            "malachite azurite cinnabar borax basalt granite obsidian pumice slate marble "
            "jade lapis peridot spinel tourmaline turquoise moonstone sunstone bloodstone carnelian "
            "chert flint halite kyanite olivine rutile sphene rhyolite tanzanite diopside"
        ).split()
    ),
    "wasteland": tuple(
        (
            "cinder ashfall mirage saltpan scrub tumbleweed dunes bonfire drybed gulch "
            "canyon mesa badger coyote vulture scorpion sidewinder jackrabbit roadrunner buzzard "
            "rustbelt scrapheap tinroof windmill cistern pylon beacon bunker outpost signalfire "
            "ember cracked dustbowl sandstorm heatwave thornbush cactus sagebrush juniper yucca "
            "relic geiger flotsam salvage rustle wanderer nomad ferryman lamplight watchfire"
        ).split()
    ),
}


def pick_theme(rig: str, used: Iterable[str]) -> str:
    """Return a theme for a new rig: by hash of its name, one that no other rig has if possible."""
    taken = set(used)
    free = [theme for theme in THEMES if theme not in taken] or list(THEMES)
    return free[zlib.crc32(rig.encode()) % len(free)]


def pool_names(root: str, settings: Settings) -> tuple[str, ...]:
    """Return the rig's names in order: its own list, a theme file of the town, or a built-in theme."""
    own = settings.lenient("namepool.names")
    if own:
        return tuple(name for name in own if is_good(name))
    style = settings.lenient("namepool.style") or "mad-max"
    if style in THEMES:
        return THEMES[style]
    return _theme_file(os.path.join(root, "settings", "themes", f"{os.path.basename(style)}.txt")) or THEMES["mad-max"]


def _theme_file(path: str) -> tuple[str, ...]:
    try:
        with open(open_plain(path), encoding="utf-8") as handle:
            words = [line.split("#")[0].strip() for line in handle]
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(word for word in words if len(word) > 3 and is_good(word))[:MOST_NAMES]


def all_themes(root: str) -> dict[str, tuple[str, ...]]:
    """Return the built-in themes and the town's own."""
    folder = os.path.join(root, "settings", "themes")
    own = sorted(name[:-4] for name in os.listdir(folder) if name.endswith(".txt")) if os.path.isdir(folder) else []
    return {**THEMES, **{name: _theme_file(os.path.join(folder, f"{name}.txt")) for name in own if name not in THEMES}}


def require_theme(root: str, theme: str) -> tuple[str, ...]:
    """Return the names of a theme. Raises NotFoundError with near matches."""
    themes = all_themes(root)
    if theme in themes:
        return themes[theme]
    import difflib

    near = difflib.get_close_matches(theme, themes, n=2, cutoff=0.5)
    raise NotFoundError(
        f"no theme {theme}", "", f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(themes)}"
    )


def write_theme(root: str, theme: str, names: Iterable[str]) -> None:
    """Save a theme of the town. Raises UsageError for an invalid name, or the name of a built-in theme."""
    words = list(dict.fromkeys(names))
    bad = [word for word in words if len(word) <= 3 or not is_good(word)]
    problem = (refusal(bad[0], "a name of a theme") if bad else None) or refusal(theme, "a theme of your own")
    if problem is not None:
        raise problem
    if bad or theme in THEMES or len(words) > MOST_NAMES:
        what = f"{bad[0]!r} cannot be a name in a theme" if bad else f"{theme!r} cannot be a theme of your own"
        why = "it is a built-in theme" if theme in THEMES else f"it has {len(words)} names" if not bad else ""
        raise UsageError(what, why, f"names longer than three letters, at most {MOST_NAMES}")
    folder = os.path.join(root, "settings", "themes")
    os.makedirs(folder, exist_ok=True)
    write_atomic(os.path.join(folder, f"{theme}.txt"), ("\n".join(words) + "\n").encode())


def is_reserved(name: str) -> bool:
    """Whether the name is taken: a role's word, or the prefix of a crew member's or dog's session."""
    return name.lower() in RESERVED or name.startswith(("crew-", "dog-"))


def is_good(name: str) -> bool:
    """Whether a polecat can have the name."""
    return refusal(name, "a polecat's name") is None


def refusal(
    name: str, what: str, *, form: re.Pattern[str] = NAME, signs: str = SIGNS, taken: Collection[str] = ()
) -> UsageError | None:
    """Return the error to raise if ``name`` cannot be ``what``: too long, not in ``form``, or a word in use; else None.

    ``taken`` are further words in use, in lower case.
    """
    if len(name) > LONGEST_NAME:
        shown = f"{name[:24]}…"
        return UsageError(f"{shown!r} cannot be {what}", f"it has {len(name)} characters", f"at most {LONGEST_NAME}")
    if not form.fullmatch(name):
        return UsageError(f"{name!r} cannot be {what}", "", signs)
    if name.lower() in taken:
        return UsageError(f"{name} cannot be {what}", "the town uses this word", "choose another name")
    if is_reserved(name):
        return UsageError(f"{name} cannot be {what}", "it is the name of a role", "choose another name")
    return None


def free_names(pool: Iterable[str], in_use: Iterable[str], numbers_from: int = 51) -> Iterator[str]:
    """Yield names in the order of use: free ones of the pool, then numbers."""
    taken = set(in_use)
    for name in pool:
        if name not in taken and not is_reserved(name):
            yield name
    number = numbers_from
    while True:
        if str(number) not in taken:
            yield str(number)
        number += 1
