"""Who may ask for anything: the first thing that every request meets, of whatever kind."""

import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# The page brings everything along; its library compiles templates in the browser.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def in_address(host: str) -> str:
    """As a host stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


class Guard:
    """Lets through what comes from our own page, and answers 403 to everything else.

    On loopback (no `token`), the Host header must be the address we serve, so that no other site
    can reach us by a name of its own that leads here. With a `token`, a request needs it: once in
    the address, which a redirect then takes out again, and from then on in a cookie. In both cases
    a request that names its page's origin must come from our own.
    """

    def __init__(self, app: ASGIApp, port: int, token: str | None):
        self._app, self._token = app, token
        self._cookie = f"siamfc_studio_{port}"
        # Browsers leave out HTTP's own port.
        ends = [f":{port}", ""] if port == 80 else [f":{port}"]
        self._hosts = frozenset(in_address(host) + end for host in LOOPBACK for end in ends)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._may_pass(scope, headers):
            await _refuse(scope, receive, send)
        elif scope["type"] == "http" and self._token and _tokens(scope):
            await self._redirect(scope, send)
        else:
            await self._app(scope, receive, _with_policy(send))

    def _may_pass(self, scope: Scope, headers: Headers) -> bool:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return False
        if _is_embedded_elsewhere(headers):
            return False
        if self._token is None:
            return host in self._hosts
        return self._is_token(_tokens(scope) + self._cookies(headers))

    def _cookies(self, headers: Headers) -> list[str]:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return []
        return [cookie.value] if cookie else []

    def _is_token(self, given: Iterable[str]) -> bool:
        assert self._token is not None
        token = self._token.encode()
        return any(secrets.compare_digest(one.encode(), token) for one in given)

    async def _redirect(self, scope: Scope, send: Send) -> None:
        rest = [pair for pair in _query(scope) if pair[0] != "token"]
        path = scope["path"] + (f"?{urlencode(rest)}" if rest else "")
        cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, {"location": "/" + path.lstrip("/"), "set-cookie": cookie})


def _is_embedded_elsewhere(headers: Headers) -> bool:
    """A picture or frame in another site's page names no origin, but browsers tell its site."""
    site, target = headers.get("sec-fetch-site"), headers.get("sec-fetch-dest")
    return site in ("cross-site", "same-site") and target != "document"


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"))


def _tokens(scope: Scope) -> list[str]:
    return [value for name, value in _query(scope) if name == "token"]


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # Closed before it is accepted: the server answers 403.
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, 403, {}, b"403: open the address that was printed at the start\n")


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    fields = {"content-type": "text/plain; charset=utf-8", "referrer-policy": "no-referrer"}
    encoded = [(name.encode(), value.encode()) for name, value in (fields | headers).items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _with_policy(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["content-security-policy"] = _POLICY
            headers["referrer-policy"] = "no-referrer"
            headers["x-content-type-options"] = "nosniff"
        await send(message)

    return sending
