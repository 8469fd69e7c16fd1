"""The refinery: the merge queue that batches, tests, bisects and lands the work that agents hand in."""
