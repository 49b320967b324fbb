"""conf.d -> Config, or every problem at its place: what is wrong, what to write instead."""

from __future__ import annotations

import ctypes
import os
import random
import re
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import Duration, PercentAbove
from agent.config.catalog import Catalog
from agent.config.cron import normal
from agent.config.drop_ins import load
from agent.config.secrets import MOST_BYTES
from agent.config.settings import Config, Place
from agent.config.values import Rate
from tests import needs
from tests.examples import TIMES
from tests.sample_types import Volume, Web, sample_catalog

CONFIGS = Path(__file__).parent / "files"
SHIPPED = Path(__file__).parents[2] / "conf.d"
GOOD = "checks:\n  good: {type: volume, path: /}\n"


def written(folder: Path, *texts: str | bytes, environ: dict[str, str] | None = None) -> Config:
    """Load files 0.yaml, 1.yaml, ... with these texts."""
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(folder, sample_catalog(), environ or {})


def volume(config: Config, name: str) -> Volume:
    check = config.checks[name].check
    assert isinstance(check, Volume)
    return check


def problems(config: Config, folder: Path) -> list[str]:
    """Problems with the paths that a user in that folder would see."""
    here = f"{Path(__file__).parents[2]}/"
    shown = (str(problem).replace(f"{folder}/", "").replace(here, "") for problem in config.problems)
    return [text.replace(str(folder), ".") for text in shown]


# --- one broken file a rule


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.yaml")))
def test_a_broken_file_has_exactly_the_problems_it_expects(name: str, tmp_path: Path) -> None:
    text = (CONFIGS / name).read_text()
    config = written(tmp_path)
    (tmp_path / name).write_text(text)
    config = load(tmp_path, sample_catalog(), {})
    expected = [line.removeprefix("# expect: ") for line in text.splitlines() if line.startswith("# expect: ")]
    assert expected
    assert [problem.removeprefix(f"{name}:") for problem in problems(config, tmp_path)] == expected


def test_what_is_right_works_on_beside_what_is_wrong(tmp_path: Path) -> None:
    config = written(tmp_path, "checks:\n  a: {type: volume, path: /}\n  b: {type: web}\n", "nonsense: [", GOOD)
    assert set(config.checks) == {"a", "good"}
    assert [problem.check for problem in config.problems] == ["b", ""]


@pytest.mark.parametrize(
    ("file", "readable"),
    [
        ("agent: {hostname: shop, events: {endpoint: https://a.example, api_key: k}}", True),
        ("checks: {bad: {type: nothing}}", True),
        ("checks: {good: 5}", True),
        ("checks: [a]", True),
        ("defaults: {interval: soon}", True),
        ("cheks: {}", True),
        ("agent: {hostname: a, ", False),
        ("agent: {hostname: [a]}", False),
        ("agent: {hostnme: shop}", False),
        ("agent: {events: {endpont: https://a.example}}", False),
        ("agent: {events: {endpoint: 'https://', api_key: k}}", False),
        ("agent: {events: {endpoint: https://a.example, api_key: '${file:no-such}'}}", False),
        ("agent: {tags: {env: '${env:NO_SUCH}'}}", False),
        ("agent: {}\nagent: {}", False),
        ("agnet: {hostname: shop}", False),
        ("something: {hostname: shop}", False),
        ("- agent", False),
        (b"agent: {hostname: \xff}", False),
        (None, False),
    ],
)
def test_settings_of_the_agent_that_cannot_be_read_are_known_to_be_unknown(
    file: str | bytes | None, readable: bool, tmp_path: Path
) -> None:
    if file is None:
        (tmp_path / "1.yaml").symlink_to(tmp_path / "gone")
    config = written(tmp_path, GOOD, *([file] if file else []))
    assert "good" in config.checks
    assert config.agent_readable is readable


def test_without_a_directory_nothing_is_known_of_the_agent(tmp_path: Path) -> None:
    assert not load(tmp_path / "gone", sample_catalog()).agent_readable


# --- what a good file becomes


def test_every_common_setting_arrives(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "checks:\n  shop:\n    {type: web, url: https://a.example, interval: 5m, timeout: 20s, retry_interval: 30s,"
        " fail_after: {critical: 1}, recover_after: 3, tags: {env: prod}, enabled: false, description: D, runbook: R}",
    )
    assert config.problems == ()
    shop = config.checks["shop"]
    assert (shop.type, shop.check) == ("web", Web(url="https://a.example"))
    assert (shop.interval, shop.timeout, shop.retry_interval, shop.enabled) == (300, 20, 30, False)
    assert (shop.policy.recover_after, shop.tags, shop.description, shop.runbook) == (3, {"env": "prod"}, "D", "R")
    assert (shop.place.line, shop.place.column, shop.places["url"].line) == (2, 3, 3)


@pytest.mark.parametrize(
    ("kind", "written_as", "means"),
    [
        ("volume, path: /", "", ", fail_after: 1"),
        ("web, url: http://a", "", ", fail_after: 2"),
        ("web, url: http://a", ", fail_after: {critical: 1}", ", fail_after: {warning: 2, critical: 1, nodata: 2}"),
        ("web, url: http://a", ", fail_after: 3", ", fail_after: {warning: 3, critical: 3, nodata: 3}"),
    ],
)
def test_what_fail_after_does_not_say_is_the_default_of_the_type(
    kind: str, written_as: str, means: str, tmp_path: Path
) -> None:
    lines = [f"  {name}: {{type: {kind}{text}}}\n" for name, text in (("a", written_as), ("b", means))]
    checks = written(tmp_path, "checks:\n" + "".join(lines) + f"  c: {{type: {kind}, fail_after: 9}}\n").checks
    assert checks["a"].policy == checks["b"].policy != checks["c"].policy


def test_a_check_needs_no_more_than_its_type_and_what_that_needs(tmp_path: Path) -> None:
    good = written(tmp_path, GOOD).checks["good"]
    assert (good.interval, good.timeout, good.cron, good.retry_interval, good.enabled) == (60, 10, "", 0, True)
    assert good.check == Volume(path="/")


def test_the_default_timeout_fits_into_a_short_interval(tmp_path: Path) -> None:
    config = written(tmp_path, "checks:\n  a: {type: volume, path: /, interval: 5s}\n")
    assert (config.problems, config.checks["a"].timeout) == ((), 4)


def test_null_switches_off_what_may_be_off(tmp_path: Path) -> None:
    check = volume(written(tmp_path, "checks:\n  a: {type: volume, path: [/, /b], warning: null}\n"), "a")
    assert (check.warning, check.critical, check.path) == (None, PercentAbove.parse("90%"), ("/", "/b"))


def test_nested_settings_arrive_typed(tmp_path: Path) -> None:
    text = "checks:\n  a: {type: volume, path: /, exclude: {mount: [/a], type: [^x]}}\n"
    exclude = volume(written(tmp_path, text), "a").exclude
    assert exclude.mount == ("/a",)
    assert exclude.type[0].search("xfs")


def test_the_agent_sections_of_all_files_are_merged_and_later_files_win(tmp_path: Path) -> None:
    agent = written(
        tmp_path,
        GOOD + "agent: {hostname: a, tags: {env: prod, team: x}, events: {endpoint: https://a.b, rate_limit: 5/s}}",
        "agent: {hostname: b, tags: {team: y}, events: {api_key: k, timeout: 5s}}",
    ).agent
    assert (agent.hostname, agent.tags) == ("b", {"env": "prod", "team": "y"})
    assert (agent.events.endpoint, agent.events.api_key, agent.events.timeout) == ("https://a.b", "k", Duration(5))
    assert agent.events.rate_limit == Rate(300)


@pytest.mark.parametrize(("rate", "per_minute"), [("20/min", 20), ("5/s", 300), ("120/h", 2), ("0.5 / s", 30)])
def test_a_rate_is_kept_per_minute(rate: str, per_minute: float, tmp_path: Path) -> None:
    events = written(tmp_path, GOOD + f"agent: {{events: {{rate_limit: {rate}}}}}").agent.events
    assert events.rate_limit == pytest.approx(per_minute)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]"])
def test_an_endpoint_on_this_host_needs_no_tls(host: str, tmp_path: Path) -> None:
    assert not written(tmp_path, GOOD + f"agent: {{events: {{endpoint: 'http://{host}', api_key: k}}}}").problems


def test_wrong_settings_of_the_agent_are_left_out_of_it(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD + "agent: {hostname: 'a b', tags: {env: prod}, events: {timeout: 1d}}")
    assert (config.agent.hostname, config.agent.tags, config.agent.events.timeout) == (
        "",
        {"env": "prod"},
        Duration(15),
    )
    assert len(config.problems) == 2


def test_defaults_hold_for_the_checks_of_their_file_that_know_them(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "defaults: {interval: 30s, at_least: 5GiB, tags: {a: x, b: x}}\nchecks:\n"
        "  one: {type: volume, path: /, tags: {b: y}}\n  two: {type: web, url: http://a, interval: 5m}",
        GOOD,
    )
    checks = config.checks
    assert (checks["one"].interval, checks["one"].tags) == (30, {"a": "x", "b": "y"})
    assert (volume(config, "one").at_least, checks["two"].interval) == (5 * 1024**3, 300)
    assert (checks["good"].interval, checks["good"].tags) == (60, {})


def test_a_check_with_its_own_cron_is_not_bound_by_a_default_interval_nor_the_reverse(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "defaults: {interval: 30s}\nchecks:\n  a: {type: volume, path: /, cron: 0 3 * * *}",
        "defaults: {cron: 0 3 * * *, timezone: UTC}\nchecks:\n  b: {type: volume, path: /, interval: 2m}",
    )
    assert config.problems == ()
    assert (config.checks["a"].cron, config.checks["b"].cron, config.checks["b"].interval) == ("0 3 * * *", "", 120)


def test_a_wrong_default_is_said_once_however_many_checks_it_takes_along(tmp_path: Path) -> None:
    lines = [f"  c{number}: {{type: volume, path: /}}\n" for number in range(20)]
    config = written(tmp_path, "defaults: {timeout: 5m}\nchecks:\n" + "".join(lines))
    assert (len(config.problems), len(config.checks)) == (1, 0)


def test_a_name_in_two_files_names_both_places_and_the_first_stays(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD, GOOD.replace("path: /", "path: /other"))
    expected = "1.yaml:2:3: good: a check of this name is at 0.yaml:2:3 already: rename one"
    assert problems(config, tmp_path) == [expected]
    assert volume(config, "good").path == "/"


# --- files and directories


def test_files_are_read_in_lexical_order_and_only_drop_ins(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", ".#c.yaml", "d.yaml.bak", "e.txt"):
        (tmp_path / name).write_text(f"checks:\n  {name[0]}x: {{type: volume, path: /}}\n")
    assert list(load(tmp_path, sample_catalog(), {}).checks) == ["ax", "bx"]


def test_a_relative_directory_gives_relative_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conf.d").mkdir()
    Path("conf.d/web.yaml").write_text("checks:\n  shop: {type: web, url: http://a, expect_staus: 200}\n")
    assert [str(problem) for problem in load(Path("conf.d"), sample_catalog(), {}).problems] == [
        "conf.d/web.yaml:2:36: shop: unknown setting 'expect_staus', did you mean 'expect_status'?"
    ]


def test_a_directory_that_is_missing_empty_or_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    texts = [load(tmp_path / name, sample_catalog(), {}).problems[0].text for name in ("no", "file", "empty")]
    assert texts[0].startswith("no such directory")
    assert texts[1].startswith("is not a directory")
    assert texts[2].startswith("no *.yaml or *.yml file")


def test_what_is_no_regular_file_is_a_problem_and_never_waits(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").symlink_to("/no/such/file")
    (tmp_path / "d.yaml").symlink_to("/dev/zero")
    (tmp_path / "e.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    assert problems(load(tmp_path, sample_catalog(), {}), tmp_path) == [
        "a.yaml:1:1: is a directory, not a file",
        "b.yaml:1:1: is not a regular file",
        "c.yaml:1:1: cannot be read: No such file or directory",
        "d.yaml:1:1: is not a regular file",
        "e.yaml:1:1: is larger than 1024 KiB",
    ]


def test_drop_ins_with_capital_endings_are_read_and_folders_with_drop_ins_are_told(tmp_path: Path) -> None:
    (tmp_path / "b.YAML").write_text(GOOD)
    for name in ("off", ".hidden", "empty"):
        (tmp_path / name).mkdir()
    for name in ("off", ".hidden"):
        (tmp_path / name / "c.yml").write_text("no: yaml: [")
    config = load(tmp_path, sample_catalog(), {})
    assert set(config.checks) == {"good"}
    assert problems(config, tmp_path) == [
        "off:1:1: folders in here are not read: move off/c.yml up, or the folder to another place"
    ]
    assert (config.complete, config.agent_readable) == (True, True), "nothing that is read is in doubt because of it"


def test_an_agent_of_root_says_whose_drop_ins_it_obeys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    needs.root()
    assert written(tmp_path, GOOD).problems == ()
    assert caplog.text == ""
    os.chown(tmp_path / "0.yaml", 65534, 65534)
    assert written(tmp_path, GOOD).problems == ()
    assert f"{tmp_path}/0.yaml belongs to user 65534, who can so have root run commands" in caplog.text


def test_a_file_that_fails_when_it_is_read_is_a_problem(tmp_path: Path) -> None:
    # A regular file that even root may open and cannot read. A command that ran in this process may have closed it.
    (tmp_path / "a.yaml").symlink_to(needs.file("/proc/self/mem"))
    assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0, "PR_SET_DUMPABLE"
    assert problems(load(tmp_path, sample_catalog(), {}), tmp_path) == [
        "a.yaml:1:1: cannot be read: Input/output error"
    ]


def test_a_file_name_of_strange_bytes_shows_on_one_line(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.yaml"))).write_text("[")
    assert str(load(tmp_path, sample_catalog(), {}).problems[0]).isprintable()


# --- secrets

SECRET = "s3cr(t\\va[lue"


def test_references_are_expanded_anywhere_in_text_and_remembered(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    text = "checks:\n  a: {type: web, url: 'http://${env:A}/$${x}', headers: {K: 'Bearer ${file:key}'}}\n"
    config = written(tmp_path, text.replace("A}", "A!secret}"), environ={"A": "from-env"})
    assert config.problems == ()
    assert config.checks["a"].check == Web(url="http://from-env/${x}", headers={"K": "Bearer from-file"})
    assert config.secrets == {"from-file", "from-env"}


def test_a_written_out_key_is_a_secret_too(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD + "agent: {events: {endpoint: https://a.b, api_key: plain-key}}")
    assert config.secrets == {"plain-key"}


def test_a_secret_file_that_cannot_be_used_is_a_problem_at_the_value(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * (MOST_BYTES + 1))
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    names = ("fifo", "empty", "large", "bytes", "nul", ".", "x" * 300)
    lines = [f"  c{at}: {{type: web, url: '${{file:{name}}}'}}\n" for at, name in enumerate(names)]
    reasons = [problem.text.rpartition("} ")[2] for problem in written(tmp_path, "checks:\n" + "".join(lines)).problems]
    assert reasons[:6] == [
        "is not a regular file",
        "is empty",
        "is larger than 64 KiB",
        "is not UTF-8 text",
        "has a NUL byte in it, which no setting can hold",
        "is a directory, not a file",
    ]
    assert "File name too long" in reasons[6]


@pytest.mark.parametrize(
    "line",
    [
        "agent: {hostname: ' ${env:S}'}",
        "agent: {tags: {env: '${env:LINES}'}}",
        "agent: {events: {endpoint: 'https://${env:S}', api_key: k}}",
        "agent: {events: {endpoint: 'http://${env:WORD}', api_key: k}}",
        "agent: {events: {endpoint: https://a.b, api_key: '${env:S} ${env:S}'}}",
        "agent: {events: {rate_limit: '${env:S}'}}",
        "agent: {events: {timeout: '${env:S}'}}",
        "agent: {events: {proxy: '${env:S}'}}",
        "agent: {events: {heartbeat: '${env:FAST}', most_bytes: '${env:S}', digest_above: '${env:S}'}}",
        "agent: {maintenance: {weekly: sun 1:00, duration: 1h, select: 'sesame=${env:LINES}='}}",
        "agent: {maintenance: {weekly: sun 1:00, duration: 1h, select: '${env:WORD}='}}",
    ]
    + [
        f"checks: {{x: {{{chosen}}}}}"
        for chosen in (
            "type: '${env:S}'",
            "type: volume, path: ['${env:S}', 5], count: '${env:S}'",
            "type: volume, path: '${env:S}'",
            "type: volume, path: [/, '${env:S}'], writable: '${env:S}'",
            "type: volume, path: /, warning: '${env:S}'",
            "type: volume, path: /, warning: '${env:RANGE}'",
            "type: volume, path: /, at_least: ['${env:S}']",
            "type: volume, path: /, count: '${env:S}'",
            "type: volume, path: /, writable: '${env:S}'",
            "type: volume, path: /, exclude: '${env:S}'",
            "type: volume, path: /, exclude: {type: ['${env:S}']}",
            "type: volume, path: /, warning: 20%, critical: '${env:LOW}'",
            "type: volume, path: /, warning: 20%, critical: {raise: '${env:LOW}', clear: 1%}",
            "type: web, url: '${env:S}'",
            "type: web, url: 'https://a@${env:S}'",
            "type: web, url: 'https://${env:S}', method: HEAD, matches: x",
            "type: web, url: https://a, method: '${env:S}'",
            "type: web, url: https://a, matches: '${env:S}'",
            "type: volume, path: /, interval: '${env:S}'",
            "type: volume, path: /, interval: '${env:FAST}'",
            "type: volume, path: /, timeout: '${env:LONG}'",
            "type: volume, path: /, retry_interval: '${env:LONG}'",
            "type: volume, path: /, cron: '${env:S}'",
            "type: volume, path: /, cron: '0 0 * * ${env:WORD}'",
            "type: volume, path: /, cron: 0 3 * * *, timezone: '${env:S}'",
            "type: volume, path: /, fail_after: '${env:S}'",
            "type: volume, path: /, fail_after: {warning: '${env:S}'}",
            "type: volume, path: /, for: '${env:S}'",
            "type: volume, path: /, for: '${env:YEARS}'",
            "type: volume, path: /, flapping: '${env:S}'",
            "type: volume, path: /, flapping: {low: '${env:S}'}",
            "type: volume, path: /, flapping: {low: '${env:LOW}', high: 3%}",
            "type: volume, path: /, repeat_every: '${env:FAST}'",
            "type: volume, path: /, depends_on: '${env:S}'",
            "type: volume, path: /, depends_on: ['${env:S}', '${env:WORD}', '${env:WORD}']",
            "type: volume, path: /, maintenance: '${env:S}'",
            "type: volume, path: /, maintenance: {weekly: '${env:S}', duration: '${env:FAST}', reason: '${env:LINES}'}",
            "type: volume, path: /, maintenance: {cron: '0 0 * * ${env:WORD}', duration: 1h}",
            "type: volume, path: /, maintenance: {weekly: sun 1:00, duration: 1h, timezone: '${env:WORD}'}",
            "type: volume, path: /, critical: {raise: '${env:S}', clear: 1%}",
            "type: volume, path: /, critical: {raise: 50%, clear: '${env:RANGE}'}",
            "type: volume, path: /, enabled: '${env:S}'",
            "type: volume, path: /, tags: '${env:S}'",
            "type: volume, path: /, tags: {a: '${env:LINES}'}",
        )
    ]
    + ["'${env:S}'", "checks: '${env:S}'", "agent: '${env:S}'", "checks: {x: '${env:S}'}", "defaults: '${env:S}'"],
)
def test_the_content_of_a_secret_shows_in_no_problem(line: str, tmp_path: Path) -> None:
    environ = {
        "S": SECRET,
        "LINES": "7771\n7772",
        "WORD": "sesame",
        "RANGE": "77.71%:66.61%",
        "LOW": "17.71%",
        "FAST": "777ms",
        "LONG": "7771m",
        "YEARS": "7771d",
    }
    config = written(tmp_path, line, environ=environ)
    text = "\n".join(problem.text for problem in config.problems)
    assert "${env:" in text
    shown = [part for part in (SECRET, *SECRET.split("\\"), "777", "sesame", "77.71", "66.61", "17.7") if part in text]
    assert shown == []


# --- cron


@pytest.mark.parametrize(
    ("cron", "meant"),
    [
        ("0 3 * * 0", "0 3 * * sun"),
        ("0 3 * * 7", "0 3 * * sun"),
        ("*/5 8-17 * * 1-5", "*/5 8-17 * * mon,tue,wed,thu,fri"),
        ("0 3 * * MON", "0 3 * * mon"),
        ("0 3 * * fri-mon", "0 3 * * sun,mon,fri,sat"),
        ("0 3 * * */2", "0 3 * * sun,tue,thu,sat"),
        ("0 3 * * 5-7", "0 3 * * sun,fri,sat"),
        ("0 3 * * 0-6", "0 3 * * *"),
        ("0 3 * * 0-7", "0 3 * * *"),
        ("0 3 * * 1-5/2", "0 3 * * mon,wed,fri"),
        ("0 3 * * 0,6", "0 3 * * sun,sat"),
        ("0 3 1 * *", "0 3 1 * *"),
    ],
)
def test_weekdays_count_from_sunday_as_in_every_crontab(cron: str, meant: str) -> None:
    assert normal(cron) == meant


@given(st.text(alphabet="0123456789*/-,? abcmonsunL#", max_size=24))
def test_any_cron_line_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        normal(text)
    except ValueError as error:
        assert str(error)


# --- whatever else


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conf.d")


def assert_in_its_file(place: Place) -> None:
    """The line is one that editors and `grep -n` count, the column is in it or right behind it."""
    file = Path(place.file)
    text = file.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff") if file.is_file() else ""
    lines = re.split(r"\r\n?|\n", text)
    assert 1 <= place.line <= len(lines[:-1] if len(lines) > 1 and not lines[-1] else lines)
    assert 1 <= place.column <= len(lines[place.line - 1]) + 1


def assert_said_well(config: Config) -> None:
    for problem in config.problems:
        assert problem.text
        assert str(problem).isprintable()
        assert_in_its_file(problem.place)


@given(content=st.binary(max_size=100))
def test_any_bytes_are_a_config_or_problems(content: bytes, one_folder: Path) -> None:
    assert_said_well(written(one_folder, content))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["1m", "80%", "/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
NAMES = ["type", "path", "url", "interval", "timeout", "cron", "timezone", "fail_after", "tags", "warning", "critical"]
NAMES += ["exclude", "headers", "matches", "method", "count", "enabled", "retry_interval", "no_such"]
NAMES += ["for", "flapping", "repeat_every", "depends_on", "maintenance"]


@settings(max_examples=60)
@given(kind=st.sampled_from(["volume", "web"]), chosen=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
def test_any_value_of_any_setting_is_a_check_or_a_problem(
    kind: str, chosen: dict[str, object], one_folder: Path
) -> None:
    import yaml

    config = written(one_folder, yaml.safe_dump({"checks": {"a": {"type": kind, **chosen}}}))
    assert_said_well(config)
    assert ("a" in config.checks) != any(problem.check == "a" for problem in config.problems)


SIGNS = ["no", "0755", "1:30", "null", "{}", "[]", "- ", ": ", "\n", "  ", "\t", "'", '"', "&a ", "*a", "<<: ", "!!x "]
SIGNS += ["\r", "\r\n", "\x85", "\u2028", "\u2029", "\ufeff", "{", "["]
SIGNS += ["${env:K}", "${", "%", "@", "1e99", "9" * 18 + "d", "-1", "|\n", "\0", "---\n", "(", "type", "#"]


def mutated(text: str, dice: random.Random) -> str:
    for _ in range(dice.choice((1, 1, 2, 4))):
        at, other = dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)
        cut = at + dice.randrange(12) * dice.randrange(2)
        insert = dice.choice(("", dice.choice(SIGNS), text[other : other + dice.randrange(40)]))
        text = text[:at] + insert + text[cut:]
    return text


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.y*ml")), ids=lambda path: path.name)
def test_a_shipped_file_with_any_slip_of_the_hand_is_a_config_or_problems(path: Path, tmp_path: Path) -> None:
    dice, catalog = random.Random(path.name), Catalog()
    for _ in range(40 * TIMES):
        (tmp_path / "a.yaml").write_bytes(mutated(path.read_text(), dice).encode())
        assert_said_well(load(tmp_path, catalog, {"K": SECRET}))


def test_the_shipped_directory_has_no_problem() -> None:
    config = load(SHIPPED, Catalog(), {})
    assert [str(problem) for problem in config.problems] == []
    assert config.checks


def test_five_hundred_checks_load_in_well_under_a_second(tmp_path: Path) -> None:
    needs.untraced()
    line = "  c{}: {{type: web, url: 'https://h{}.example', warning: 500ms, critical: 2s, tags: {{env: prod}}}}\n"
    text = "checks:\n" + "".join(line.format(number, number) for number in range(500))
    started = time.process_time()
    assert len(written(tmp_path, text).checks) == 500
    assert time.process_time() - started < 1


def test_what_a_check_takes_in_memory_is_little(tmp_path: Path) -> None:
    needs.untraced()
    line = "  {0}{1}: {{type: web, url: 'https://h{1}.example', warning: 500ms, critical: 2s, interval: 5m}}\n"
    texts = ["checks:\n" + "".join(line.format(file, number) for number in range(200)) for file in "abcd"]
    written(tmp_path, *texts)  # what is made once is there
    tracemalloc.start()
    config = written(tmp_path, *texts)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(config.checks) < 1750, "bytes a check; with a place object for each setting 1925"
    assert peak / len(config.checks) < 2300, "bytes a check; with every tree until the end, and a copy of each, 2800"


def test_equal_settings_are_read_once_in_each_load_and_anew_in_the_next(tmp_path: Path) -> None:
    text = "checks: {{{}: {{type: volume, path: /, warning: 81.5%}}}}"
    config = written(tmp_path, text.format("a"), text.format("b"))
    again = written(tmp_path, text.format("a"), text.format("b"))
    assert volume(config, "a").warning is volume(config, "b").warning
    assert volume(config, "a").warning is not volume(again, "a").warning


def test_a_place_reads_as_editors_jump_to_it() -> None:
    assert str(Place("conf.d/a.yaml", 3, 5)) == "conf.d/a.yaml:3:5"
