"""Bytes between processes and machines: the stream's format, JPEG, shared memory, limits."""
