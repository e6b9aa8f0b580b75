"""Sign-in: who is behind a socket or a request, and whose a replica id is."""

__all__: list[str] = []
