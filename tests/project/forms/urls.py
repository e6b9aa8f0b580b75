"""Pages of this application's models; see `admin.py` for the site."""

from django.urls import path

from .site import site

urlpatterns = [path("admin/", site.urls)]
