"""What is served over HTTP: `path("pulse/", include("django_pulse.urls"))` in `urls.py`."""

from __future__ import annotations

from django.urls import path

from . import views

__all__ = ["app_name", "urlpatterns"]

app_name = "django_pulse"

urlpatterns = [path("ticket/", views.ticket, name="ticket")]
