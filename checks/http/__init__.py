"""Ask a URL, and judge status, time, headers, body and certificate of the answer."""

from checks.http.check import Http

__all__ = ["Http"]
