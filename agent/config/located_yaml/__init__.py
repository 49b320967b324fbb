"""YAML as values that know their place."""
