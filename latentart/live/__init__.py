"""The live instrument: parameters in over OSC and WebSocket, pictures out. See docs/live.md."""
