"""The files of certificates and keys: read once for all checks, anew when they change, and never waited for."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from agent.api import CheckError, Context, Status
from agent.plugin.context import SharedWork
from checks._network import tls
from tests.checks.http.tls_servers import days, look_at, tls_serving
from tests.stand_ins.http_servers import http, look, metric


def test_one_context_serves_all_checks_with_the_same_settings_until_a_file_changes(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    wrong = tls.TlsSettings(ca_file=str(path))
    first = tls.context(wrong)
    assert tls.context(tls.TlsSettings(ca_file=str(path))) is first
    with tls_serving(authority) as server:
        assert look_at(server, str(path)).status is Status.CRITICAL
        authority.cert_pem.write_to_path(path)
        os.utime(path, ns=(1, 1))
        assert look_at(server, str(path)).status is Status.OK
    assert tls.context(wrong) is not first


def test_of_runs_that_were_due_together_one_looks_at_the_files_and_the_next_one_looks_anew(ca_file: str) -> None:
    looks: list[str] = []

    class Watched(Context):
        async def call_async(self, key: str, function: Callable[[], Any], most: int = 0) -> Any:
            looks.append(key)
            return function()

    settings = tls.TlsSettings(ca_file=ca_file)
    due = time.monotonic()
    made = [asyncio.run(tls.context_for(settings, Watched(due=due))) for _ in range(3)]
    assert (len(looks), made[0] is made[1] is made[2]) == (1, True)
    time.sleep(0.001)
    assert asyncio.run(tls.context_for(settings, Watched())) is made[0]
    assert len(looks) == 2


def test_a_certificate_is_told_by_what_it_is_now(authority: trustme.CA, ca_file: str) -> None:
    """What a certificate says is decoded once; another one of the same name is another one."""
    told = []
    for left in (100, 200, 100):
        with tls_serving(authority, not_after=days(left)) as server:
            told.append(int(metric(look_at(server, ca_file), "certificate").value // 86400))
    assert told == [100, 200, 100]


def test_files_that_cannot_be_used_are_our_fault_and_said(tmp_path: Path, ca_file: str) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for settings, said in (
        ({"ca_file": str(tmp_path / "gone.pem")}, "gone.pem: No such file"),
        ({"ca_file": str(nonsense)}, "ca_file .*nonsense.pem cannot be used: it holds no certificate in PEM$"),
        ({"client_cert": str(nonsense)}, "client_cert .*nonsense.pem cannot be used: .* is none in PEM$"),
        ({"client_cert": ca_file, "client_key": str(tmp_path / "gone.key")}, "client_key .*gone.key: No such file"),
    ):
        with pytest.raises(CheckError, match=said):
            look(http("https://127.0.0.1:9/", **settings))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge", "loop"])
@pytest.mark.parametrize("setting", ["ca_file", "client_cert", "crl_file"])
def test_what_is_no_file_of_certificates_is_said_at_once(setting: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "planted.pem"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    with pytest.raises(
        CheckError, match=f"planted.pem.* (is a folder|not a regular file|larger than|{os.strerror(errno.ELOOP)})"
    ):
        look(http("https://127.0.0.1:9/", **{setting: str(path)}))


def test_a_file_that_hangs_holds_up_the_checks_that_name_it_and_no_others(
    ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung, go_on, make = str(tmp_path / "hung.pem"), threading.Event(), tls._make
    shutil.copy(ca_file, hung)

    def made(settings: tls.TlsSettings, *where: str) -> object:
        if settings.ca_file == hung:
            go_on.wait(20)
        return make(settings, *where)

    monkeypatch.setattr(tls, "_make", made)

    def asked(path: str, seconds: float) -> ssl.SSLContext:
        return asyncio.run(tls.context_for(tls.TlsSettings(ca_file=path), Context(timeout=seconds)))

    held = threading.Thread(target=lambda: tls.context(tls.TlsSettings(ca_file=hung)))
    held.start()
    try:
        with pytest.raises(CheckError, match="not answering"):
            asked(hung, 0.3)
        tls._contexts.clear()
        assert asked(ca_file, 5.0)
        assert tls.context(tls.TlsSettings())
    finally:
        go_on.set()
        held.join()


def test_who_waits_for_the_same_file_gets_the_context_of_his_own_settings(ca_file: str, tmp_path: Path) -> None:
    async def both() -> list[ssl.SSLContext]:
        shared = SharedWork()
        wanted = [tls.TlsSettings(ca_file=ca_file, client_cert=me, verify=verify) for verify in (True, False)]
        return list(await asyncio.gather(*(tls.context_for(one, Context(shared=shared)) for one in wanted)))

    me = str(tmp_path / "me.pem")
    trustme.CA().issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(me)
    assert [one.verify_mode for one in asyncio.run(both())] == [ssl.CERT_REQUIRED, ssl.CERT_NONE]


def test_a_key_with_a_password_does_not_make_the_agent_ask_on_the_terminal(
    authority: trustme.CA, tmp_path: Path
) -> None:
    mine = authority.issue_cert("me@example.com")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    locked = serialization.BestAvailableEncryption(b"pw")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, locked))
    mine.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    settings = {"client_cert": str(tmp_path / "cert.pem"), "client_key": str(tmp_path / "key.pem")}
    with pytest.raises(CheckError, match="client_key has a password"):
        look(http("https://127.0.0.1:9/", **settings))


def test_a_renewed_client_certificate_is_picked_up(authority: trustme.CA, tmp_path: Path) -> None:
    for name in ("old", "new"):
        authority.issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / name)
    shutil.copy(tmp_path / "old", tmp_path / "me.pem")
    settings = tls.TlsSettings(client_cert=str(tmp_path / "me.pem"), verify=False)
    before = tls.context(settings)
    (tmp_path / "new").replace(tmp_path / "me.pem")
    assert tls.context(settings) is not before
