"""Runs a program, in any language, and takes its word: exit code, text, performance data."""

from checks.script.check import Script

__all__ = ["Script"]
