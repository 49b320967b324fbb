"""The relay: hosts hand it what is to be told, and it alone tells, folded across hosts."""
