"""The console: a full-screen picture of a town, and the acts a person takes on it."""

from gastown_tui import import_shims

import_shims.stand_aside()
