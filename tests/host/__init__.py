"""What a test needs of the machine: programs and rights, mounts of its own, places that nobody may look into."""
