"""What the main screen does: acts on the town, going about, search, the merge queue, the drawer's pages."""
