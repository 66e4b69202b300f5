"""Where frames go. Adding a sink is adding a file with `ENDINGS`, `handles(target)` and `open(target, ...)`."""

from latentart.sinks.background import Background
from latentart.sinks.sink import FileSink, Sink, open_sink, sink_modules

__all__ = ["Background", "FileSink", "Sink", "open_sink", "sink_modules"]
