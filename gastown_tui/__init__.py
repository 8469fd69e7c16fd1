"""The console: a full-screen view of a town, with the operator's actions on it."""

from gastown_tui import import_shims

import_shims.stand_aside()
