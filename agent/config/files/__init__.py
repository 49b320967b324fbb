"""Reads and watches the files of a configuration; no mount that hangs holds it up."""
