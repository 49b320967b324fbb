"""Servers and far ends that tests talk to, on loopback."""
