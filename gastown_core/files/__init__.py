"""Bytes on disk: locks, atomic replacement, one-write appends, the tailer and the watcher. No domain words here."""
