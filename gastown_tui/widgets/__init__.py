"""The panels of the console; each shows one part of the snapshot."""
