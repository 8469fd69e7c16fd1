"""Completion of command lines in a shell: which words fit (``words``), the town's own names (``values``), the shells' scripts."""
