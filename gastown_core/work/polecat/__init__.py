"""Polecats as workers: listed, cleaned up after, and removed without losing their work."""
