"""Ways to run a generator: one file each, with `choices` and `prepare` (see `latentart.engine.request.Route`)."""
