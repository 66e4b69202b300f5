"""What can be played and what was asked for: parameters, state, presets, takes, tempo. No network, no pictures."""
