"""The door: who may talk to the server at all. Checks Host and Origin of every request, the token where one is set.

A browser sends any page's requests to a server on this machine; only these two headers distinguish them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from latentart.errors import SettingsError
from latentart.live.wire.hosts import LOCAL, is_address


class AccessControl:
    """ASGI middleware that answers 403 or 401, or closes a WebSocket before it is accepted."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        allow_origins: Iterable[str] = (),
        open_paths: Iterable[str] = (),
    ) -> None:
        """open_paths: beginnings of paths that need no token: the pages themselves, which hold nothing secret."""
        self.app = app
        self.host = host
        self.token = token
        self.allow_origins = frozenset(allow_origins)
        self.open_paths = tuple(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass or refuses it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        fault = self.fault(scope["type"], scope["path"], scope.get("query_string", b"").decode("latin-1"), headers)
        if fault is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": fault[1]})
        else:
            await PlainTextResponse(fault[1] + "\n", status_code=fault[0])(scope, receive, send)

    def fault(self, kind: str, path: str, query: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """(status, reason) of a refusal, or None."""
        host = headers.get("host", "")
        if not self._host_allowed(host):
            return 403, f"Host {host[:80]!r} is not this server"
        origin = headers.get("origin")
        if origin is not None and not self._origin_allowed(origin, host):
            return 403, f"Origin {origin[:80]!r} may not use this server: start it with --allow-origin to let it"
        # A WebSocket sends its token in identify: browsers cannot set headers there.
        free = kind != "http" or self.token is None or self._open(path, query, headers)
        if not free and not self._token_given(headers, query):
            return 401, "the token is wrong or missing: add ?token=... or an Authorization header"
        return None

    def _host_allowed(self, host: str) -> bool:
        """Names must be ours, since DNS rebinding needs a name; beyond loopback any address will do, and any name
        of the local network, which no name server of the internet answers for (RFC 6762)."""
        name = _hostname(host)
        if name in LOCAL or name == self.host:
            return True
        return self.host not in LOCAL and (is_address(name) or name.endswith(".local"))

    def _origin_allowed(self, origin: str, host: str) -> bool:
        if origin.lower() in self.allow_origins:
            return True
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")

    def _open(self, path: str, query: str, headers: Mapping[str, str]) -> bool:
        """The pages; '/' answers OSCQuery programs too, and those need the token."""
        page = path == "/" and "HOST_INFO" not in query and "text/html" in headers.get("accept", "")
        return page or path.startswith(self.open_paths)

    def _token_given(self, headers: Mapping[str, str], query: str) -> bool:
        given = token_of(headers, query)
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())


def token_of(headers: Mapping[str, str], query: str) -> str:
    """The token of a request, from `Authorization: Bearer ...` or `?token=...`; '' without one."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    try:
        return value if kind.lower() == "bearer" else parse_qs(query, max_num_fields=32).get("token", [""])[0]
    except ValueError:
        return ""


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def origin_of(text: str) -> str:
    """An address as browsers write an origin: 'https://play.example:8080', no slash and no path behind it.

    Raises SettingsError.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"--allow-origin {text!r} is no origin: give one such as https://example.org")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme.lower()]
    return f"{parts.scheme.lower()}://{host}" + ("" if port in (None, usual) else f":{port}")
