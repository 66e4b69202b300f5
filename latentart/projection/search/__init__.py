"""The optimisation behind projection: objectives, losses, priors, sample banks, tuning."""
