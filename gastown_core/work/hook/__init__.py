"""Hooks: what is on them, by sling or by hand, their life, and what an agent is told of them."""
