"""Check types: which there are, and the owner's own ones."""
