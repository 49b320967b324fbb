"""What was: changes and the course of metrics, in a file of its own beside the store."""
