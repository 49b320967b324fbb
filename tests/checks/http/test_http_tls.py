"""The http check over TLS: what it trusts, what it refuses and in which words, how long certificates last."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import errno
import os
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.api import CheckError, Context, DurationBelow, Result, Status
from agent.plugin.context import SharedWork
from checks._network import certificates, tls
from checks._network.addresses import Address
from checks._network.certificates import _issuers as issuers
from checks._network.reasons import TLS_HINTS, reason
from checks.http.addresses import ProxyUrl
from checks.http.expectations import TlsVersion
from tests.http_servers import OK, Server, Visit, http, look, metric, serving


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def days(number: float) -> datetime.datetime:
    """From now, and a little more: tests may run long after they were loaded."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=number, minutes=5)


@contextmanager
def tls_serving(authority: trustme.CA, *names: str, **dates: Any) -> Iterator[Server]:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost")), **dates).configure_cert(made)
    with serving(tls=made) as server:
        yield server


def look_at(server: Server, ca_file: str, **settings: Any) -> Result:
    return look(http(f"https://127.0.0.1:{server.port}/", ca_file=ca_file, **settings))


def test_a_trusted_certificate_is_ok_and_its_time_left_is_measured(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(authority, not_after=days(40)) as server:
        result = look_at(server, ca_file)
    assert result.status is Status.OK
    left = metric(result, "certificate")
    assert left.value == pytest.approx(40 * 86400, abs=600)
    assert (left.unit, left.warning, left.critical) == ("s", "1209600:", "259200:")
    assert "tls " in result.details
    assert "; TLSv1.3" in result.details


@pytest.mark.parametrize(("left", "status"), [(13, Status.WARNING), (2, Status.CRITICAL)])
def test_a_certificate_that_soon_expires_is_said_before_it_does(
    left: int, status: Status, authority: trustme.CA, ca_file: str
) -> None:
    with tls_serving(authority, "127.0.0.1", common_name="shop", not_after=days(left)) as server:
        result = look_at(server, ca_file)
        assert look_at(server, ca_file, certificate_warning=None, certificate_critical=None).status is Status.OK
    assert result.status is status
    assert result.summary.startswith(f"certificate 'shop' expires in {left}d ({status} below ")


def short_lived(authority: trustme.CA, until: datetime.datetime) -> trustme.CA:
    """The same authority with a certificate that expires then."""
    own = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    pem = authority.private_key_pem.bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    names = (own.issuer, own.subject, own.public_key(), own.serial_number, own.not_valid_before_utc)
    made = x509.CertificateBuilder(*names, until, list(own.extensions)).sign(key, hashes.SHA256())
    return trustme.CA.from_pem(made.public_bytes(serialization.Encoding.PEM), pem)


def test_an_issuer_that_expires_before_the_certificate_is_named(tmp_path: Path) -> None:
    root = short_lived(trustme.CA(organization_name="Our CA"), days(5))
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    with tls_serving(root.create_child_ca(), not_after=days(50)) as server:
        result = look_at(server, str(tmp_path / "root.pem"))
    assert result.status is Status.WARNING
    assert result.summary.startswith("certificate 'Our CA' expires in 5d (warning below 14d), 200 in ")


REFUSED: dict[str, dict[str, Any]] = {
    "Hostname mismatch": {"names": ("shop.example.com",)},
    "IP address mismatch": {"names": ("10.0.0.1",)},
    "certificate has expired": {"not_before": days(-9), "not_after": days(-2)},
    "certificate is not yet valid": {"not_before": days(2), "not_after": days(9)},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_certificate_that_must_not_be_trusted_is_refused_with_the_reason(
    reason: str, authority: trustme.CA, ca_file: str
) -> None:
    given = dict(REFUSED[reason])
    with tls_serving(authority, *given.pop("names", ()), **given) as server:
        url = f"https://{'127.0.0.1' if reason.startswith('IP') else 'localhost'}:{server.port}/"
        result = look(http(url, ca_file=ca_file, ip_version=4))
        assert look(http(url, verify=False, certificate_critical=None, certificate_warning=None)).status is Status.OK
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"certificate refused: {reason}")
    assert "TLS handshake with " in result.summary


def test_an_unknown_issuer_is_refused_and_the_way_out_named(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(trustme.CA()) as server:
        assert look_at(server, ca_file).summary.startswith("certificate refused: ")
        assert look(http(f"https://127.0.0.1:{server.port}/")).summary.startswith("certificate refused: ")
    with tls_serving(authority.create_child_ca()) as server:
        assert look_at(server, ca_file).status is Status.OK


def test_a_self_signed_certificate_is_trusted_where_it_is_the_ca_file(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "leaf.pem")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(made)
    with serving(tls=made) as server:
        assert look_at(server, str(tmp_path / "leaf.pem")).status is Status.OK


def test_without_verification_the_certificate_is_still_watched() -> None:
    with tls_serving(trustme.CA(), not_after=days(1)) as server:
        result = look_at(server, "", verify=False)
    assert result.status is Status.CRITICAL
    assert "expires in 1d" in result.summary


def test_an_old_tls_version_is_refused(authority: trustme.CA, ca_file: str) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1").configure_cert(old)
    with serving(tls=old) as server:
        assert "TLSv1.2" in look_at(server, ca_file).details
        result = look_at(server, ca_file, min_tls_version=TlsVersion("1.3"))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("TLS error ")
    assert "protocol version" in result.summary


def test_a_server_that_wants_a_client_certificate_gets_it(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(strict)
    authority.issue_cert("127.0.0.1").configure_cert(strict)
    mine = authority.issue_cert("me@example.com")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    with serving(tls=strict) as server:
        assert look_at(server, ca_file, client_cert=str(tmp_path / "me.pem")).status is Status.OK
        result = look_at(server, ca_file)
    assert result.status is Status.CRITICAL
    assert "the server wants a client certificate" in result.summary


def test_a_server_may_ask_for_the_client_certificate_after_it_has_read_the_request(
    authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """As Apache does by TLS 1.3 where only some paths want one."""
    later = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    later.verify_mode, later.post_handshake_auth = ssl.CERT_REQUIRED, True
    later.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(later)
    authority.issue_cert("127.0.0.1").configure_cert(later)
    authority.issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")

    def ask(visit: Visit) -> None:
        assert isinstance(visit.connection, ssl.SSLSocket)
        try:
            visit.connection.verify_client_post_handshake()
        except ssl.SSLError:
            visit.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")  # carries the question
        visit.connection.settimeout(0.05)
        for _ in range(200):  # nothing comes but the certificate
            with contextlib.suppress(TimeoutError):
                visit.connection.recv(1)
            if visit.connection.getpeercert():
                break
        visit.send(OK)

    with serving(ask, tls=later) as server:
        assert look_at(server, ca_file, client_cert=str(tmp_path / "me.pem")).status is Status.OK
        assert look_at(server, ca_file).summary.startswith("403 in ")


@pytest.mark.parametrize("name", sorted(TLS_HINTS))
def test_an_error_of_tls_is_explained_whether_python_knows_its_name_or_not(name: str) -> None:
    known = ssl.SSLError(1, f"[SSL: {name}] {name.lower().replace('_', ' ')} (_ssl.c:1006)")
    words = ssl.SSLError(1, f"[SSL] {name.lower().replace('_', ' ')} (_ssl.c:1006)")
    known.reason = name
    words.reason = None  # type: ignore[assignment]  # so it is where Python does not know the name
    assert reason(known, 1.0) == reason(words, 1.0)
    assert TLS_HINTS[name] in reason(words, 1.0)


def test_a_name_with_an_underscore_under_a_wildcard_says_why_it_is_refused(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(authority, "*.example.com") as server:
        here = Address.parse(f"127.0.0.1:{server.port}")
        for name, said in (
            ("my_app.example.com", "no wildcard covers a name with an underscore"),
            ("x.example.org", ""),
        ):
            result = look(http(f"https://{name}/", ca_file=ca_file, connect_to=here))
            assert result.status is Status.CRITICAL
            assert said in result.summary
            assert ("underscore" in result.summary) == bool(said)


def test_connect_to_and_server_name_keep_the_name_that_is_asked_for(authority: trustme.CA, ca_file: str) -> None:
    with tls_serving(authority, "shop.example.com") as server:
        here = Address.parse(f"127.0.0.1:{server.port}")
        assert look(http("https://shop.example.com/", ca_file=ca_file, connect_to=here)).status is Status.OK
        assert look_at(server, ca_file, server_name="shop.example.com").status is Status.OK
    assert server.server_names == ["shop.example.com"] * 2
    assert b"Host: shop.example.com\r\n" in server.requests[0]
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in server.requests[1]


def test_plain_http_on_a_tls_port_and_the_other_way_round_are_told_apart(authority: trustme.CA, ca_file: str) -> None:
    with serving(b"HTTP/1.1 400 Bad\r\n\r\n", greedy=False) as server:
        assert look_at(server, ca_file).summary.startswith(
            ("what answers does not speak TLS: TLS handshake", "TLS error ")
        )
    with tls_serving(authority) as server:
        assert look(http(server.url)).status is Status.CRITICAL


def test_https_goes_through_a_proxy_by_connect(authority: trustme.CA, ca_file: str) -> None:
    def relay(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("shop.invalid").configure_cert(made)
        visit.connection.settimeout(5)
        with made.wrap_socket(visit.connection, server_side=True) as inner:
            inner.recv(65536)
            inner.sendall(OK)

    with serving(relay) as proxy:
        way = ProxyUrl.parse(f"http://u:p@127.0.0.1:{proxy.port}")
        result = look(http("https://shop.invalid/", proxy=way, ca_file=ca_file, bearer_token="secret"))
    assert result.status is Status.OK, result.summary
    assert proxy.requests[0].startswith(b"CONNECT shop.invalid:443 HTTP/1.1\r\nHost: shop.invalid:443\r\n")
    assert b"Proxy-Authorization: Basic dTpw\r\n" in proxy.requests[0]
    assert b"secret" not in proxy.requests[0]
    assert metric(result, "certificate").value > 0


def test_a_proxy_that_refuses_is_told_from_a_server_that_is_down() -> None:
    with serving(b"HTTP/1.1 407 Who\r\n\r\n") as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(CheckError, match="refuses us: write user and password"):
            look(http("https://shop.invalid/", proxy=way))
    with serving(b"HTTP/1.1 502 Gone\r\n\r\n") as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        result = look(http("https://shop.invalid/", proxy=way))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"the proxy answered 502: asking the proxy {way} for shop.invalid")


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
        ({"ca_file": str(nonsense)}, "nonsense.pem cannot be used"),
        ({"client_cert": str(nonsense)}, "nonsense.pem cannot be used"),
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
    with pytest.raises(CheckError, match=f"planted.pem.* (not a regular file|larger than|{os.strerror(errno.ELOOP)})"):
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


def test_certificates_of_the_environment_are_not_trusted(
    authority: trustme.CA, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, ca_file)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls._contexts.clear()
    with tls_serving(authority) as server:
        result = look(http(f"https://127.0.0.1:{server.port}/"))
    assert result.summary.startswith("certificate refused: ")
    assert not (tmp_path / "keys").exists()


def test_a_renewed_client_certificate_is_picked_up(authority: trustme.CA, tmp_path: Path) -> None:
    for name in ("old", "new"):
        authority.issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / name)
    shutil.copy(tmp_path / "old", tmp_path / "me.pem")
    settings = tls.TlsSettings(client_cert=str(tmp_path / "me.pem"), verify=False)
    before = tls.context(settings)
    (tmp_path / "new").replace(tmp_path / "me.pem")
    assert tls.context(settings) is not before


@pytest.mark.parametrize(("offered", "said"), [(["http/1.1"], ""), ([], "; perhaps it speaks HTTP/2 only")], ids=str)
def test_a_server_that_agreed_to_http_1_is_not_said_to_speak_another(
    offered: list[str], said: str, authority: trustme.CA, ca_file: str
) -> None:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    made.set_alpn_protocols(offered)
    with serving(b"", tls=made) as server:
        assert look_at(server, ca_file).summary == f"the server closed the connection: waiting for the headers{said}"


@pytest.mark.parametrize("kind", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_an_end_is_told_alike_whatever_a_python_calls_it(kind: type[ssl.SSLError]) -> None:
    assert (
        reason(kind(8, "EOF occurred in violation of protocol (_ssl.c:992)"), 5.0) == "the server closed the connection"
    )


def test_an_end_within_the_handshake_is_an_end(ca_file: str) -> None:
    def leave(visit: Visit) -> None:
        visit.connection.recv(10)
        visit.connection.shutdown(socket.SHUT_WR)
        visit.connection.recv(65536)

    with serving(leave, greedy=False) as server:
        result = look_at(server, ca_file)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("the server closed the connection: TLS handshake with 127.0.0.1")


@pytest.mark.parametrize("left", [-400, -1, 1, 13, 40])
@pytest.mark.parametrize("never", [None, DurationBelow.parse("0s"), DurationBelow.parse("0d")])
def test_a_watch_that_is_switched_off_is_off_for_certificates_of_every_age(
    left: int, never: DurationBelow | None
) -> None:
    with tls_serving(trustme.CA(), not_before=days(-500), not_after=days(left)) as server:
        levels = {"certificate_warning": never, "certificate_critical": never}
        result = look_at(server, "", verify=False, **levels)
        assert result.status is Status.OK, result.summary
        assert look_at(server, "", verify=False, certificate_warning=never).status is (
            Status.CRITICAL if left < 3 else Status.OK
        )


def test_a_certificate_that_is_not_valid_yet_is_told_also_where_it_is_not_verified() -> None:
    with tls_serving(trustme.CA(), "127.0.0.1", common_name="shop", not_before=days(2), not_after=days(99)) as server:
        result = look_at(server, "", verify=False)
        mild = look_at(server, "", verify=False, certificate_critical=None)
        off = look_at(server, "", verify=False, certificate_warning=None, certificate_critical=None)
    assert (result.status, mild.status) == (Status.CRITICAL, Status.WARNING)
    assert result.summary.startswith("certificate 'shop' is not valid yet: look at the clocks, 200 in ")
    assert off.status is Status.OK


def test_without_verification_the_issuers_that_the_server_sends_are_watched_too() -> None:
    root = trustme.CA()
    middle = short_lived(root.create_child_ca(), days(5))
    middle_pem = middle.cert_pem.bytes()
    issued = middle.issue_cert("127.0.0.1", not_after=days(50))
    for sent, status in (([middle_pem], Status.WARNING), ([], Status.OK), ([root.cert_pem.bytes()], Status.OK)):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes() + b"".join(sent)
        with trustme.Blob(chain).tempfile() as path:
            made.load_cert_chain(path)
        with serving(tls=made) as server:
            assert look_at(server, "", verify=False).status is status


def info(subject: str, issuer: str, expires: str = "2040", begins: str = "2020") -> dict[str, Any]:
    """What Python's ssl says of a certificate."""
    names = {key: ((("commonName", name),),) for key, name in (("subject", subject), ("issuer", issuer))}
    return {**names, "notAfter": f"Jan  1 00:00:00 {expires} GMT", "notBefore": f"Jan  1 00:00:00 {begins} GMT"}


LEAF, MIDDLE, ROOT = info("shop", "middle"), info("middle", "root"), info("root", "root", "2021")


@pytest.mark.parametrize(
    ("sent", "watched"),
    [
        ([LEAF, MIDDLE, ROOT], [LEAF, MIDDLE]),
        ([LEAF, info("middle", "root", "2021"), MIDDLE], [LEAF, MIDDLE]),
        ([LEAF, ROOT, info("other", "root"), MIDDLE], [LEAF, MIDDLE]),
        ([LEAF, MIDDLE, info("root", "old root", "2021"), ROOT], [LEAF, MIDDLE]),
        ([LEAF, MIDDLE, info("root", "old root", "2021")], [LEAF, MIDDLE, info("root", "old root", "2021")]),
        ([LEAF, info("middle", "shop"), LEAF], [LEAF, info("middle", "shop"), LEAF]),
        ([info("shop", "shop"), info("shop", "shop")], [info("shop", "shop")]),
    ],
)
def test_unverified_the_issuers_that_a_client_needs_are_watched_in_any_order(
    sent: list[dict[str, Any]], watched: list[dict[str, Any]]
) -> None:
    """Of two that issued the same an old one is no alarm."""
    assert issuers(sent) == watched


def test_the_certificate_that_is_not_valid_yet_is_named() -> None:
    class Handle:
        def __init__(self, *words: str) -> None:
            self.get_info = partial(info, *words)

    handles = [Handle("shop", "m", "2030"), Handle("m", "r", "2040", "2035")]
    connection = SimpleNamespace(
        context=SimpleNamespace(verify_mode=ssl.CERT_NONE),
        _sslobj=SimpleNamespace(get_unverified_chain=lambda: handles),
    )
    seen = certificates.certificate(connection)  # type: ignore[arg-type]
    assert seen is not None
    assert (seen.name, seen.last_to_begin) == ("shop", "m")
