"""Which plugin says what when: Debian's monitoring-plugins on a lone host, in every status that can be provoked there.

Braces are places: `{smtp}` is `-H 127.0.0.1 -p` and the port of that server of tests/stand_ins/plugin_servers.py,
`{port[http]}` its port alone, `{files}` the folder that `write_files` fills, `{ssh}` the options that reach a real
sshd. A word `NAME=value` before the arguments is an environment variable.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from agent.api import Status

FOLDER = "/usr/lib/nagios/plugins"
PACKAGES = ("monitoring-plugins-basic", "monitoring-plugins-standard")
OWN_ADDRESS = "127.0.0.77"
"""Where plugins that know no other port than the protocol's own find its server; ports below 1024 need root."""

OK, WARNING, CRITICAL, NODATA = Status.OK, Status.WARNING, Status.CRITICAL, Status.NODATA

Run = tuple[Status, str, str]
"""The status, the arguments, and how the summary begins."""


def _greeted(place: str, stranger: str, name: str) -> list[Run]:
    """Return what the plugins that are check_tcp by another name say of a greeting."""
    return [
        (OK, f"{{{place}}}", f"{name} OK - "),
        (WARNING, f"{{{place}}} -w 0.0000001", f"{name} WARNING - "),
        (WARNING, f"{{{stranger}}}", f"{name} WARNING - Unexpected response from host/socket"),
        (CRITICAL, f"{{{place}}} -c 0.0000001", f"{name} CRITICAL - "),
        (CRITICAL, "{closed}", "connect to address 127.0.0.1 and port"),
    ]


def _in_tls(place: str, name: str) -> list[Run]:
    return [
        *_greeted(place, "strangers", name),
        (WARNING, f"{{{place}}} -D 30,10", "WARNING - Certificate 'Unknown CN' expires in 20 day(s)"),
        (CRITICAL, f"{{{place}}} -D 40,30", "CRITICAL - Certificate 'Unknown CN' expires in 20 day(s)"),
    ]


_APT = "'--upgrade=-s -qq -c {files}/apt/apt.conf'"

RUNS: dict[str, list[Run]] = {
    "check_apt": [
        (OK, f"{_APT} -i nothing-of-this-name", "APT OK: 0 packages"),
        (WARNING, f"{_APT} -l", "APT WARNING: 1 packages available for upgrade (0 critical updates)."),
        (CRITICAL, f"{_APT} -c old", "APT CRITICAL: 1 packages available for upgrade (1 critical updates)."),
        (NODATA, "-c (", "check_apt: Error compiling regexp"),
    ],
    "check_by_ssh": [
        (OK, "{ssh} -C 'echo \"there | a=1;2;3\"'", "there"),
        (WARNING, "{ssh} -C 'echo hm; exit 1'", "hm"),
        (CRITICAL, "{ssh} -C '" + FOLDER + "/check_dummy 2 over-there'", "CRITICAL: over-there"),
        (NODATA, "{closed} -C true", "Remote command execution failed: ssh: connect to host 127.0.0.1"),
        (NODATA, "{closed} -E -C true", "exit 255 is no plugin status (0 to 3): UNKNOWN - check_by_ssh"),
    ],
    "check_clamd": _greeted("clamd", "stranger", "CLAMD"),
    "check_cluster": [
        (OK, "-s -d 0,0,2 -w 1 -c 2", "CLUSTER OK: Service cluster: 2 ok, 0 warning, 0 unknown, 1 critical"),
        (WARNING, "-h -d 0,1,2 -w 0 -c 5 -l 'my hosts'", "CLUSTER WARNING: my hosts: 1 up, 1 down, 1 unreachable"),
        (CRITICAL, "-s -d 0,2,2 -c 1", "CLUSTER CRITICAL"),
    ],
    "check_dig": [
        (OK, "{dns} -l here.test", "DNS OK - "),
        (WARNING, "{dns} -l here.test -w 0.000001", "DNS WARNING - "),
        (WARNING, "{dns} -l here.test -a 192.0.2.8", "DNS WARNING - "),
        (CRITICAL, "{dns} -l there.test", "DNS CRITICAL - "),
    ],
    "check_disk": [
        (OK, "-w 0% -c 0% -p /", "DISK OK"),
        (WARNING, "-w 100% -c 0% -p /", "DISK WARNING"),
        (CRITICAL, "-w 100% -c 100% -p /", "DISK CRITICAL"),
    ],
    "check_dns": [
        (OK, f"-s {OWN_ADDRESS} -H here.test", "DNS OK: "),
        (WARNING, f"-s {OWN_ADDRESS} -H here.test -w 0.000001", "DNS WARNING: "),
        (CRITICAL, f"-s {OWN_ADDRESS} -H here.test -a 192.0.2.8", "DNS CRITICAL - expected '192.0.2.8'"),
        (CRITICAL, f"-s {OWN_ADDRESS} -H there.test", "Domain 'there.test' was not found by the server"),
    ],
    "check_dummy": [
        (OK, "0 fine", "OK: fine"),
        (WARNING, "1 'it | is=so'", "WARNING: it | is=so"),
        (CRITICAL, "2 'it | is=1 | and=2'", "CRITICAL: it"),
        (NODATA, "3", "UNKNOWN"),
        (NODATA, "4 fine", "UNKNOWN: Status 4 is not a supported error state"),
    ],
    "check_file_age": [
        (OK, "-w 60 -c 120 -f {files}/mrtg.log", "FILE_AGE OK: "),
        (OK, "-i -f {files}/nowhere", "FILE_AGE OK: "),
        (WARNING, "-w 60 -c 900000000 -f {files}/old.log", "FILE_AGE WARNING: "),
        (CRITICAL, '-w 60 -c 120 -f "{files}/it\'s old"', "FILE_AGE CRITICAL: "),
    ],
    "check_fping": [
        (OK, "-H 127.0.0.1 -n 1", "FPING OK - "),
        (WARNING, "-H 127.0.0.1 -n 1 -w 0,50% -c 100,90%", "FPING WARNING - "),
        (CRITICAL, "-H 127.0.0.1 -n 1 -w 0,50% -c 0,90%", "FPING CRITICAL - "),
    ],
    "check_ftp": _greeted("ftp", "stranger", "FTP"),
    "check_host": [
        (OK, "-H 127.0.0.1 -n 1", "OK - 127.0.0.1 responds to ICMP."),
        (NODATA, "-H 'no host'", "check_host: Failed to resolve no host"),
    ],
    "check_http": [
        (OK, "-I 127.0.0.1 -p {port[http]}", "HTTP OK: HTTP/1.1 200 OK - "),
        (OK, "-I 127.0.0.1 -p {port[https]} -S -E", "HTTP OK: HTTP/1.1 200 OK - "),
        (OK, "-I 127.0.0.1 -p {port[http]} -u /moved -f follow", "HTTP OK: HTTP/1.1 200 OK - "),
        (WARNING, "-I 127.0.0.1 -p {port[http]} -u /moved -f warning", "HTTP WARNING: HTTP/1.1 302 Found - "),
        (WARNING, "-I 127.0.0.1 -p {port[http]} -u /missing", "HTTP WARNING: HTTP/1.1 404 Not Found - "),
        (WARNING, "-I 127.0.0.1 -p {port[https]} -S -C 30,10", "WARNING - Certificate"),
        (CRITICAL, "-I 127.0.0.1 -p {port[https]} -S -C 40,30", "CRITICAL - Certificate"),
        (CRITICAL, "-I 127.0.0.1 -p {port[http]} -u /broken", "HTTP CRITICAL: HTTP/1.1 500"),
        (CRITICAL, "-I 127.0.0.1 -p {port[http]} -u /nonsense", "HTTP CRITICAL - Invalid HTTP response"),
        (CRITICAL, "-I 127.0.0.1 -p {port[shut]}", "HTTP CRITICAL - No data received from host"),
    ],
    "check_icmp": [
        (OK, "-H 127.0.0.1 -n 1", "OK - 127.0.0.1: rta "),
        (WARNING, "-H 127.0.0.1 -n 1 -w 0,40%", "WARNING - 127.0.0.1: rta "),
        (CRITICAL, "-H 127.0.0.1 -n 1 -c 0,40%", "CRITICAL - 127.0.0.1: rta "),
    ],
    "check_ide_smart": [(CRITICAL, "-d /dev/null", "CRITICAL - SMART_CMD_ENABLE")],
    "check_imap": _greeted("imap", "stranger", "IMAP"),
    "check_ircd": [
        (OK, "{ircd} -w 100 -c 200", "IRCD ok - Current Local Users: 60"),
        (WARNING, "{ircd}", "Warning Number Of Clients Connected : 60 (Limit = 50)"),
        (CRITICAL, "{ircd} -w 10 -c 20", "Critical Number Of Clients Connected : 60 (Limit = 20)"),
        (NODATA, "{closed}", "IRCD UNKNOWN: Could not connect socket (Connection refused)"),
    ],
    "check_jabber": _greeted("jabber", "stranger", "JABBER"),
    "check_ldap": [
        (OK, "{ldap} -b dc=x", "LDAP OK - "),
        (WARNING, "{ldap} -b dc=x -W 1:2", "LDAP WARNING - found 3 entries"),
        (WARNING, "{ldap} -b dc=x -w 0.000001", "LDAP WARNING - "),
        (CRITICAL, "{ldap} -b dc=x -C 1:2", "LDAP CRITICAL - found 3 entries"),
        (CRITICAL, "{ldap_refusing} -b dc=x -D cn=a -P b", "Could not bind to the LDAP server"),
    ],
    "check_ldaps": [
        (OK, "LDAPTLS_REQCERT=never {ldaps} -b dc=x -S", "LDAP OK - "),
        (WARNING, "LDAPTLS_REQCERT=never {ldaps} -b dc=x -S -w 0.000001", "LDAP WARNING - "),
        (CRITICAL, "{ldaps} -b dc=x -S", "Could not bind to the LDAP server"),
    ],
    "check_load": [
        (OK, "-w 10000,10000,10000 -c 20000,20000,20000", "LOAD OK - total load average: "),
        (NODATA, "-w -1 -c 2", "Warning threshold for 1-minute load average is not specified"),
    ],
    "check_log": [
        (OK, "-F {files}/mrtg.log -O {files}/log.first -q error", "Log check data initialized"),
        (CRITICAL, "-F {files}/bad.log -O {files}/log.before -q error", "(1) < error | level=high, see the manual"),
        (NODATA, "-F {files}/nowhere -O {files}/log.never -q error", "Log check error: Log file"),
    ],
    "check_mrtg": [
        (OK, "-F {files}/mrtg.log -a AVG -v 1 -w 100 -c 200", "Avg. value = 10"),
        (WARNING, "-F {files}/mrtg.log -a AVG -v 1 -w 5 -c 200", "Avg. value = 10"),
        (CRITICAL, "-F {files}/mrtg.log -a MAX -v 1 -w 5 -c 20", "Max. value = 30"),
        (NODATA, "-F {files}/nowhere -a MAX -v 1 -w 5 -c 20", "Unable to open MRTG log file"),
    ],
    "check_mrtgtraf": [
        (OK, "-F {files}/mrtg.log -a AVG -w 100,100 -c 200,200", "Traffic OK - "),
        (WARNING, "-F {files}/mrtg.log -a AVG -w 5,100 -c 200,200", "Traffic WARNING - "),
        (CRITICAL, "-F {files}/mrtg.log -a MAX -w 5,100 -c 8,200", "Traffic CRITICAL - "),
    ],
    "check_nagios": [
        (OK, "-F {files}/status.log -e 5 -C pytest", "NAGIOS OK: "),
        (WARNING, "-F {files}/mrtg.log -e 5 -C pytest", "NAGIOS WARNING: "),
        (CRITICAL, "-F {files}/status.log -e 5 -C no-such-program", "NAGIOS CRITICAL: Could not locate"),
    ],
    "check_nntp": _greeted("nntp", "stranger", "NNTP"),
    "check_nntps": _in_tls("nntps", "NNTPS"),
    "check_nt": [
        (OK, "{nsclient} -v CLIENTVERSION", "NSClient++ 0.5"),
        (OK, "{nsclient} -v USEDDISKSPACE -l c -w 80 -c 90", "c:\\ - total: 0.93 Gb"),
        (WARNING, "{nsclient} -v CPULOAD -l 5,30,90", "CPU Load 40% (5 min average)"),
        (CRITICAL, "{nsclient} -v CPULOAD -l 5,20,30", "CPU Load 40% (5 min average)"),
        (NODATA, "{nsclient} -v UPTIME", "NSClient - ERROR: no"),
    ],
    "check_ntp": [
        (OK, f"-H {OWN_ADDRESS}", "NTP OK: Offset "),
        (WARNING, f"-H {OWN_ADDRESS} -w 0 -c 100", "NTP WARNING: "),
        (CRITICAL, f"-H {OWN_ADDRESS} -w 0 -c 0", "NTP CRITICAL: "),
    ],
    "check_ntp_peer": [
        (OK, "{ntp}", "NTP OK: Offset 0 secs"),
        (WARNING, "{ntp_wrong} -w 10 -c 100", "NTP WARNING: Offset 40 secs (WARNING)"),
        (WARNING, "{ntp} -j 1 -k 2 -W 5 -C 9", "NTP WARNING: Offset 0 secs, jitter=1.500000 (WARNING)"),
        (CRITICAL, "{ntp_lost}", "NTP CRITICAL: Server not synchronized"),
        (NODATA, "{ntp_lost} -q", "NTP UNKNOWN: Server not synchronized"),
    ],
    "check_ntp_time": [
        (OK, "{ntp}", "NTP OK: Offset "),
        (WARNING, "{ntp_wrong} -w 10 -c 100", "NTP WARNING: Offset "),
        (CRITICAL, "{ntp_wrong} -w 10 -c 20", "NTP CRITICAL: Offset "),
    ],
    "check_nwstat": [
        (OK, "{netware} -v LOAD5 -w 80 -c 90", "Load OK - Up 5 days"),
        (WARNING, "{netware} -v LOAD5 -w 30 -c 90", "Load WARNING - Up 5 days"),
        (CRITICAL, "{netware} -v CONNS -w 10 -c 20", "Conns CRITICAL - 40 current connections"),
    ],
    "check_overcr": [
        (OK, "{overcr} -v NET22 -w 50 -c 60", "Net OK - 40 connections on port 22"),
        (WARNING, "{overcr} -v NET22 -w 10 -c 60", "Net WARNING - 40 connections on port 22"),
        (CRITICAL, "{overcr} -v NET22 -w 10 -c 20", "Net CRITICAL - 40 connections on port 22"),
    ],
    "check_pgsql": [
        (OK, "-H 127.0.0.1 -P {port[postgres]}", "OK - database template1"),
        (WARNING, "-H 127.0.0.1 -P {port[postgres]} -q 'select 42' -W 10 -C 50", "OK - database template1"),
        (CRITICAL, "-H 127.0.0.1 -P {port[postgres]} -q 'select 42' -W 10 -C 20", "OK - database template1"),
        (CRITICAL, "-H 127.0.0.1 -P {port[closed]}", "CRITICAL - no connection to 'template1'"),
    ],
    "check_ping": [
        (OK, "-H 127.0.0.1 -p 1 -w 900,50% -c 1000,90%", "PING OK - "),
        (WARNING, "-H 127.0.0.1 -p 1 -w 0.0001,50% -c 1000,90%", "PING WARNING - "),
        (CRITICAL, "-H 127.0.0.1 -p 1 -w 0.0001,50% -c 0.0001,90%", "PING CRITICAL - "),
    ],
    "check_pop": _greeted("pop", "stranger", "POP"),
    "check_procs": [
        (OK, "-w 1:100000", "PROCS OK: "),
        (OK, "-m CPU -w 100000 -c 200000", "CPU OK: "),
        (WARNING, "-C no-such-program -w 1:", "PROCS WARNING: 0 processes with command name 'no-such-program'"),
        (CRITICAL, "-m VSZ -w 1 -c 2", "VSZ CRITICAL: "),
    ],
    "check_real": [
        (OK, "{rtsp} -u /x", "REAL OK - "),
        (WARNING, "{rtsp_lost} -u /x", "RTSP/1.0 404 Not Found"),
        (CRITICAL, "{rtsp_broken} -u /x", "RTSP/1.0 500 Oops"),
        (NODATA, "{stranger}", "I am | something=else"),
        (NODATA, "{rtsp} -e 123", "exit 139 (a shell says so of SIGSEGV)"),
    ],
    "check_rta_multi": [
        (OK, "-n 1 127.0.0.1 127.0.0.2", "OK - 127.0.0.1: rta "),
        (WARNING, "-n 1 -w 0,40% 127.0.0.1 127.0.0.2", "WARNING - 127.0.0.1: rta "),
        (CRITICAL, "-n 1 -c 0,40% 127.0.0.1 127.0.0.2", "CRITICAL - 127.0.0.1: rta "),
    ],
    "check_simap": _in_tls("imaps", "SIMAP"),
    "check_smtp": [
        (OK, "{smtp}", "SMTP OK - "),
        (WARNING, "{smtp} -w 0.0000001", "SMTP WARNING - "),
        (WARNING, "{smtp} -C 'MAIL FROM:<a>' -R 550", "SMTP WARNING - Invalid response '250 yes' to command"),
        (WARNING, "{smtp_refusing}", "recv() failed"),
        (CRITICAL, "{closed}", "connect to address 127.0.0.1 and port"),
    ],
    "check_spop": _in_tls("pops", "SPOP"),
    "check_ssh": [
        (OK, "{ssh_banner}", "SSH OK - OpenSSH_9.2 (protocol 2.0)"),
        (CRITICAL, "{ssh_banner} -r OpenSSH_8", "SSH CRITICAL - OpenSSH_9.2 (protocol 2.0) version mismatch"),
        (CRITICAL, "{stranger}", "Server answer: I am | something=else"),
    ],
    "check_ssmtp": _in_tls("smtps", "SSMTP"),
    "check_swap": [
        (OK, "-w 2 -c 1 -n ok", "SWAP OK - "),
        (WARNING, "-w 900000000000000 -c 1 -n warning", "SWAP WARNING - "),
        (CRITICAL, "-w 900000000000000 -c 800000000000000 -n critical", "SWAP CRITICAL - "),
    ],
    "check_tcp": [
        (OK, "{stranger}", "TCP OK - "),
        (WARNING, "{stranger} -w 0.0000001", "TCP WARNING - "),
        (WARNING, "{https} -S -D 30,10", "WARNING - Certificate"),
        (CRITICAL, "{stranger} -e I -c 0.0000001", "TCP CRITICAL - "),
        (CRITICAL, "{mute} -e x -t 1", "CRITICAL - Socket timeout after 1 seconds"),
    ],
    "check_time": [
        (OK, "{time} -w 10 -c 20", "TIME OK - "),
        (WARNING, "{time_wrong} -w 10 -c 20000", "TIME WARNING - "),
        (CRITICAL, "{time_wrong} -w 10 -c 20", "TIME CRITICAL - "),
        (NODATA, "{closed} -w 10 -c 20", "connect to address 127.0.0.1 and port"),
    ],
    "check_udp": [
        (OK, "{echo} -s hello -e 'answer to hello'", "UDP OK - "),
        (WARNING, "{echo} -s hello -e a -w 0.0000001", "UDP WARNING - "),
        (CRITICAL, "{udp_closed} -s hello -e a", "No data received from host"),
    ],
    "check_ups": [
        (OK, "{ups} -u here", "UPS OK - Status=Online"),
        (WARNING, "{ups_battery} -u here", "UPS WARNING - Status=On Battery"),
        (WARNING, "{ups} -u here -v LOADPCT -w 10 -c 50", "UPS WARNING - Status=Online"),
        (CRITICAL, "{ups_low} -u here", "UPS CRITICAL - Status=On Battery, Low Battery"),
        (CRITICAL, "{ups} -u nobody", "CRITICAL - no such UPS 'nobody' on that host"),
    ],
    "check_users": [
        (OK, "-w 99999 -c 99999", "USERS OK - "),
        (WARNING, "-w @0:99999 -c 99999", "USERS WARNING - "),
        (CRITICAL, "-w 9999 -c @0:99999", "USERS CRITICAL - "),
    ],
    "negate": [
        (OK, f"-c OK {FOLDER}/check_dummy 2", "CRITICAL"),
        (WARNING, f"-s -o WARNING {FOLDER}/check_dummy 0", "WARNING"),
        (CRITICAL, f"-o CRITICAL {FOLDER}/check_dummy 0 'fine | a=1'", "OK: fine"),
        (NODATA, f"-u UNKNOWN {FOLDER}/check_dummy 3 hm", "UNKNOWN: hm"),
    ],
    "urlize": [
        (status, f"http://x/ {FOLDER}/check_dummy {number} 'so | a=1'", f'<A href="http://x/">{word}: so</A>')
        for number, (status, word) in enumerate(zip(Status, ("OK", "WARNING", "CRITICAL", "UNKNOWN"), strict=True))
    ],
}
for _name, _runs in RUNS.items():
    if all(status is not NODATA for status, _, _ in _runs):
        # They all know that they were not understood; who says so to stderr only has nothing for a summary.
        _runs.append((NODATA, "--no-such-option", ""))

CANNOT: dict[str, tuple[set[Status], str]] = {
    "check_host": ({WARNING, CRITICAL}, "says how a host that does not answer answers"),
    "check_ide_smart": ({OK, WARNING}, "asks a disk's own electronics"),
    "check_load": ({WARNING, CRITICAL}, "has a test of its own, which makes load first"),
    "check_log": ({WARNING}, "has no such status"),
    "check_ssh": ({WARNING}, "has no such status"),
}
"""The statuses that a plugin of the table does not show here, and why."""

NOT_HERE = {
    "check_breeze": "asks an access point by SNMP",
    "check_curl": "as check_http, with a library that Debian only recommends",
    "check_dbi": "asks a database",
    "check_dhcp": "broadcasts into the network of whoever runs the tests",
    "check_disk_smb": "asks a Samba server with smbclient",
    "check_flexlm": "asks a license server with lmstat, which Debian has not",
    "check_game": "asks a game server with qstat",
    "check_hpjd": "asks a printer by SNMP",
    "check_ifoperstatus": "asks a switch by SNMP",
    "check_ifstatus": "asks a switch by SNMP",
    "check_mailq": "asks the host's mail server",
    "check_mysql": "asks a database",
    "check_mysql_query": "asks a database",
    "check_oracle": "asks a database",
    "check_radius": "asks a RADIUS server with a library that Debian only recommends",
    "check_rpc": "asks the portmapper, which has one port",
    "check_sensors": "reads the sensors of a mainboard",
    "check_snmp": "asks an SNMP agent",
    "check_wave": "asks an access point by SNMP",
}
"""The plugins that have no other subject than what a lone host has not."""


def write_files(folder: Path) -> None:
    """Write what the plugins that read files are given."""
    now = int(time.time())
    (folder / "mrtg.log").write_text(f"{now} 10 20\n{now} 10 20 30 40\n{now - 300} 10 20 30 40\n")
    (folder / "status.log").write_text(f"[{now}] PROGRAM;1;2;3\n")
    (folder / "bad.log").write_text("all is well\nerror | level=high, see the manual\n")
    (folder / "log.before").write_text("all is well\n")
    for name in ("old.log", "it's old"):
        (folder / name).write_text("old\n")
        os.utime(folder / name, (now - 1_000_000,) * 2)
    _write_apt(folder / "apt")


def _write_apt(folder: Path) -> None:
    """Write a package system of its own in which one package, `old`, can be upgraded."""
    for name in ("repo", "state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    package = "Package: old\nArchitecture: all\nMaintainer: x\nDescription: x\n"
    (folder / "repo/Packages").write_text(f"{package}Version: 2\nFilename: ./o.deb\nSize: 1\nSHA256: {'0' * 64}\n")
    (folder / "status").write_text(f"{package}Version: 1\nStatus: install ok installed\n")
    (folder / "sources.list").write_text(f"deb [trusted=yes] file:{folder}/repo ./\n")
    (folder / "apt.conf").write_text(
        f'Dir::State "{folder}/state"; Dir::State::status "{folder}/status"; Dir::Cache "{folder}/cache";\n'
        f'Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "/nowhere"; Acquire::Languages "none";\n'
        'APT::Sandbox::User "root";\n'
    )
