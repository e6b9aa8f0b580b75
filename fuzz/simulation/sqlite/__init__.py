"""The database of simulations, for Django's setting `ENGINE`; see `base`."""

__all__: list[str] = []
