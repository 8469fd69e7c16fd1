"""What fills the terminal: the town itself."""
