"""What one connection may ask for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The settings of the same names say why.

    `pages` is how many pages of one scope a pull is answered by; the client pulls the rest.
    """

    frame_bytes: int
    push_rows: int
    page_rows: int
    page_bytes: int
    poll_seconds: float
    update_structs: int
    update_bytes: int
    pages: int = sys.maxsize
