"""Notifications on their way: each destination has its own order, limits and waits."""
