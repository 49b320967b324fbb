"""A broker between the host and who tells: what waits is handed over, and goes at the receipt."""
