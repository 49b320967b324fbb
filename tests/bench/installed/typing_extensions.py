"""Development packages bring it, and msgspec imports it where it is there: 1.3 MB that no installed agent takes."""

raise ImportError
