"""What the ORM writes: instances, querysets, fixtures, cascades; merged into documents."""

__all__: list[str] = []
