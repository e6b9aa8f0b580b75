"""The demo's ASGI application: what a project's `asgi.py` has, without pages."""

from channels.routing import ProtocolTypeRouter, URLRouter

from ..routing import websocket_urlpatterns

__all__ = ["application"]

application = ProtocolTypeRouter({"websocket": URLRouter(websocket_urlpatterns)})
