"""Hooks: what is on them, attaching and releasing work by hand, and rollback."""
