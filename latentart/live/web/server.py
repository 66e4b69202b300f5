"""The HTTP and WebSocket side: panel, sketches, stream, JSON API. Routes only; the work is in the hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from latentart.errors import LatentartError, SettingsError
from latentart.exports import browser
from latentart.live.control import params
from latentart.live.osc import oscquery
from latentart.live.web.access import AccessControl, origin_of, token_of
from latentart.live.web.hub import MOST_VIEWERS, Hub
from latentart.live.web.inputs import LONGEST
from latentart.live.web.oscquery_listen import Listener
from latentart.live.web.viewer import POLICY, TRY_AGAIN, Viewer
from latentart.live.wire import protocol
from latentart.live.wire.hosts import is_address

STATIC = Path(__file__).parent / "static"
LARGEST_MESSAGE = LONGEST + protocol.HEADER_BYTES
OPEN = ("/static/", "/sketches/", "/browser/", "/p5.latentart.js", "/favicon.ico", "/healthz")
"""Pages need no token; what they show and do does."""


def make_app(
    hub: Hub, *, host: str = "127.0.0.1", sketches: Path | None = None, allow_origins: tuple[str, ...] = (),
    host_info: Mapping[str, Any] | None = None,
) -> Starlette:  # fmt: skip
    """The application. sketches: the folder served at /sketches; host_info: ports, for OSCQuery programs.

    allow_origins: sites whose pages may use it. Raises SettingsError for one that is none.
    """
    origins = [origin_of(text) for text in allow_origins]
    guard = Middleware(AccessControl, host=host, token=hub.token, allow_origins=origins, open_paths=OPEN)
    # Outside the guard, so that a page of another site can read why it was refused.
    cors = Middleware(
        CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
    )  # fmt: skip
    app = Starlette(routes=_routes(sketches), middleware=[cors, guard] if origins else [guard])
    app.state.hub = hub
    app.state.sketches = sketches
    app.state.host_info = dict(host_info or {})
    return app


class Server(uvicorn.Server):
    """A uvicorn server that calls back on SIGINT and SIGTERM."""

    def __init__(self, config: uvicorn.Config, on_signal: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_signal = on_signal

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT or SIGTERM; a second one ends at once."""
        if self._captured_signals:
            super().handle_exit(sig, frame)
        else:
            self._captured_signals.append(sig)
            self._on_signal()


def make_server(app: Starlette, host: str, port: int, on_signal: Callable[[], None]) -> Server:
    """uvicorn with our limits; `await server.serve()` runs it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ws="websockets-sansio",
        # JPEG does not shrink, and trying costs 20 times as much as sending.
        ws_per_message_deflate=False,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        limit_concurrency=256,
        # Nothing stands in front of it whose word about the sender could be taken.
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
    return Server(config, on_signal)


def _routes(sketches: Path | None) -> list[Any]:
    routes: list[Any] = [
        Route("/", _panel),
        WebSocketRoute("/", _listen),
        WebSocketRoute("/ws", _websocket),
        Route("/frame.jpg", _frame),
        Route("/mjpeg", _mjpeg),
        Route("/healthz", _healthz),
        Route("/api/params", _params),
        Route("/api/state", _state),
        Route("/api/set", _set, methods=["POST"]),
        Route("/api/trigger", _trigger, methods=["POST"]),
        Route("/api/player", _player, methods=["POST"]),
        Route("/p5.latentart.js", _helper),
        Route("/map", _map),
        Route("/latentart", _oscquery),
        Route("/latentart/{path:path}", _oscquery),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/browser/{name}", _browser),
    ]
    if sketches is not None:
        routes.append(Route("/sketches/", _sketch_list))
        routes.append(Mount("/sketches", StaticFiles(directory=sketches, html=True)))
    return routes


def _hub(request: Request | WebSocket) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


async def _panel(request: Request) -> Response:
    # OSCQuery programs ask the same address; browsers ask for HTML in Accept.
    if "HOST_INFO" in request.query_params or "text/html" not in request.headers.get("accept", ""):
        return await _oscquery(request)
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def _websocket(websocket: WebSocket) -> None:
    if protocol.SUBPROTOCOL not in websocket.scope.get("subprotocols", []):
        await websocket.close(1002, f"ask for the subprotocol {protocol.SUBPROTOCOL}")
        return
    hub = _hub(websocket)
    viewer = Viewer(hub, websocket)
    try:
        hub.join(viewer)
    except LatentartError as error:
        # Refused before it is accepted it would be a 403, and browsers tell pages no reason.
        await websocket.accept(subprotocol=protocol.SUBPROTOCOL)
        await websocket.close(TRY_AGAIN, str(error))
        return
    try:
        await viewer.run()
    finally:
        hub.leave(viewer)


async def _listen(websocket: WebSocket) -> None:
    """OSCQuery's WebSocket, on the address that HOST_INFO gives."""
    hub = _hub(websocket)
    if not hub.knows(token_of(websocket.headers, websocket.scope["query_string"].decode("latin-1")) or None):
        await websocket.close(POLICY, "the token is wrong or missing: add ?token=...")
    elif hub.listening >= MOST_VIEWERS:
        await websocket.accept()
        await websocket.close(TRY_AGAIN, f"{MOST_VIEWERS} programs listen already: close one")
    else:
        hub.listening += 1
        try:
            await Listener(hub, websocket).run()
        finally:
            hub.listening -= 1


async def _browser(request: Request) -> Response:
    """The player of networks inside a page. Before it is pulled the script is empty."""
    path = browser.folder() / request.path_params["name"]
    if path.name not in browser.MEMBERS:
        return PlainTextResponse("no such file\n", status_code=404)
    fresh = {"Cache-Control": "no-cache"}
    if path.is_file():
        return FileResponse(path, headers=fresh)
    return Response("// not pulled yet\n", media_type="text/javascript", headers=fresh)


async def _player(request: Request) -> Response:
    """POST: fetches the player of networks inside a page, once."""
    try:
        await asyncio.to_thread(browser.pull_player)
    except LatentartError as error:
        return JSONResponse({"error": str(error)}, status_code=503)
    return JSONResponse({"player": browser.PACKAGE})


async def _frame(request: Request) -> Response:
    picture = _hub(request).picture
    if picture is None:
        return PlainTextResponse("no picture yet\n", status_code=503, headers={"Retry-After": "1"})
    return Response(picture.jpeg(), media_type="image/jpeg", headers={"Cache-Control": "no-store"})


async def _mjpeg(request: Request) -> Response:
    hub = _hub(request)
    if hub.crowded:
        return PlainTextResponse("too many streams: close one\n", status_code=503)
    return StreamingResponse(
        _parts(hub), media_type="multipart/x-mixed-replace; boundary=frame", headers={"Cache-Control": "no-store"}
    )


async def _parts(hub: Hub) -> AsyncIterator[bytes]:
    async for jpeg in hub.pictures():
        yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"


async def _healthz(request: Request) -> Response:
    status = _hub(request).status
    facts = {"ok": status.alive, "fps": round(status.fps, 1), "frame": status.frame, "restarts": status.restarts}
    return JSONResponse(facts, status_code=200 if status.alive else 503)


async def _params(request: Request) -> Response:
    hub = _hub(request)
    return JSONResponse({**params.schema(), "values": hub.control.values(), "rev": hub.control.rev})


async def _state(request: Request) -> Response:
    hub = _hub(request)
    return JSONResponse({**hub.welcome(), "schema": None})


async def _set(request: Request) -> Response:
    """POST {"psi": 0.8, ...}; ?fade=2&at=bar."""

    def do(hub: Hub, values: dict[str, Any]) -> None:
        query = request.query_params
        hub.control.set(values, fade=_seconds(query.get("fade", "0")), at=query.get("at"))

    return await _command(request, do)


async def _trigger(request: Request) -> Response:
    """POST {"name": "cue/go", "args": []}."""
    return await _command(request, lambda hub, body: hub.actions.fire(body.get("name"), body.get("args", [])))


async def _command(request: Request, do: Callable[[Hub, dict[str, Any]], None]) -> Response:
    hub = _hub(request)
    body = await _body(request)
    if body is None:
        return JSONResponse({"error": f"send at most {protocol.LONGEST_TEXT} bytes"}, status_code=413)
    try:
        do(hub, protocol.parse(body))
    except LatentartError as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    return JSONResponse({"rev": hub.control.rev})


async def _body(request: Request) -> bytes | None:
    """What was posted, None when it is too long: no more than that is ever held."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > protocol.LONGEST_TEXT:
            return None
    return body


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"fade takes seconds, not {text[:40]!r}") from None


async def _oscquery(request: Request) -> Response:
    hub = _hub(request)
    if "HOST_INFO" in request.query_params:
        return JSONResponse({**request.app.state.host_info, **_reached(request)})
    node = oscquery.node(request.url.path, hub.control.values(), hub.facts)
    if node is None:
        return PlainTextResponse(f"no such address: {request.url.path[:80]!r}\n", status_code=404)
    attribute = next((name for name in request.query_params if name in oscquery.ATTRIBUTES), None)
    return JSONResponse(node if attribute is None else {attribute: node.get(attribute)})


def _reached(request: Request) -> dict[str, Any]:
    """Where whoever asks has found this machine: OSC is at the same address."""
    server = request.scope.get("server")
    return {"OSC_IP": server[0]} if server and is_address(server[0]) else {}


async def _helper(request: Request) -> Response:
    return FileResponse(STATIC / "p5.latentart.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def _map(request: Request) -> Response:
    """The space of the model that plays, to be played by dragging."""
    hub = _hub(request)
    if hub.maps is None or not hub.facts:
        return FileResponse(STATIC / "drawing.html", status_code=503, headers={"Retry-After": "2"})
    try:
        page = await asyncio.to_thread(hub.maps.page, hub.facts["model"], hub.facts["sha256"])
    except LatentartError as error:
        return PlainTextResponse(f"{error}\n", status_code=500)
    return FileResponse(page or STATIC / "drawing.html", headers={"Cache-Control": "no-cache"})


async def _sketch_list(request: Request) -> Response:
    folder = Path(request.app.state.sketches)
    found = sorted(path.parent.name for path in folder.glob("*/index.html"))
    return JSONResponse({"sketches": found})
