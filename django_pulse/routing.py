"""Where the socket lives: `URLRouter(websocket_urlpatterns)` in the project's `asgi.py`."""

from __future__ import annotations

from django.urls import re_path

from .consumers import PulseConsumer

__all__ = ["websocket_urlpatterns"]

websocket_urlpatterns = [
    re_path(r"^ws/pulse/sync/$", PulseConsumer.as_asgi(), name="pulse-sync"),
]
