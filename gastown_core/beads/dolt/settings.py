"""The prefix and vocabulary that a database holds itself, beside those of the folder's ``config.yaml``."""

from __future__ import annotations

from gastown_core.beads.settings import vocabulary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gastown_core.beads.dolt.store import DoltStore
    from gastown_core.beads.settings import Vocabulary


def own_prefix(store: DoltStore) -> str:
    """Return the prefix in the database's settings, empty if it has none."""
    return store.mirror.words("config").get("issue_prefix", "").rstrip("-")


def own_words(store: DoltStore, words: Vocabulary) -> Vocabulary:
    """Return ``words`` with the custom statuses and types of the database."""
    config = store.mirror.words("config")
    given = vocabulary({key: config[key] for key in ("status.custom", "types.custom") if config.get(key)})
    statuses = {**given.statuses, **store.mirror.words("custom_statuses"), **words.statuses}
    types = dict.fromkeys((*words.types, *given.types, *store.mirror.words("custom_types")))
    merged = type(words)(statuses, ())
    merged.types = tuple(types)
    return merged
