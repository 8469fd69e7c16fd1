"""SHA-256 from the interpreter's own module, since hashlib loads OpenSSL first (3 to 8 ms of start-up)."""

from __future__ import annotations

import sys


def sha256(data: bytes) -> bytes:
    """Return the 32-byte digest of ``data``."""
    try:
        own = __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256")
    except ImportError:
        own = __import__("hashlib")
    return bytes(own.sha256(data).digest())
