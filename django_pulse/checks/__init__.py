"""System checks: what is said before anything runs of settings, models and admin pages."""

__all__: list[str] = []
