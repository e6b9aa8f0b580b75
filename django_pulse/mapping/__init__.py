"""Mapping: what documents hold of the models, field by field, and in which form."""

__all__: list[str] = []
