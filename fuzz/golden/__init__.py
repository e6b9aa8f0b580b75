"""Golden vectors: documents, byte by byte, and what they mean, for ports to other languages.

`rules.json` is the file; what stands in it it says itself.
"""

from .vectors import FILE, golden, load

__all__ = ["FILE", "golden", "load"]
