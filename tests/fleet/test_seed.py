"""An nkey is what NATS means by it: known keys, OpenSSL's signature, and files that hold none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.delivery.handover.seed import Seed

KNOWN = "SUAMK2FG4MI6UE3ACF3FK3OIQBCEIEZV7NSWFFEW63UXMRLFM2XLAXK4GY"
"""Of the tests of NATS's own library."""
ITS_PUBLIC = "UAT6BWCSCWLUKJT6K6MBJJOEOTXZ5AJDOYKNEVRFC7VNO6OA43N4TRNO"


@given(st.binary(min_size=32, max_size=32), st.text(max_size=100).filter(str.isprintable))
def test_keys_and_signatures_are_those_of_ed25519(raw: bytes, nonce: str) -> None:
    seed, same = Seed(raw), Ed25519PrivateKey.from_private_bytes(raw)
    assert seed.sign(nonce) == base64.b64encode(same.sign(nonce.encode()))
    public = base64.b32decode(seed.public() + "=" * (-len(seed.public()) % 8))
    assert public[1:33] == same.public_key().public_bytes_raw() and seed.public()[0] == "U"


def test_a_seed_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, seed = tmp_path / "seed", Seed.new()
    path.write_text(f"\ufeff{seed.text()}\r\n")
    assert Seed.read(str(path)).public() == seed.public() and seed.text().startswith("SU")
    path.write_text(KNOWN)
    assert Seed.read(str(path)).public() == ITS_PUBLIC


@pytest.mark.parametrize("text", ["", "SU", "no seed", KNOWN[:-1] + "A", "A" * 58, "ü"])
def test_a_file_without_a_seed_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seed"
    path.write_text(text)
    with pytest.raises(ValueError, match="seed is no nkey seed of a user: `hostvigil relay enrol` makes one"):
        Seed.read(str(path))
