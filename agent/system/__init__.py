"""What the host gives: signals, systemd, the host's tags, and the redactor of secrets."""
