"""The text protocol: JSON frames, as apps made for pulse-rn send and expect them.

`messages` reads and writes them, `listing` is what a client has to be told, `readings` whose it may
be, `session` the conversation, without any I/O.
"""

__all__: list[str] = []
