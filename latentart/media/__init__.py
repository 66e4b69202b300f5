"""What picture files and films hold: kinds, colours, transparency, placement, animation."""
