"""The demo: a Django project of its own, in a temporary directory, and two devices that use it."""

__all__: list[str] = []
