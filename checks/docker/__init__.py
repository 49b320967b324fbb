"""`type: docker`."""

from checks.docker.check import Docker

__all__ = ["Docker"]
