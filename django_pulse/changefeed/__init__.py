"""The change feed: in which order documents changed, how it is read, and who is told."""

__all__: list[str] = []
