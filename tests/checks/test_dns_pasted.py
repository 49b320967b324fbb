"""What people paste into `expect` beside what `dig +short` prints, and what a hosts file has for a kind of record."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from checks.dns import by_host
from checks.dns.values import parse_all, question_name


@pytest.mark.parametrize(
    ("record", "values", "says"),
    [
        ("TXT", ['example.com.\t300\tIN\tTXT\t"v=spf1 -all"'], 'write only its value, "v=spf1 -all"'),
        ("TXT", ['example.com. IN TXT "a"'], 'write only its value, "a"'),
        ("TXT", ['example.com descriptive text "v=spf1 -all"'], 'write only its value, "v=spf1 -all"'),
        ("TXT", ['example.com\ttext = "v=spf1 -all"'], 'write only its value, "v=spf1 -all"'),
        ("MX", ["example.com. 300 IN MX 10 mail.example.com."], "write only its value, 10 mail.example.com."),
        ("SOA", ["a. 1 IN SOA ns. host. (\n 1 ; serial\n 2 3 4 5 )"], "write only its value, ns. host. (\n 1 ; serial"),
        ("A", ["web.cdn.example.", "192.0.2.1"], "'web.cdn.example.' is an alias, which dig prints before the values"),
        ("AAAA", ["web.cdn.example.", "2001:db8::1"], "leave it out"),
        ("TXT", ["k1._domainkey.example.net.", '"v=DKIM1; p=x"'], "leave it out, or put it into double quotes as well"),
    ],
)
def test_what_is_more_than_values_is_refused_with_what_to_write(record: str, values: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=r"whole line|alias") as problem:
        parse_all(record, values)
    assert says in str(problem.value)


@pytest.mark.parametrize(
    ("record", "values"),
    [
        ("TXT", ["example.com."]),
        ("TXT", ["example.com.", "v=spf1 -all"]),
        ("TXT", ["MS=1", '"v=spf1 -all"']),
        ("TXT", ["what IN the world"]),
        ("TXT", ['say text = x "y"']),
        ("CNAME", ["web.example.com."]),
        ("NS", ["ns1.example.com.", "ns2.example.com"]),
    ],
)
def test_what_may_be_a_value_is_one(record: str, values: list[str]) -> None:
    assert list(parse_all(record, values)) == values


@pytest.mark.parametrize(
    "name", ["http://www.example.com/", "www.example.com:53", "[::1]", "127.0.0.1/8", "2001:db8::/32", "fe80::1%lo"]
)
@pytest.mark.parametrize("record", ["A", "PTR"])
def test_a_url_a_port_a_network_and_an_interface_are_no_name(name: str, record: str) -> None:
    with pytest.raises(ValueError, match=r"is no DNS name|is an address|names an interface"):
        question_name(name, record)


@pytest.mark.parametrize("name", ["9.0/26.2.0.192.in-addr.arpa", "_a.example", "*.example", ".", "a\\.b.example"])
def test_odd_names_are_names(name: str) -> None:
    assert question_name(name, "PTR").to_text().rstrip(".") == name.rstrip(".")


@pytest.mark.parametrize(
    ("name", "ipv4", "ipv6"),
    [
        ("four.test", True, False),
        ("six.test", False, True),
        ("both.test", True, True),
        ("loop.test", True, True),
        ("mapped.test", True, True),
        ("odd.test", False, False),
    ],
)
def test_the_hosts_file_answers_for_the_addresses_that_it_has(
    name: str, ipv4: bool, ipv6: bool, tmp_path: Path
) -> None:
    """Where it has none of the wanted kind, the C library asks on, and adds the search domains."""
    lines = ["192.0.2.1 four.test both.test", "2001:db8::1 Six.test both.test", "::1 loop.test", "x odd.test"]
    (tmp_path / "hosts").write_text("\n".join([*lines, "::ffff:192.0.2.1 mapped.test"]))
    for family, has in ((socket.AF_INET, ipv4), (socket.AF_INET6, ipv6)):
        assert by_host.in_hosts(name, family, str(tmp_path / "hosts")) == has
