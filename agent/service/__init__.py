"""The wiring: makes the parts, and starts, reloads and stops them."""
