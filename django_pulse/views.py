"""What is answered over HTTP."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from .conf import conf
from .sign_in import tickets

__all__ = ["ticket"]

_SIGN_IN = "Sign in first: a ticket is for whoever is signed in to the page that asks for it."


@login_not_required  # answered in JSON, where the middleware would send to a page
@require_POST
@never_cache
@csrf_protect
def ticket(request: HttpRequest) -> JsonResponse:
    """A ticket for the page's socket: `{"ticket": ..., "expires_in": seconds}`.

    403 with a `code` and a `message` where nobody is signed in.
    """
    try:
        made = tickets.issue(request)
    except PermissionDenied:
        answer = {"code": "unauthenticated", "message": _SIGN_IN}
        return JsonResponse(answer, status=403)
    return JsonResponse({"ticket": made, "expires_in": conf.TICKET_SECONDS})
