"""``python -m gastown_cli`` runs ``gt``."""

from gastown_cli.main import gt

raise SystemExit(gt())
