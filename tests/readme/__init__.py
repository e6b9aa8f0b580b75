"""The README is executed: its marked code blocks are read, and played like a reader would."""

__all__: list[str] = []
