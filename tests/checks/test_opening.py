"""Only files are opened: the opening of a device or a pipe that somebody put in a file's place has an effect itself."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from agent.api import Check, Regex
from agent.testing import ran
from checks._opening import open_regular
from checks.certificate import Certificate
from checks.http import Http
from checks.http.addresses import HttpUrl
from checks.log import Log
from checks.process import Process
from tests.checks.looks import script_of
from tests.host import needs

NO_DRIVER = os.makedev(61, 7)
"""Of a number that is for local use: to open it fails with ENXIO, which shows that somebody tried."""


@pytest.fixture
def device(tmp_path: Path) -> Path:
    needs.root()
    try:
        os.mknod(tmp_path / "device", stat.S_IFCHR | 0o666, NO_DRIVER)
    except PermissionError:
        needs.missing("the right to make a device")
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        os.open(tmp_path / "device", os.O_RDONLY)
    (tmp_path / "link").symlink_to("device")
    return tmp_path / "link"


def test_a_device_is_not_opened(device: Path) -> None:
    for path in (device, device.with_name("device")):
        with pytest.raises(OSError, match="is not a regular file"):
            open_regular(str(path))


def test_no_check_opens_a_device_that_a_link_in_a_file_s_place_leads_to(device: Path) -> None:
    path = str(device)
    tried: list[Check] = [
        Log(path=path, pattern=Regex("x")),
        Certificate(file=path),
        Process(pidfile=path),
        Http(url=HttpUrl.parse("http://127.0.0.1:9/"), method="POST", body_file=path),
    ]
    for check in tried:
        said = ran(check).is_nodata("is not a regular file")
        assert os.strerror(errno.ENXIO) not in said.result.summary
    for command in ([path], ["/bin/sh", path], ["/usr/bin/nice", path]):
        said = ran(script_of(*command))
        assert os.strerror(errno.ENXIO) not in said.result.summary or command[0] == "/bin/sh", "the shell itself tried"


def test_what_is_a_file_is_read_through_links_and_only_where_they_may_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        descriptor = open_regular(str(tmp_path / name))
        assert (os.read(descriptor, 9), os.get_inheritable(descriptor)) == (b"x", False)
        os.close(descriptor)
    before = len([*Path("/proc/self/fd").iterdir()])
    for name, number in (("link", errno.ELOOP), ("none", errno.ENOENT), (".", errno.EISDIR)):
        with pytest.raises(OSError, match=r".") as caught:
            open_regular(str(tmp_path / name), follow=False)
        assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / name))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        open_regular(str(tmp_path / "pipe"))
    assert len([*Path("/proc/self/fd").iterdir()]) == before
