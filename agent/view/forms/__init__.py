"""The JSON of the commands: documented, versioned forms. Times are Unix milliseconds, spans seconds.

A key is never renamed or removed within a version, and its meaning stays; new ones may come.
"""
