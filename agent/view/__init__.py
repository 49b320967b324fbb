"""The read model: what the agent knows as one value, its history, and the forms in which both are shown."""
