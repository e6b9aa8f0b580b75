"""One page on a long run: what was simulated, what went wrong on purpose, what was noticed."""

from .page import Results, page

__all__ = ["Results", "page"]
