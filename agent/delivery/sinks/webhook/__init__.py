"""Any service that takes a POST: its body is a template of the settings."""
