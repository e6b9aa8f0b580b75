"""What devices push: judged, merged, permitted, placed or parked, and answered."""

__all__: list[str] = []
