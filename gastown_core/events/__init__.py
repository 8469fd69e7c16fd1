"""The event log: its one writer, the curated feed, and retention."""
