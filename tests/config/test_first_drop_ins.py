"""First drop-ins, as people really write them: one mistake is one message, at its letter, with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog

REAL = Catalog()
GOOD = "  good: {type: load}\n"


def said(folder: Path, text: str) -> list[str]:
    (folder / "a.yaml").write_text(text)
    return [str(problem).removeprefix(f"{folder}/a.yaml:") for problem in load(folder, REAL, {}).problems]


HERE = "here a check is `name: {type: disk, ...}` under `checks:`"
NO_YAML = {
    "a section without its colon": ("checks\n  web: {type: load}\n", "1:1: a colon is missing: write 'checks:'"),
    "a check without its colon": (
        "checks:\n  web\n    type: load\n",
        "2:3: a colon is missing: write 'web:'",
    ),
    "the command that writes the file": (
        "cat > a.yaml <<EOF\nchecks:\n  web: {type: load}\nEOF\n",
        "1:1: this line is no `name: value`: 'cat > a.yaml <<EOF'",
    ),
    "a dash without its space": (
        "checks:\n  s:\n    type: script\n    command:\n      - /bin/true\n      -a\n",
        "6:7: a space is missing after the dash: write '- a', or '- -a' if it begins with a dash itself",
    ),
    "a comparison in a block": (
        "checks:\n  d:\n    type: disk\n    warning: >90%\n",
        "4:14: a level is written without < or >: 90%",
    ),
    "a comparison in brackets": (
        "checks:\n  d: {type: disk, warning: >= 90%}\n",
        "2:28: a level is written without < or >: 90%",
    ),
    "a comparison that may be of a level or of JSON": (
        "checks:\n  w: {type: http, json: {size: > 3}}\n",
        '2:32: a level is written without < or >: 3, and in quotes in `json`: "> 3"',
    ),
    "a list before the text": (
        "checks:\n  l:\n    type: log\n    pattern: [ERROR] foo\n",
        "4:22: what [ begins ends before this: put quotes around the whole value",
    ),
    "an apostrophe in brackets": (
        "checks:\n  w: {type: load, description: 'don't'}\n",
        "2:37: the text in quotes ends before this: put quotes around all of it, and write ' inside it as ''",
    ),
    "a brace too much": ("checks:\n  w: {type: load}}\n", "2:18: '}' is too much here: remove it"),
    "a comma between checks": (
        "checks:\n  w: {type: load},\n  d: {type: disk}\n",
        "2:18: ',' is too much here: remove it",
    ),
    "an assignment": ("checks = {web: {type: load}}\n", "1:28: write 'checks: ...', not 'checks = ...'"),
    "a comment in braces": (
        "checks:\n  w: {type: http, url: http://a/ #x}\n",
        "2:6: the '{' that opens here is not closed: what follows ' #' is a comment, put quotes around such a value",
    ),
    "an anchor below": (
        "checks:\n  web:\n    <<: *base\n    type: load\nx-base: &base\n  interval: 30s\n",
        "3:9: *base names no complete value above; move up what &base names in line 5",
    ),
    "the end of a document in the middle": (
        "checks:\n  web: {type: load}\n...\nchecks:\n",
        "3:1: `...` ends the one document of the file: remove this line",
    ),
    "a comment of JSON": (
        '{\n  // web\n  "checks": {"web": {"type": "load"}}\n}',
        "2:3: a comment begins with #",
    ),
    "a template": (
        "checks:\n{% for h in hosts %}\n  web-{{ h }}: {type: load}\n{% endfor %}\n",
        "2:2: {% is of a template that was not filled in: write what is meant",
    ),
    "Telegraf": (
        "[[inputs.cpu]]\n  percpu = true\n",
        f"1:1: `[[inputs.cpu]]` is the form of TOML and INI files, not YAML: {HERE}",
    ),
    "INI below a comment": (
        "# mine\n\n  [agent]\n  a = 1\n",
        f"3:3: `[agent]` is the form of TOML and INI files, not YAML: {HERE}",
    ),
    "Monit": (
        "# mine\ncheck process nginx with pidfile /run/nginx.pid\n",
        f"2:1: `check process` is the form of Monit, not YAML: {HERE}",
    ),
    "NRPE": (
        "log=1\ncommand[check_load]=/usr/lib/nagios/plugins/check_load -w 5\n",
        "2:1: `command[check_load]=` is the form of NRPE, not YAML: move the file to another folder and run "
        "`hostvigil import nrpe FILE`, which writes the drop-in",
    ),
    "a web page": (
        "\ufeff<!DOCTYPE html>\n<html></html>\n",
        "1:1: `<!DOCTYPE html` is the form of a web page, not YAML: what was downloaded is no drop-in, look at its "
        "address",
    ),
    "a script": (
        "#!/bin/sh\nexport A=1\nchecks:\n",
        "1:1: `#!/bin/sh` is the form of a script, not YAML: name it in `command:` of a check of type script, and "
        "leave it elsewhere",
    ),
    "Alertmanager": ("route: {receiver: a}\nreceivers: []\n", f"1:1: this is a file of Alertmanager: {HERE}"),
    "Sensu": ("type: CheckConfig\napi_version: core/v2\nspec: {}\n", f"1:1: this is a file of Sensu: {HERE}"),
    "Kubernetes": ("apiVersion: v1\nkind: ConfigMap\ndata: {}\n", f"1:1: this is a file of Kubernetes: {HERE}"),
    "Datadog": ("init_config:\ninstances:\n  - name: a\n", f"1:1: this is a file of Datadog: {HERE}"),
}


@pytest.mark.parametrize("kind", NO_YAML)
def test_a_file_that_is_no_drop_in_is_one_message_at_the_place_that_shows_it(kind: str, tmp_path: Path) -> None:
    text, message = NO_YAML[kind]
    assert said(tmp_path, text) == [message]


VALUES = [
    ("{type: load, interval: 1h30}", "interval: '1h30' is not understood, write 90m"),
    ("{type: load, interval: 5m 30}", "interval: '5m 30' is not understood, write 330s"),
    ("{type: load, interval: every 5m}", "interval: 'every 5m' is not understood, write 5m"),
    ("{type: load, interval: 1 month}", "interval: '1 month' is not understood, write 30d"),
    ("{type: load, interval: .5m}", "interval: '.5m' is not understood, write 0.5m"),
    ("{type: load, interval: 00:05:00}", "interval: '00:05:00' is not understood, write 5m"),
    ("{type: load, interval: 1:30}", "interval: '1:30' is not understood, write 90m or 90s"),
    ("{type: load, interval: 80%}", "interval: '80%' is a percentage, write for example 30s"),
    ("{type: load, repeat_every: none}", "repeat_every: 'none' is not understood, write null for none"),
    ("{type: load, for: off}", "for: 'off' is not understood, write null for none"),
    ("{type: load, repeat_every: false}", "repeat_every: false is not understood, write null for none"),
    ("{type: load, repeat_every: 0}", "repeat_every: the number 0 is not understood, write null for none"),
    ("{type: http, url: 'http://a/', warning: 500}", "warning: 500 has no unit, write 500ms, 500s, 500m, 500h or 500d"),
    ("{type: load, load5_warning: '2,5'}", "load5_warning: '2,5' is not a number, write 2.5"),
    ("{type: load, fail_after: 3/5}", "fail_after: '3/5' is not understood, write 3 of 5"),
    ("{type: load, fail_after: 3 times}", "fail_after: '3 times' is not understood, write 3"),
    ("{type: load, fail_after: 5 min}", "fail_after: '5 min' is not understood, write 5m"),
    ("{type: load, cron: '03:30'}", "cron: '03:30' has 1 field, not 5: write 30 3 * * *"),
    ("{type: load, cron: daily}", "cron: 'daily' has 1 field, not 5: write \"@daily\""),
    ("{type: disk, path: /, warning: percent 90}", "warning: 'percent 90' is not understood, write 90%"),
    ("{type: disk, path: /, warning: '> 90%'}", "warning: '> 90%' is not understood, write 90%"),
    ("{type: load, load5_warning: '< 1'}", "load5_warning: '< 1' is not understood, write \"1:\""),
    ("{type: disk, path: /, free_critical: '<=5 GB'}", "free_critical: '<=5 GB' is not understood, write 5 GB"),
    ("{type: disk, path: /, free_critical: '>5GB'}", "free_critical: '>5GB' is not understood, write \"~:5GB\""),
    ("{type: disk, path: /, free_critical: '<5 gigs'}", "free_critical: '<5 gigs' is not understood, write 5GiB"),
    (
        "{type: disk, path: /, free_critical: 9 gigabyte}",
        "free_critical: '9 gigabyte' is not understood, write 9GB",
    ),
    ("{type: disk, path: /, free_critical: 1073741824}", "free_critical: 1073741824 has no unit, write 1073741824B"),
    (
        "{type: disk, path: /, free_critical: '1,500B'}",
        "free_critical: '1,500B' is not understood, write 1500B or 1.5B",
    ),
    (
        "{type: disk, path: /, free_critical: 1_000B}",
        "free_critical: '1_000B' is not understood, write 1000B",
    ),
    ("{type: disk, path: /, free_critical: 10%}", "free_critical: '10%' is a percentage, write for example 5GiB"),
]


@pytest.mark.parametrize(("check", "message"), VALUES)
def test_a_value_written_otherwise_is_told_how_it_is_written_here(check: str, message: str, tmp_path: Path) -> None:
    (problem,) = said(tmp_path, f"checks:\n  x: {check}\n{GOOD}")
    assert problem.partition(" x: ")[2] == message


@pytest.mark.parametrize(("check", "message"), VALUES)
def test_what_a_message_says_to_write_is_taken(check: str, message: str, tmp_path: Path) -> None:
    name, _, rest = message.partition(": ")
    for value in (
        rest.partition("write ")[2]
        .removeprefix("for example ")
        .removesuffix(" for none")
        .replace(", ", " or ")
        .split(" or ")
    ):
        if "for example" not in message:
            written = f"{check.partition(f', {name}:')[0]}, {name}: {value}}}"
            assert said(tmp_path, f"checks:\n  x: {written}\n") == []


MISPLACED = {
    "settings beside their check": (
        "  web:\n  type: http\n  url: http://a/\n  interval: 30s\n",
        "3:3: web: 'type' is a setting, not a check: indent it further than the name of its check",
    ),
    "settings one level too deep": (
        "  web:\n    type: http\n    options:\n      url: http://a/\n      timeout: 5s\n",
        "4:5: web: 'options' is no setting: write what it holds (url, timeout) in its place",
    ),
    "levels one level too deep": (
        "  d: {type: disk, path: /, thresholds: {warning: 80%, critical: 90%}}\n",
        "2:28: d: 'thresholds' is no setting: write what it holds (warning, critical) in its place",
    ),
    "a type as the name of its settings": (
        "  root:\n    disk:\n      path: /\n",
        "3:5: root: 'disk' is no setting: write `type: disk`, and beside it what stands in it",
    ),
    "a type as the name of its check": (
        "  disk:\n    path: /\n",
        "2:3: disk: setting 'type' is missing, also where a check is called like it: write `type: disk`",
    ),
    "a group of checks": (
        "  web:\n    web1: {type: load}\n    web2: {type: load}\n",
        "2:3: web: there are no groups of checks: write each as deep as 'web', with its `type` (web1, web2)",
    ),
    "checks below their type": (
        "  disk:\n    root: {path: /}\n    var: {path: /var}\n",
        "2:3: disk: there are no groups of checks: write each as deep as 'disk', with its `type` (root, var)",
    ),
    "a list below its type": (
        "  disk:\n    - path: /\n    - path: /var\n",
        "3:5: disk: must be a mapping such as {type: disk}, not a list: write a check for each, with a name",
    ),
    "a colon in a word of a command": (
        "  s: {type: script, command: [curl, -H, Accept: x, 'http://a']}\n",
        "2:41: s: command.2: a mapping is not text: put quotes around a value with ': ' in it",
    ),
    "a list of settings": (
        "  web:\n    - type: load\n    - interval: 30s\n",
        "3:5: web: must be a mapping such as {type: disk}, not a list: remove the dashes before its settings",
    ),
    "an address": ("  web: http://a/\n", "2:8: web: must be a mapping such as {type: disk}, not 'http://a/'"),
    "equals signs": (
        "  web:\n    type=load\n",
        "3:5: web: must be a mapping such as {type: disk}, not 'type=load' (`name: value` is meant, not `name=value`?)",
    ),
    "a comma in a value": (
        "  web: {type: http, url: http://a/?a=1,b=2}\n",
        "2:40: web: 'b=2' stands alone: where it belongs to the value before the comma, put quotes around that",
    ),
    "text in braces": (
        "  l:\n    type: log\n    path: /a\n    pattern: {ERROR}\n",
        "5:14: l: pattern: must be a regular expression, not a mapping: text that begins with { needs quotes",
    ),
    "hours as a window": (
        "  l: {type: load, maintenance: '22:00-06:00'}\n",
        "2:32: l: maintenance: must be a mapping of settings or a list, not text '22:00-06:00': its settings are "
        "duration, cron, weekly, timezone, reason",
    ),
    "a list without its blanks": (
        "  s:\n    type: script\n    command:\n      -/bin/true\n      -foo\n",
        "5:7: s: command: begins with a dash: each item of a list has a line with a dash, a blank and the word",
    ),
    "a program by a short path": (
        "  s: {type: script, command: bin/check}\n",
        '2:30: s: command: as one text needs `shell: true`; without a shell write ["bin/check"]',
    ),
    "several where one is taken": (
        "  p: {type: process, name: [nginx, mysql]}\n",
        "2:28: p: name: must be text, not a list: only one is taken here; text that begins with [ needs quotes",
    ),
    "a wildcard as a pattern": (
        "  l: {type: log, path: /a, pattern: '*error*'}\n",
        "2:37: l: pattern: '*error*' is not a regular expression: any text is .* in one, not *",
    ),
    "a program's arguments beside it": (
        "  s: {type: script, command: [/bin/x], args: [-a]}\n",
        "2:40: s: unknown setting 'args', write 'command' (a list, such as [/bin/x, -a])",
    ),
    "a default of a shell": (
        "  w: {type: http, url: '${env:URL:-http://a/}'}\n",
        "2:24: w: url: ${env:URL:-http://a/} is of a shell: no default is taken here, write ${env:NAME} and set the "
        "variable",
    ),
    "a variable of a shell": ("  w: {type: http, url: $URL}\n", "2:24: w: url: a variable is written ${env:URL}"),
    "nothing": (
        "  w: {type: http, url: ''}\n",
        "2:24: w: url: is empty, write for example https://shop.example.com/health",
    ),
}


@pytest.mark.parametrize("kind", MISPLACED)
def test_a_mistake_in_a_check_is_one_message_and_costs_no_other_check(kind: str, tmp_path: Path) -> None:
    text, message = MISPLACED[kind]
    assert said(tmp_path, f"checks:\n{text}{GOOD}") == [message]
    assert set(load(tmp_path, REAL, {}).checks) == {"good"}


AGENT = {
    "anchors by another name": (
        "base: &base {interval: 30s}\n",
        "1:1: unknown section 'base': what holds only anchors is called 'x-base'",
    ),
    "a list of checks": (
        "checks:\n  - name: web\n    type: load\n",
        "2:3: checks: must be a mapping, not a list: write `name: settings` lines under it, `web:` instead of "
        "`- name: web`",
    ),
    "a list of named checks": (
        "checks:\n- web:\n    type: load\n",
        "2:1: checks: must be a mapping, not a list: write `name: settings` lines under it, without the dashes",
    ),
    "a setting of every check": (
        "agent: {interval: 30s}\n",
        "1:9: 'agent.interval': every check has it: write it there, or under `defaults:` of its file",
    ),
    "a setting of the events": (
        "agent: {endpoint: 'https://a'}\n",
        "1:9: 'agent.endpoint': stands under `events:` in `agent:`",
    ),
    "a section in a section": (
        "agent:\n  defaults: {interval: 30s}\n",
        "2:3: 'agent.defaults': is a section of its own: write it as far left as `agent:`",
    ),
    "a destination without a name": (
        "agent:\n  destinations: {type: webhook, url: 'https://a/', body: '{}'}\n",
        "2:33: agent.destinations: a destination has a name: write `name: {type: webhook, url: ...}` under it",
    ),
    "a kind of destination": (
        "agent:\n  destinations: {me: {type: email, to: a@b.c}}\n",
        "2:29: agent.destinations.me.type: must be 'webhook', not text 'email': most services take one, with a `body` "
        "of theirs",
    ),
    "a key's file": (
        "agent:\n  events: {endpoint: 'https://us1-openapi.truewatch.com', api_key: /etc/hostvigil/api_key}\n",
        "2:68: agent.events.api_key: the value of this setting is no key but where one stands: write "
        "${file:/etc/hostvigil/api_key} or ${env:NAME}",
    ),
    "a window without a length": (
        "agent: {maintenance: {weekly: 'sun 03:00'}}\n",
        "1:22: setting 'agent.maintenance.duration' is missing: it must be a time span, write for example 2h",
    ),
}


@pytest.mark.parametrize("kind", AGENT)
def test_a_mistake_in_a_section_is_one_message(kind: str, tmp_path: Path) -> None:
    text, message = AGENT[kind]
    (tmp_path / "b.yaml").write_text(f"checks:\n{GOOD}")
    assert said(tmp_path, text) == [message]
    assert set(load(tmp_path, REAL, {}).checks) == {"good"}
