"""What is served over HTTP: `path("pulse/", include("django_pulse.urls"))` in `urls.py`."""

from __future__ import annotations

from django.urls import path

from . import sync_view, views

__all__ = ["app_name", "urlpatterns"]

app_name = "django_pulse"

urlpatterns = [
    path("sync/", sync_view.sync, name="sync"),
    path("ticket/", views.ticket, name="ticket"),
]
