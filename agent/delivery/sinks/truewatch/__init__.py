"""The create-event API of TrueWatch and Guance."""
