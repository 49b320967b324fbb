"""What a check type is made of: context, units, patterns, files' owners, the host that is discovered."""
