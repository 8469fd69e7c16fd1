"""Patrols: checks that run by themselves, find what is wrong, and mend it with the same orders that a person would give."""
