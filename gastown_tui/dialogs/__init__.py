"""Dialogs in front of the main screen: prompts, pickers, confirmations, the help, the command log."""
