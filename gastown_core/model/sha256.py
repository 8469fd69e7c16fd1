"""SHA-256 from the interpreter's own module: hashlib loads OpenSSL first, 3 to 8 ms of a command's start."""

from __future__ import annotations

import sys
from importlib import import_module


def sha256(data: bytes) -> bytes:
    """The 32 bytes of the digest."""
    try:
        own = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256")
    except ImportError:
        own = import_module("hashlib")
    return bytes(own.sha256(data).digest())
