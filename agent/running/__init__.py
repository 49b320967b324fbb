"""When a check is due, and how one run becomes exactly one outcome."""
