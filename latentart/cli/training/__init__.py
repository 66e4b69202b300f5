"""Commands that prepare training data and train networks."""
