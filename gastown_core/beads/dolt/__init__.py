"""Beads in a Dolt database, as the Go tools keep them: the server is the truth, a mirror in text answers questions."""
