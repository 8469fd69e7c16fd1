"""The refinery: the merge queue that batches, tests, bisects and lands what workers hand in."""
