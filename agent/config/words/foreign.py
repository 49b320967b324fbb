"""Words of other monitoring tools, and which of ours they mean. Used for hints only: nothing is read by them."""

from __future__ import annotations

import re
from collections.abc import Collection

_SETTINGS = {
    # ours: what others write for it. The first of ours that a type has is meant.
    "type": "kind check check_type monitor_type plugin module probe",
    "address": "hosts ports host hostname port server target ip addr ip_address destination dest url uri endpoint node",
    "host": "hosts hostname address target ip addr ip_address destination dest server url",
    "url": "port path ssl tls use_ssl scheme protocol params query query_string request_path http_get uri endpoint "
    "website address target link host hostname port server",
    "name": "process processes process_name procs proc proc_name domain hostname host query lookup fqdn service",
    "match": "cmdline_pattern cmd pattern regex regexp cmdline command command_line search search_string args",
    "pattern": "regex regexp match matches search search_string string keyword include",
    "matches": "fail_if_body_not_matches_regexp fail_if_not_matches_regexp expect_body regex regexp match pattern "
    "content_match response_string_match search",
    "contains": "content must_contain should_contain fail_if_not_matches body_contains string text keyword "
    "search_string response_body",
    "path": "file files filename filepath file_path logfile log_file log_path directory dir folder mount mountpoint "
    "mountpoints mount_point partition filesystem device drive volume",
    "file": "path paths files filename cert certificate certificates cert_file certfile pem crt",
    "unit": "units service services service_name unit_name name",
    "running": "status name names container containers container_name",
    "command": "cmd check_command script exec plugin program args arguments executable path file script_path",
    "expect": "exists exist expected expected_ip expected_address answer response response_string_match search_string "
    "string",
    "expect_status": "accepted_statuscodes accepted_status_codes expected_codes ok_status http_code http_codes "
    "valid_status success_codes status_is expect status status_code status_codes expected_status code response_code "
    "valid_status_codes http_response_status_code http_status",
    "age_critical": "age max_age maximum_age older_than oldest stale_after freshness mtime",
    "size_critical": "max_file_size size max_size maximum_size min_size",
    "count_critical": "number files_count max_files",
    "min": "running count minimum min_count instances at_least",
    "pidfile": "pid pid_path",
    "rss_critical": "memory mem rss memory_usage",
    "state": "running expect status active expected_state",
    "units": "journal journald service services systemd_unit",
    "exclude": "ignore_patterns ignore_pattern exclude_patterns skip_patterns blacklist denylist ignore ignored skip "
    "except without not ignore_fs exclude_pattern",
    "max_run": "max_runtime max_duration runtime duration timeout_run",
    "ttl": "max_silence grace period expires interval_expected max_age",
    "interval": "period frequency every check_interval min_collection_interval normal_check_interval check_every "
    "poll_interval polling_interval",
    "cron": "schedule crontab",
    "timeout": "check_timeout max_time deadline time_limit",
    "fail_after": "max_retries maxretries retry_count unhealthy_threshold consecutive_failures retries retry "
    "max_check_attempts max_attempts attempts failures failure_threshold",
    "recover_after": "healthy_threshold success_threshold successes",
    "retry_interval": "retry_check_interval recheck",
    "repeat_every": "repeat_interval resend notification_interval renotify_interval reminder resend_interval realert",
    "tags": "owner team severity priority role site datacenter cluster "
    "global_tags extra_tags common_tags default_tags annotations labels",
    "enabled": "disabled disable active enable",
    "description": "notes comment title display_name message",
    "runbook": "notes_url runbook_url documentation docs",
    "depends_on": "parents parent dependencies depends requires dependency",
    "env": "environment envs environ",
    "cwd": "working_directory workdir chdir",
    "user": "username login",
    "auth": "digest auth_type authtype authentication auth_method",
    "crl_file": "ocsp crl",
    "password": "pass passwd",
    "bearer_token": "token auth_token",
    "tls": "ssl use_ssl use_tls",
    "verify": "ignore_tls ssl_verify tls_verify insecure verify_ssl insecure_skip_verify tls_skip_verify "
    "validate_certs",
    "redirects": "follow_redirects allow_redirects max_redirects maxredirects no_follow_redirects onredirect",
    "not_matches": "fail_if_body_matches_regexp fail_if_matches fail_if_matches_regexp reverse_content_match "
    "not_contains must_not_contain invert_keyword not_match",
    "ip_version": "ip_protocol preferred_ip_protocol ip_family ipv4 ipv6",
    "require_tls": "fail_if_not_ssl require_ssl",
    "proxy": "http_proxy https_proxy proxy_url no_proxy",
    "server_name": "sni tls_server_name servername ssl_server_name",
    "connect_to": "resolve connect_address",
    "source": "source_ip source_address bind bind_address interface local_address",
    "body": "template data payload post_data json_body",
    "count": "packets probes",
    "loss_critical": "loss packet_loss",
    "time_critical": "rtt latency response_time",
    "record": "query_type record_type rrtype qtype",
    "server": "port nameserver nameservers resolver dns_server",
    "available_warning": "used used_warning used_percent percent free_warning memory_warning",
    "available_critical": "used_critical free_critical memory_critical",
    "offset_critical": "offset drift skew",
    "certificate_warning": "ssl_warning tls_warning cert_warning ssl_expiry cert_expiry tls_expiry ssl_expire_days "
    "certificate_days days days_warning warn_days expiry expires min_days certificate_expiration certificate_expiry "
    "cert_min ssl_min minimum_certificate_age check_certificate",
    "certificate_critical": "ssl_critical cert_critical days_critical crit_days",
    "warning": "warn warning_threshold warn_threshold days_warning days expiry expires min_days",
    "critical": "response_time max_response_time threshold thresholds alert_above crit "
    "critical_threshold crit_threshold days_critical",
    "uptime_warning": "uptime",
    "destinations": "destination webhook webhooks slack email mail smtp teams discord telegram pagerduty opsgenie ntfy "
    "alerts alerting alertmanager notifications notification notify notifiers contact contacts receiver outputs "
    "output sinks",
    "heartbeat": "heartbeat_interval keepalive alive_interval",
    "hostname": "host host_name name",
    "free_critical": "min_free minimum_free free_space min_free_space",
    "nodata": "unknown no_data missing",
    "weekly": "start begin from day days time start_time starts at",
    "duration": "length lasts until to end end_time ends",
    "endpoint": "url api_url dd_url server site",
    "api_key": "key token apikey df_api_key api_token key_id",
    "page": "port listen web http dashboard ui status_page",
    "maintenance": "downtime downtimes silence silences quiet_hours",
    "accepted": "expect expected expect_body matches contains success success_if success_codes response_match",
    "headers": "user_agent useragent cookie cookies accept content_type header http_headers auth authorization user "
    "username password token bearer_token api_key apikey",
    "rate_limit": "rate throttle",
    "ca_file": "ca cacert ca_cert tls_ca_cert ca_certs cafile verify ssl_verify tls_verify insecure verify_ssl",
    "client_cert": "cert tls_cert ssl_cert certfile",
    "client_key": "key tls_key ssl_key keyfile private_key",
}
_NOTES = {
    "address": "host:port",
    "url": "https://host:port/path",
    "server": "host:port",
    "certificate_warning": "such as 14d",
    "weekly": "such as sat,sun 22:00",
    "duration": "such as 2h",
    "command": "a list, such as [/bin/x, -a]",
    "interval": "such as 30s",
    "cron": "such as 0 3 * * *",
    "age_critical": "such as 26h",
    "size_critical": "too big from 1GiB, too small below 1MiB:",
    "fail_after": "3, 3 of 5 or 5m",
    "enabled": "false switches it off",
    "destinations": "such as {team: {type: webhook, url: ..., body: ...}}",
    "headers": "such as {Authorization: Bearer ...}",
    "verify": "false: any certificate",
    "redirects": "0: none",
    "proxy": "unless set there is none",
    "ip_version": "4 or 6",
    "available_warning": "what is available, such as 20%",
    "available_critical": "what is available, such as 10%",
    "page": "such as 127.0.0.1:8741",
    "tags": "such as {team: ops}",
}
_TYPES = {
    "load": "cpu cpus loadavg cpu_usage",
    "memory": "mem ram swap oom",
    "disk": "partition partitions inode inodes mount mounts "
    "filesystem df fs disks diskspace disk_space disk_usage volume",
    "certificate": "ssl tls cert x509 ssl_cert ssl_certificate ssl_expiry tls_certificate letsencrypt",
    "systemd": "daemon service services unit systemctl",
    "tcp": "port socket unix_socket tcp_port ssh smtp imap pop pop3 ftp ldap ldaps mysql mariadb pgsql postgres "
    "postgresql redis net_response",
    "ping": "icmp fping check_ping",
    "script": "exec command nrpe shell bash sh python perl plugin nagios check_mk checkmk local",
    "process": "procs proc processes zombie zombies",
    "log": "syslog journal journald journalctl logfile logs logfiles",
    "docker": "container containers podman",
    "reboot": "uptime",
    "clock": "ntp ntpd ntp_time time chrony chronyd timesync time_sync",
    "pushed": "heartbeat cron passive passive_check push cronjob backup dead_man deadman dead_mans_switch",
    "http": "https web url website http_response",
    "pressure": "io iops diskio disk_io iowait psi",
    "raid": "mdadm md zfs btrfs mdstat",
    "dns": "domain nslookup",
    "file": "files directory folder filecount fileage file_age filesize file_size file_exists",
}


_CHOICES = {
    "newest": "latest last youngest recent",
    "oldest": "first earliest",
    "largest": "biggest greatest",
    "present": "exists exist existing there true yes",
    "absent": "missing gone not_exists false no",
    "active": "running started up enabled ok",
    "inactive": "stopped dead down disabled",
}
"""Words of ours that a setting may have, and what others write for each."""


def choice(text: str, choices: Collection[str]) -> str:
    """Return the word of ours that is meant; '' where nothing is known."""
    return _ours(_CHOICES, text, choices)


def setting(name: str, names: Collection[str]) -> str:
    """Return the setting of ours that is meant, by a word of theirs or with its unit in its name; '' for none."""
    if (word := _with_level(_snake_case(name))) in names:
        return word
    if ours := _ours(_SETTINGS, name, names):
        return ours
    plain = _snake_case(name).rpartition("_")[0] if unit(name) else ""
    return plain if plain in names else _ours(_SETTINGS, plain, names)


def note(ours: str, theirs: str = "") -> str:
    """Return how a setting is written, in a word, for who wrote it by another name; '' where that needs no saying."""
    return f"with its unit, as in {unit(theirs)}" if unit(theirs) else _NOTES.get(ours, "")


def unit(name: str) -> str:
    """Return how a value is written whose unit stands in its name, as in `timeout_seconds`; '' where none does."""
    before, _, last = _snake_case(name).rpartition("_")
    return next((example for example, words in _UNITS.items() if before and last in words.split()), "")


def _with_level(word: str) -> str:
    """Write `crit_rss`, `rss_crit` and `rss_critical_threshold` as we do: `rss_critical`."""
    plain = re.sub(
        r"^(warn|crit)(?:ing|ical)?_(.+)$",
        r"\2_\1",
        re.sub(r"(?<=warn|ning|crit|ical)_(?:threshold|level|limit)$", "", word),
    )
    stem, _, last = plain.rpartition("_")
    return f"{stem}{_LEVELS[last]}" if stem and last in _LEVELS else plain


def _snake_case(name: str) -> str:
    """Write `periodSeconds` and `period-seconds` as we do."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_").replace(" ", "_")


_LEVELS = {
    "warn": "_warning",
    "warnings": "_warning",
    "crit": "_critical",
    "err": "_critical",
    "error": "_critical",
    "high": "_critical",
}
"""How a level ends, and what others end it with."""
_UNITS = {
    "500ms": "ms millis milliseconds",
    "30s": "s sec secs second seconds",
    "5m": "min mins minute minutes",
    "2h": "h hour hours",
    "14d": "day days",
    "80%": "percent percentage pct",
    "10GB": "gb gib",
    "10MB": "mb mib kb kib bytes",
}
"""How a value is written here whose unit others write into the name of the setting."""


def type_of(name: str, names: Collection[str]) -> str:
    """Return the type of ours that is meant, also by `check_disk` or `HTTPCheck`; '' where nothing is known."""
    word = _snake_case(name)
    plain = word.removeprefix("check").removesuffix("check").strip("_")
    return _ours(_TYPES, word, names) or _ours(_TYPES, plain, names) or (plain if plain in names else "")


def _ours(words: dict[str, str], name: str, names: Collection[str]) -> str:
    word = _snake_case(name)
    return next((ours for ours, theirs in words.items() if ours in names and word in theirs.split()), "")
