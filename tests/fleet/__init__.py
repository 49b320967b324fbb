"""A fleet: broker, relay and hosts."""
