"""Done: work handed in, closed or released."""
