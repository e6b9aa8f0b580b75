"""Where the socket lives: `URLRouter(websocket_urlpatterns)` in the project's `asgi.py`."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

__all__ = ["websocket_urlpatterns"]


async def _serve(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection.

    The consumer is imported here, since an `asgi.py` may import this module before Django has
    loaded its apps: the quick start of 1.0.1 does.
    """
    from .consumers import PulseConsumer

    await PulseConsumer()(scope, receive, send)


# The router takes an ASGI application where Django's own patterns take a view.
_application: Any = _serve

websocket_urlpatterns = [re_path(r"^ws/pulse/sync/$", _application, name="pulse-sync")]
