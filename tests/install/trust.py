"""What is shipped, by the checkers of others: the SBOM by its schema, an sdist by pip (make install-tests)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.host import needs
from tests.install.server import ROOT, package

AUDIT = Path(f"{sys.prefix}-audit")
CHECK = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(wrong) if wrong else 0)
"""


def made(pattern: str) -> Path:
    package("deb12")
    return next((ROOT / "dist").glob(pattern))


def test_the_sbom_fits_its_schema() -> None:
    words = [str(AUDIT / "bin/python"), "-c", CHECK, str(made("hostvigil_*.cdx.json"))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_sdist_makes_the_wheel_that_is_beside_it(tmp_path: Path) -> None:
    words = [
        "wheel",
        "-qq",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
    ]
    subprocess.run([sys.executable, "-m", "pip", *words, made("hostvigil-*.tar.gz")], check=True)
    [wheel] = tmp_path.glob("*.whl")
    other = made("hostvigil-*.whl")
    assert listed(wheel) == listed(other)


def listed(wheel: Path) -> list[str]:
    from zipfile import ZipFile

    with ZipFile(wheel) as packed:
        return sorted(f"{one.filename} {one.CRC}" for one in packed.infolist() if not one.filename.endswith("RECORD"))


def test_the_scripts_of_packages_and_the_service_of_openrc_are_clean_for_shellcheck() -> None:
    shellcheck = needs.command("shellcheck", "shellcheck")
    files = [ROOT / "packaging/openrc/hostvigil", *sorted((ROOT / "packaging/scripts").glob("*.sh"))]
    done = subprocess.run([shellcheck, "-s", "sh", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
