"""Commands that run on this machine: the live server, its speed, what is installed."""
