"""HTTP and WebSocket: the panel, sketches, viewers, and who may connect."""
