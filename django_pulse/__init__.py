"""Offline-first, real-time sync for any Django model.

Importing this package needs neither Django nor its settings: clients use `django_pulse.client`
where there is no Django at all.
"""

from importlib.metadata import PackageNotFoundError, version

from .local import local_only

__all__ = ["__version__", "local_only"]

try:
    __version__ = version("django-pulse")
except PackageNotFoundError:  # run from a checkout that was not installed
    __version__ = "2.0.0.dev0"
