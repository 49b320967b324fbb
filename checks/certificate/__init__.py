"""`type: certificate`."""

from checks.certificate.check import Certificate

__all__ = ["Certificate"]
