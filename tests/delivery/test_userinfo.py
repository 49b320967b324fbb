"""What must not show of an address with a user or a password in it."""

from __future__ import annotations

import pytest

from agent.delivery.answer import userinfo


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://example.com/a@b", []),
        ("https://ann:s3cret@example.com/", ["ann:s3cret", "s3cret"]),
        ("https://ann:s3cret@example.com/?to=https://x:y@z/", ["ann:s3cret", "s3cret"]),
        ("https://ann:a:b@example.com", ["ann:a:b", "a:b"]),
        ("https://ann@home:s3cret@example.com/", ["ann@home:s3cret", "s3cret"]),
        ("https://t0ken@example.com/", ["t0ken"]),
        ("https://ann:%73%33cret@example.com/", ["ann:%73%33cret", "%73%33cret", "ann:s3cret", "s3cret"]),
        ("ann:s3cret@proxy:3128", ["ann:s3cret", "s3cret"]),
        ("proxy:3128", []),
        ("", []),
    ],
)
def test_user_and_password_are_secret_as_they_are_written_and_as_they_are_sent(url: str, secrets: list[str]) -> None:
    assert sorted(userinfo(url)) == sorted(secrets)
