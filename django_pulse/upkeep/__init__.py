"""Upkeep: tables adopted, rows verified against their documents, what is long deleted forgotten."""

__all__: list[str] = []
