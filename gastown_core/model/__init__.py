"""Records of the domain and pure functions over them; nothing here reads a file, the clock or a socket.

Records are tuples (``record``), and the modules that every command imports (address, bead, event) import nothing
heavy, so that a command starts in little more than Python's own start-up time.
"""
