"""References to secrets, and what is a secret."""
