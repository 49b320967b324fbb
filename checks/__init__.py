"""What hostvigil can look at: one file is one check type, found by its name."""
