"""A town on disk: its place, settings, roster, rigs, workers and sessions."""
