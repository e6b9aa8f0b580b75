"""The commands; what they do is done in modules of the app, and can be called from anywhere."""

__all__: list[str] = []
