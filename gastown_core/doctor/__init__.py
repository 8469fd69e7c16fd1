"""Checks of a town: what is wrong, why, what mends it, and mending what is safe to mend."""
