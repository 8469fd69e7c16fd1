"""Done: work handed in, closed or let go."""
