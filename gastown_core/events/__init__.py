"""The event log and its one writer, the curated feed, and retention."""
