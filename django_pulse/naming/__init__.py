"""Naming: the first names of models and fields, which documents use for ever."""

__all__: list[str] = []
