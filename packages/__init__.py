"""Packages for other installers than Python's own, and what checks all of them."""
