"""What others import and nobody here needs is not imported, and who does need it gets it."""

from __future__ import annotations

import subprocess
import sys


def printed(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_who_wants_more_than_a_stand_in_has_gets_the_true_one() -> None:
    code = (
        "import sys; from agent.system.stand_ins import StandIn, standing_in\n"
        "with standing_in([StandIn('importlib.metadata', version=None)]):\n"
        "    from importlib.metadata import distribution, version\n"
        "from importlib import metadata\n"
        "print(version, distribution is metadata.distribution, type(metadata).__name__)"
    )
    assert printed(code) == ["None", "True", "module"]


def test_an_agent_at_work_has_not_imported_what_python_knows_of_code() -> None:
    code = (
        "import sys; sys.modules['typing_extensions'] = None\n"  # no installed agent has it, and it imports `inspect`
        "import agent.cli.main, agent.cli.run, asyncio, subprocess\n"
        "from agent.running.schedule import Schedule\n"
        "schedule = Schedule(); schedule.begin(print, []); schedule.stop()\n"
        "print({'calendar', 'inspect', 'locale'} & {*sys.modules} or 'none')\n"
        "print(asyncio.iscoroutinefunction(asyncio.sleep), 'inspect' in sys.modules)\n"
        "print(subprocess.check_output(['echo', 'text'], text=True))"
    )
    assert printed(code) == ["none", "True", "True", "text"]


def test_a_command_does_not_look_for_translations_of_its_options() -> None:
    code = (
        "import sys, agent.cli.main as main; main._read_options(['types'])\n"
        "print({'locale', 'bz2', 'lzma'} & {*sys.modules} or 'none');"
        "import gettext, bz2; print(gettext.find and gettext.gettext('options'), bz2.compress and 'packed')"
    )
    assert printed(code) == ["none", "options", "packed"]
