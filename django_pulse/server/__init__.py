"""One connection, on the server's side.

`session` is the protocol without any I/O, `connection` drives it over a WebSocket, `backend` is
what it asks of the rest of the app.
"""

__all__: list[str] = []
