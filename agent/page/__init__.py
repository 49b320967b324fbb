"""The page: what the Snapshot says, over HTTP, for people and for what asks by itself. Loaded only where configured."""
