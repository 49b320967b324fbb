"""How results become a state, and a state a notification. Pure."""
