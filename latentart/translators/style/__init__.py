"""Style transfer networks: one style, many styles, arbitrary styles."""
