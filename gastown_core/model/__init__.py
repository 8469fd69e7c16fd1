"""The field's records and pure functions over them; nothing here reads a file, a clock or a socket.

The modules that every command needs (address, bead, event) import nothing heavy, so that a command answers in
the time Python needs to start; the rest uses dataclasses.
"""
