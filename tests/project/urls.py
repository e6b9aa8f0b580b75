"""Pages of the test project: the admin, and what Django Pulse serves over HTTP."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("pulse/", include("django_pulse.urls"))]
