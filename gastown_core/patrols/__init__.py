"""Patrols: what watches the town by itself, finds what is wrong, and sets it right by the orders that a person gives."""
