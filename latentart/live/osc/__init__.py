"""OSC and OSCQuery: sockets, packets, address patterns, and what each address does."""
