"""How the demo's devices sign in: by a token that its server has signed."""

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing

__all__ = ["token_for", "user_of"]

SALT = "django_pulse.demo"
# Seconds: longer than any demo takes.
MAX_AGE = 600


def token_for(user: AbstractBaseUser) -> str:
    """The token that stands for `user`."""
    return signing.dumps(user.pk, salt=SALT)


def user_of(token: str) -> AbstractBaseUser | None:
    """Whose token this is; the settings name this function as AUTHENTICATE."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    return get_user_model()._default_manager.filter(pk=pk).first()
