"""An nkey: NATS's name for an Ed25519 key, as one word of letters. OpenSSL signs, which Python has loaded anyway."""

from __future__ import annotations

import _ssl
import base64
import binascii
import codecs
import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

USER = 20 << 3
SEED = 18 << 3
"""The first bits of a user's public key, and of a seed."""
RAW, SIGNATURE = 32, 64
"""Bytes of a key of Ed25519, and of what it signs."""
ED25519 = 1087
"""OpenSSL's number of this kind of key."""


class Seed:
    """A user's secret key. Any thread may use it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @classmethod
    def new(cls) -> Seed:
        return cls(os.urandom(RAW))

    @classmethod
    def read(cls, path: str) -> Seed:
        """Read it from a file; OSError, or ValueError where the file holds none."""
        try:
            text = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8).strip()
        except OSError as error:
            raise OSError(f"{path} cannot be read: {error.strerror}") from None
        try:
            return cls(_unpack(text))
        except ValueError:
            raise ValueError(f"{path} is no nkey seed of a user: `hostvigil relay enrol` makes one") from None

    def text(self) -> str:
        """Return it as its file has it."""
        return _pack(bytes((SEED | USER >> 5, (USER & 31) << 3)) + self._raw)

    def public(self) -> str:
        """Return the public key, as the broker's configuration has it."""
        buffer = ctypes.create_string_buffer(RAW)
        with _Key(self._raw) as key:
            _true(_crypto().EVP_PKEY_get_raw_public_key(key, buffer, ctypes.byref(ctypes.c_size_t(RAW))))
        return _pack(bytes((USER,)) + buffer.raw)

    def sign(self, nonce: str) -> bytes:
        """Return the signature of what the broker sent, in base64."""
        crypto, message, signature = _crypto(), nonce.encode(), ctypes.create_string_buffer(SIGNATURE)
        context = ctypes.c_void_p(crypto.EVP_MD_CTX_new())
        try:
            with _Key(self._raw) as key:
                _true(crypto.EVP_DigestSignInit(context, None, None, None, key))
                length = ctypes.byref(ctypes.c_size_t(SIGNATURE))
                _true(crypto.EVP_DigestSign(context, signature, length, message, ctypes.c_size_t(len(message))))
        finally:
            crypto.EVP_MD_CTX_free(context)
        return base64.b64encode(signature.raw)


class _Key:
    """A key as OpenSSL has it, let go at the end."""

    def __init__(self, raw: bytes) -> None:
        self._key = ctypes.c_void_p(_crypto().EVP_PKEY_new_raw_private_key(ED25519, None, raw, ctypes.c_size_t(RAW)))
        _true(self._key.value)

    def __enter__(self) -> ctypes.c_void_p:
        return self._key

    def __exit__(self, *_: object) -> None:
        _crypto().EVP_PKEY_free(self._key)


@cache
def _crypto() -> Any:
    """Return OpenSSL: what Python's own module is linked with; OSError where it cannot be had."""
    for path in (getattr(_ssl, "__file__", None), "libcrypto.so.3"):
        try:
            library = ctypes.CDLL(path)
            library.EVP_PKEY_new_raw_private_key.restype = library.EVP_MD_CTX_new.restype = ctypes.c_void_p
            return library
        except (OSError, AttributeError):
            continue
    raise OSError("an nkey needs OpenSSL's library libcrypto.so.3, which is not found")


def _true(result: int | None) -> None:
    if not result or result < 0:
        raise OSError("OpenSSL does not take an Ed25519 key")


def _pack(data: bytes) -> str:
    """Return bytes and their checksum as letters."""
    check = binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data + check).decode().rstrip("=")


def _unpack(text: bytes) -> bytes:
    """Return the secret bytes of a user's seed; ValueError where it is none."""
    raw = base64.b32decode(text + b"=" * (-len(text) % 8))
    data, check = raw[:-2], int.from_bytes(raw[-2:], "little")
    kind = data[:2] == bytes((SEED | USER >> 5, (USER & 31) << 3))
    if len(data) != RAW + 2 or not kind or binascii.crc_hqx(data, 0) != check:
        raise ValueError
    return data[2:]
