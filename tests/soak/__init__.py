"""An agent for long, under failures, outages and reloads: nothing of it may grow."""
