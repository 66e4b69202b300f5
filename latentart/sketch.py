"""What a py5 sketch, or any Python program, needs to play with a live server: the newest picture, and `set`.

    live = Live("http://localhost:8317")
    live.set("psi", 0.8)
    live.frame()                    # uint8 [H, W, 3], or None before the first
    live.draw(0, 0, width, height)  # in a py5 sketch

A thread receives and decodes, the sketch keeps the main thread (py5 needs it on macOS). py5 is imported when a py5
picture is asked for, and not before: importing it starts a Java machine.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray

from latentart.errors import LatentartError, SettingsError, unknown
from latentart.live.control.params import ACTIONS, TABLE, find
from latentart.live.wire import protocol

try:
    import simplejpeg  # type: ignore[import-untyped]
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import ClientConnection, connect
    from websockets.typing import Subprotocol
except ModuleNotFoundError as missing:
    raise LatentartError(f"a sketch needs {missing.name}: pip install 'latentart[sketch]'") from missing

log = logging.getLogger("latentart.sketch")

Frame = NDArray[np.uint8]

SET_EVERY = 0.01
"""Seconds between two messages: the server takes 200 a second."""
LISTEN_FOR = 0.02
LOCAL = ("localhost", "127.0.0.1", "::1")
RECONNECT, SLOWEST_RECONNECT = 0.25, 3.0
LARGEST_MESSAGE = 1 << 26
POLICY = 1008


class Live:
    """A connection to a live server that comes back by itself; every method may be called from any thread."""

    def __init__(
        self,
        url: str = "http://localhost:8317",
        *,
        token: str | None = None,
        control: bool = True,
        window: int = 2,
        max_size: int | None = None,
        max_fps: float | None = None,
    ) -> None:
        """Starts to connect and returns at once.

        url: as `latentart live` prints it, with its token if it has one; control: False only watches;
        window: pictures under way, 1 to 4; max_size: pixels of the longer side. Raises SettingsError.
        """
        self.url, found = address(url)
        # A picture that goes over no line is late because this machine is busy, and no smaller picture helps that.
        adapt = urlsplit(self.url).hostname not in LOCAL
        wishes = {"window": window, "adapt": adapt, "max_size": max_size, "max_fps": max_fps, "token": token or found}
        self._identify = {
            "op": "identify", "id": 0, "role": "control" if control else "viewer",
            "subscribe": ["frames", "params", "stats"],
            **{name: wish for name, wish in wishes.items() if wish is not None},
        }  # fmt: skip
        self.values: dict[str, Any] = {}
        """Targets of all parameters, by name."""
        self.model: dict[str, Any] = {}
        """Facts of the model that is shown: 'model', 'classes', ..."""
        self.stats: dict[str, Any] = {}
        self.fault: str | None = None
        """What the server refused last."""
        self.connected = False
        self.latency: float | None = None
        """Milliseconds from the last `set` to the first picture taken by `frame` that shows it."""
        self.received = 0
        """Pictures decoded so far."""
        self._header: protocol.Header | None = None
        self._picture: Frame | None = None
        self._image: Any = None
        self._image_of: int | None = None
        self._changes: dict[str, Any] = {}
        self._controls: deque[tuple[int, float]] = deque(maxlen=64)
        self._asked: dict[int, float] = {}
        self._id = 0
        self._flushed = 0.0
        self._socket: ClientConnection | None = None
        self._lock = threading.RLock()
        self._fresh = threading.Condition(self._lock)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="latentart-sketch", daemon=True)
        self._thread.start()

    # What sketches use.

    def frame(self) -> Frame | None:
        """The newest picture, uint8 [H, W, 3], or None before the first. Do not write into it."""
        with self._lock:
            self._seen()
            return self._picture

    def header(self) -> protocol.Header | None:
        """What is known of the newest picture: `seq`, `state_rev`, `flags`, `frame` ..."""
        with self._lock:
            return self._header

    def wait(self, timeout: float = 10.0) -> Frame:
        """The next picture that comes. Raises LatentartError when none does."""
        with self._fresh:
            before = self.received
            if not self._fresh.wait_for(lambda: self.received > before, timeout) or self._picture is None:
                raise LatentartError(f"no picture from {self.url} in {timeout:g} s: {self.fault or 'is it running?'}")
            self._seen()
            return self._picture

    def set(self, name: str | Mapping[str, Any], value: Any = None, *, fade: float = 0.0, at: str = "none") -> None:
        """Sets one parameter, or several together: set("psi", 0.8), set({"psi": 0.8, "seed": 7}, fade=2, at="bar").

        Raises SettingsError for a name or value that no server would take.
        """
        raw = {name: value} if isinstance(name, str) else dict(name)
        values = {key: find(key).check(item) for key, item in raw.items()}
        with self._lock:
            self.values |= values
            if fade or at != "none":
                self._flush()
                self._ask({"op": "set", "values": values, "fade": fade, "at": at})
                return
            self._changes |= values
            if time.monotonic() - self._flushed >= SET_EVERY:
                self._flush()

    def get(self, name: str) -> Any:
        """The target of a parameter as far as it is known here, else its default. Raises SettingsError."""
        return self.values.get(name, find(name).default)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.set(name, value)

    def _ipython_key_completions_(self) -> list[str]:
        return list(TABLE)

    def trigger(self, name: str, *args: str | float) -> None:
        """Does an action: trigger("seed/next"), trigger("preset/recall", "calm", 4). Raises SettingsError."""
        if name not in ACTIONS:
            raise SettingsError(unknown("action", name, ACTIONS))
        with self._lock:
            self._flush()
            self._ask({"op": "trigger", "name": name, "args": list(args)})

    def image(self, sketch: Any = None) -> Any:
        """The newest picture as a Py5Image, always the same object while the size stays; None before the first.

        sketch: the py5.Sketch in class mode; in module mode the one that runs. Raises LatentartError without py5.
        """
        with self._lock:
            picture, header = self.frame(), self._header
        if picture is None or header is None:
            return None
        sketch = sketch or current_sketch()
        height, width = picture.shape[:2]
        if self._image is None or (self._image.width, self._image.height) != (width, height):
            self._image, self._image_of = sketch.create_image(width, height, sketch.ARGB), None
            self._argb = np.full((height, width, 4), 255, dtype=np.uint8)
        if self._image_of != self.received:
            # ARGB is what Java holds: any other order costs a copy of every pixel.
            self._argb[..., 1:] = picture
            self._image.set_np_pixels(self._argb, bands="ARGB")
            self._image_of = self.received
        return self._image

    def draw(
        self, x: float = 0, y: float = 0, w: float | None = None, h: float | None = None, sketch: Any = None
    ) -> bool:
        """Draws the newest picture; without arguments it fills the window. Returns whether there was one."""
        image = self.image(sketch)
        if image is None:
            return False
        sketch = sketch or current_sketch()
        sketch.image(image, x, y, sketch.width if w is None else w, sketch.height if h is None else h)
        return True

    def close(self) -> None:
        """Ends the connection and the thread."""
        self._closing.set()
        with self._lock:
            socket = self._socket
        if socket is not None:
            socket.close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # The thread.

    def _run(self) -> None:
        pause = RECONNECT
        while not self._closing.is_set():
            try:
                with self._connect() as socket:
                    pause = RECONNECT
                    self._serve(socket)
            except (OSError, ValueError, WebSocketException, LatentartError) as error:
                # ValueError: something that is no JSON or no JPEG, from something that is no live server.
                if not self._closing.is_set():
                    self._lost(error)
            self._closing.wait(pause)
            pause = min(2 * pause, SLOWEST_RECONNECT)

    def _connect(self) -> ClientConnection:
        return connect(
            self.url, subprotocols=[Subprotocol(protocol.SUBPROTOCOL)], compression=None, max_size=LARGEST_MESSAGE,
            proxy=None, open_timeout=5, close_timeout=1,
        )  # fmt: skip

    def _serve(self, socket: ClientConnection) -> None:
        socket.send(json.dumps(self._identify))
        while not self._closing.is_set():
            try:
                message = socket.recv(timeout=LISTEN_FOR)
            except TimeoutError:
                message = ""
            while message:
                message = self._take(socket, message)
            self._flush_when_due()

    def _take(self, socket: ClientConnection, message: str | bytes) -> str | bytes:
        """Takes one message, and returns the next if it is there already: of two pictures the older is not decoded."""
        try:
            after = socket.recv(timeout=0)
        except TimeoutError:
            after = ""
        if isinstance(message, str):
            self._take_text(socket, json.loads(message))
        elif isinstance(after, bytes):
            self._acknowledge(socket, protocol.unpack(message)[0])
        else:
            self._take_picture(socket, message)
        return after

    def _lost(self, error: Exception) -> None:
        closed = getattr(error, "rcvd", None)
        with self._lock:
            if closed is not None and closed.code == POLICY:
                self.fault = closed.reason
            if self.connected or self.fault is None:
                log.warning("no live server at %s (%s): trying again", self.url, self.fault or error)
            self.fault = self.fault or str(error)
            self.connected, self._socket = False, None
            self._asked.clear()
            self._controls.clear()

    def _take_picture(self, socket: ClientConnection, message: bytes) -> None:
        header, payload = protocol.unpack(message)
        picture = simplejpeg.decode_jpeg(bytes(payload), "RGB")
        self._acknowledge(socket, header)
        with self._fresh:
            self._header, self._picture = header, picture
            self.received += 1
            self._fresh.notify_all()

    def _acknowledge(self, socket: ClientConnection, header: protocol.Header) -> None:
        socket.send(json.dumps({"op": "ack", "seq": header.seq}))

    def _take_text(self, socket: ClientConnection, message: Mapping[str, Any]) -> None:
        with self._lock:
            if message.get("op") == "identify.ok":
                self._welcome(socket, message)
            elif message.get("op") == "set.ok":
                self._controls.append((message["rev"], self._asked.pop(message["id"], time.monotonic())))
            elif message.get("event") == "param":
                # What is on its way there is newer than what comes from there.
                self.values |= {**message["values"], **self._changes}
            elif message.get("event") == "stats":
                self.stats = dict(message)
            elif message.get("event") == "news":
                self.model = dict(message.get("model") or message.get("ready") or self.model)
            elif message.get("event") == "error":
                self.fault = message["msg"]
                log.warning("the live server refused: %s", self.fault)

    def _welcome(self, socket: ClientConnection, message: Mapping[str, Any]) -> None:
        self.values = {**message["values"], **self._changes}
        self.model, self.stats = dict(message["model"]), dict(message["stats"])
        self.connected, self.fault, self._socket = True, None, socket

    def _flush_when_due(self) -> None:
        with self._lock:
            if self._changes and time.monotonic() - self._flushed >= SET_EVERY:
                self._flush()

    def _flush(self) -> None:
        """Sends what was set since the last time, in one message; kept for later while there is no connection."""
        if self._changes and self._socket is not None:
            values, self._changes = self._changes, {}
            self._flushed = time.monotonic()
            self._asked[self._id + 1] = self._flushed
            self._ask({"op": "set", "values": values})

    def _ask(self, message: Mapping[str, Any]) -> None:
        self._id += 1
        if self._socket is None:
            return
        try:
            self._socket.send(json.dumps({**message, "id": self._id}))
        except (OSError, WebSocketException) as error:
            # The receiving thread meets the same end and connects again.
            log.debug("not sent: %r", error)

    def _seen(self) -> None:
        """Works out how long the last control took to be seen."""
        while self._controls and self._header is not None and self._controls[0][0] <= self._header.state_rev:
            self.latency = 1000 * (time.monotonic() - self._controls.popleft()[1])


def address(url: str) -> tuple[str, str | None]:
    """'http://host:8317/?token=t' -> ('ws://host:8317/ws', 't'). Raises SettingsError."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.hostname:
        raise SettingsError(f"{url!r} is no address of a live server: give one such as http://localhost:8317")
    token = parse_qs(parts.query).get("token", [None])[0]
    return urlunsplit((schemes[parts.scheme], parts.netloc, "/ws", "", "")), token


def current_sketch() -> Any:
    """The py5 sketch that runs in module mode. Raises LatentartError without py5, or without a display."""
    try:
        return import_module("py5").get_current_sketch()
    except ModuleNotFoundError as error:
        raise LatentartError(f"a py5 picture needs {error.name}: pip install 'latentart[sketch]'") from error
