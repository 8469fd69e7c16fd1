"""Files on disk: locks, atomic replacement, appends, the tailer and the watcher; independent of the domain."""
