"""Commands that turn pictures and films into others, or into latents."""
