"""Visibility: who sees a row, which part of it was asked for, what follows when that changes."""

__all__: list[str] = []
