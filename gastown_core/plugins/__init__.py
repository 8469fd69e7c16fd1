"""Plugins: a town's own chores, each a folder with ``plugin.md``, run by the daemon when their gate is open."""
