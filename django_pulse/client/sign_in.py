"""Who this client says it is, each time it connects."""

import inspect
from collections.abc import Awaitable, Callable, Mapping

from .errors import LocalFault, SignInRefused, TokenFailed

__all__ = ["SignIn", "Token", "read_headers"]

Token = str | Callable[[], str | Awaitable[str | None] | None] | None

# Written by the client itself; a second copy would make the request ambiguous.
_OWN_HEADERS = frozenset({"origin", "host", "upgrade", "connection", "content-length"})


class SignIn:
    """The token to send: a string, or a callback, sync or async, asked at each connect.

    A token that was refused is not sent again: the callback has to return another one, or the app
    to say so with `use` or `retry`.
    """

    def __init__(self, token: Token) -> None:
        self._source = token
        self._last: str | None = None
        self._refusal: SignInRefused | None = None

    @property
    def can_change(self) -> bool:
        """Whether asking again later may give another token."""
        return callable(self._source)

    def use(self, token: Token) -> None:
        """From now on this token, or this callback."""
        self._source = token
        self.retry()

    def retry(self) -> None:
        """Forget the refusal: the next connect sends whatever token there is."""
        self._refusal = None

    def refused(self, refusal: SignInRefused) -> None:
        """The server refused the token last handed out."""
        self._refusal = refusal

    async def token(self) -> str | None:
        """The token to send now; raises the refusal again where it is still the refused one."""
        token = await self._ask()
        if self._refusal is not None and token == self._last:
            raise SignInRefused(
                f"{self._refusal} The token callback gave the same token again.",
                code=self._refusal.code,
            )
        self._refusal, self._last = None, token
        return token

    async def another(self) -> str | None:
        """A token that was not sent yet, if there is one by now."""
        token = await self._ask()
        if token is None or token == self._last:
            return None
        self._last = token
        return token

    async def _ask(self) -> str | None:
        source = self._source
        if source is None or isinstance(source, str):
            return source
        try:
            answer = source()
            token = await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            raise TokenFailed(f"The token callback raised {error!r}.") from error
        if token is not None and not isinstance(token, str):
            raise TokenFailed(
                f"The token callback returned a {type(token).__name__}: return a string, or None."
            )
        return token


def read_headers(
    headers: Mapping[str, str] | None, cookies: Mapping[str, str] | None
) -> dict[str, str]:
    """The extra headers of the upgrade request, with `cookies` as its Cookie header."""
    found = dict(headers or {})
    for name in found:
        if name.lower() in _OWN_HEADERS or name.lower().startswith("sec-websocket"):
            raise LocalFault(f"The header {name!r} is written by the client itself: leave it out.")
    if cookies:
        if any(name.lower() == "cookie" for name in found):
            raise LocalFault("Give connect() cookies, or a Cookie header, not both.")
        found["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    for name, value in found.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            raise LocalFault(
                f"The header {name!r} holds a line break or another character no header may hold."
            )
    return found
