"""Names for polecats: three themes of our own, and how the next free one is found.

In-use names are always worked out from folders and reservations, never stored.
"""

from __future__ import annotations

import os
import re
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_core.town.settings import Settings

RESERVED = frozenset(("witness", "mayor", "deacon", "refinery", "crew", "polecat", "polecats", "boot", "overseer"))
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

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
    """A theme for a new rig: by hash of its name, one that no other rig has while there is one."""
    taken = set(used)
    free = [theme for theme in THEMES if theme not in taken] or list(THEMES)
    return free[zlib.crc32(rig.encode()) % len(free)]


def pool_names(root: str, settings: Settings) -> tuple[str, ...]:
    """The rig's names in order: its own list, a theme file of the town, or a built-in theme."""
    own = settings.lenient("namepool.names")
    if own:
        return tuple(name for name in own if _is_good(name))
    style = settings.lenient("namepool.style") or "mad-max"
    if style in THEMES:
        return THEMES[style]
    return _theme_file(os.path.join(root, "settings", "themes", f"{os.path.basename(style)}.txt")) or THEMES["mad-max"]


def _theme_file(path: str) -> tuple[str, ...]:
    try:
        with open(path, encoding="utf-8") as handle:
            words = [line.split("#")[0].strip() for line in handle]
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(word for word in words if len(word) > 3 and _is_good(word))[:2000]


def _is_good(name: str) -> bool:
    return bool(NAME.fullmatch(name)) and name not in RESERVED


def free_names(pool: Iterable[str], in_use: Iterable[str], numbers_from: int = 51) -> Iterator[str]:
    """Names in the order in which they are given: free ones of the pool, then numbers."""
    taken = set(in_use)
    for name in pool:
        if name not in taken and name not in RESERVED:
            yield name
    number = numbers_from
    while True:
        if str(number) not in taken:
            yield str(number)
        number += 1
