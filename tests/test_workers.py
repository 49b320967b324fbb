"""Tests in several processes at once, forks of the one that has collected: each is reported once, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

CONFTEST = """
import pytest
from tests.workers import Workers, scopes_of

def pytest_runtestloop(session):
    Workers(session, scopes_of(session.items, lambda item: item.path.name)).run(2)
    return True

@pytest.fixture(scope="session", autouse=True)
def whole(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    (folder.parent / (folder.name + ".begun")).touch()
    yield
    (folder.parent / (folder.name + ".over")).touch()
"""


def run(folder: Path, *options: str, **files: str) -> str:
    """Write files of tests, run them by two workers, and return what pytest prints."""
    suite = folder / "suite"
    suite.mkdir()
    (suite / "pytest.ini").write_text("[pytest]\n")
    for name, text in {"conftest": CONFTEST, **files}.items():
        (suite / f"{name}.py").write_text(dedent(text))
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    command += [f"--basetemp={folder / 'base'}", f"--rootdir={suite}", *options]
    environ = os.environ | {"PYTHONPATH": str(Path.cwd()), "COLUMNS": "120"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, cwd=suite, env=environ)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What is printed of a suite in which all kinds of things happen, and its folder."""
    folder = tmp_path_factory.mktemp("mixed")
    printed = run(
        folder,
        test_a="""
            import os, pytest

            @pytest.fixture(scope="module")
            def place(tmp_path_factory):
                return tmp_path_factory.mktemp("place")

            def test_first(place):
                print("printed by the first")
                (place / "first").touch()

            def test_second_shares_the_modules_fixture(place):
                assert (place / "first").exists()

            def test_wrong():
                print("printed by the wrong one")
                assert 1 == 2

            def test_crash():
                os._exit(7)

            def test_behind_the_crash():
                pass
            """,
        test_b="""
            import pytest

            @pytest.fixture
            def breaks():
                yield
                raise ValueError("not tidied up")

            def test_teardown(breaks):
                pass

            def test_left_out():
                pytest.skip("no need")
            """,
    )
    return printed, folder


def test_each_test_is_reported_once(mixed: tuple[str, Path]) -> None:
    assert "2 failed, 4 passed, 1 skipped, 1 error" in mixed[0]


@pytest.mark.parametrize(
    "line",
    [
        "FAILED test_a.py::test_wrong - assert 1 == 2",
        "FAILED test_a.py::test_crash - the worker ended with 7 in this test",
        "ERROR test_b.py::test_teardown - ValueError: not tidied up",
    ],
)
def test_what_failed_is_named_with_its_reason(mixed: tuple[str, Path], line: str) -> None:
    assert line in mixed[0]


def test_what_was_printed_is_shown_of_the_test_that_failed_alone(mixed: tuple[str, Path]) -> None:
    assert "printed by the wrong one" in mixed[0]
    assert "printed by the first" not in mixed[0]


def test_each_worker_ends_its_session_but_the_one_that_crashed(mixed: tuple[str, Path]) -> None:
    begun, over = (len(list((mixed[1] / "base").glob(f"worker-*.{what}"))) for what in ("begun", "over"))
    # Who comes for the one that crashed may find nothing left to do, and begins no session.
    assert begun in (2, 3)
    assert over == begun - 1


def test_who_works_in_a_file_stays_there_while_another_one_begins_the_next(tmp_path: Path) -> None:
    """Each test is a scope of its own: a module's fixture is set up once, or once more by who helps at the end."""
    text = """
        import pytest, time

        @pytest.fixture(scope="module", autouse=True)
        def made(tmp_path_factory):
            tmp_path_factory.mktemp(__name__)

        @pytest.mark.parametrize("number", range(5))
        def test_each(number):
            time.sleep(0.02)
        """
    conftest = CONFTEST.replace("item.path.name", "item.nodeid")
    printed = run(tmp_path, conftest=conftest, test_a=text, test_b=text, test_c=text, test_d=text)
    assert "20 passed" in printed
    assert 4 <= len(list((tmp_path / "base").glob("worker-*/test_*0"))) <= 5


def test_one_of_two_workers_begins_with_what_waits_and_the_other_with_what_does_not(tmp_path: Path) -> None:
    """Those that wait come first, and wait for the last."""
    conftest = CONFTEST.replace(").run(2)", ", lambda file: 'waits' in file.name).run(2)")
    waits = """
        import time
        from pathlib import Path

        def test_it():
            until = time.monotonic() + 20
            while not Path("works").exists() and time.monotonic() < until:
                time.sleep(0.01)
            assert Path("works").exists()
        """
    works = "from pathlib import Path\n\ndef test_it():\n    Path('works').touch()\n"
    assert "3 passed" in run(tmp_path, conftest=conftest, test_a_waits=waits, test_b_waits=waits, test_c=works)


def test_after_the_first_failure_no_other_begins_where_that_is_asked_for(tmp_path: Path) -> None:
    text = "def test_wrong():\n    assert 0\n\ndef test_later():\n    import time; time.sleep(0.5)\n" + "".join(
        f"\ndef test_{number}():\n    assert 0\n" for number in range(20)
    )
    printed = run(tmp_path, "-x", test_a=text)
    assert "stopping after 1 failures" in printed
    assert "1 failed in" in printed
    assert list((tmp_path / "base").glob("*.over")), "what was set up is torn down"
