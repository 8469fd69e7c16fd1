"""What fills the terminal: the town itself, and the dialogs that come in front of it."""
