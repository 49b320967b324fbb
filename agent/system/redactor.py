"""Pure: secrets out of a text, in the forms in which they turn up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

HIDDEN = "***"
SHORT = 4
"""A secret of fewer characters is hidden only where it stands alone: it would tear words apart."""


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides these secrets, as they are or quoted for a URL, JSON or Python."""
    forms = {form for secret in secrets if secret.strip() for form in _forms(secret)}
    if not forms:
        return str
    # Longest first: a secret that contains another one is hidden whole.
    patterns = (_pattern(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
    search = re.compile("|".join(patterns))
    return lambda text: search.sub(HIDDEN, text)


def _pattern(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= SHORT else rf"(?<!\w){escaped}(?!\w)"


def _forms(secret: str) -> set[str]:
    # Late: an agent without secrets needs neither.
    from json import dumps
    from urllib.parse import quote, quote_plus

    plain = {secret, secret.strip()}
    in_urls = {form(text, errors="replace") for text in plain for form in (quote, quote_plus)}
    in_urls |= {quote(text, safe="", errors="replace") for text in plain}
    in_quotes = {form(text)[1:-1] for text in plain for form in (dumps, repr)}
    return plain | in_urls | in_quotes
