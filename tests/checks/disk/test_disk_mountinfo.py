"""Which mounts there are and which of them are disks, on recorded hosts (tests/checks/disk/mountinfo)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.disk.choice import Filter, choose
from checks.disk.mountinfo import Mount, MountTable, clean, parse, read
from checks.disk.place import Place, printable

RECORDED = Path(__file__).parent / "mountinfo"


def host(name: str) -> MountTable:
    return MountTable(parse((RECORDED / f"{name}.txt").read_bytes()))


def disks(name: str, include: Filter | None = None, exclude: Filter | None = None) -> list[str]:
    return [printable(mount.point) for mount in choose(host(name), include, exclude or Filter())]


def at(name: str, path: str) -> Mount:
    mount = host(name).at(path)
    assert mount
    return mount


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("docker", ["/", "/boot/efi", "/dev/shm", "/run", "/var/lib/docker"]),
        ("container", ["/", "/dev/shm", "/var/lib/mysql"]),
        ("snap_ubuntu", ["/", "/boot/efi", "/tmp"]),
        ("btrfs", ["/"]),
        ("nfs", ["/", "/data", "/home/alice", "/srv/win"]),
        ("zfs", ["/", "/srv", "/var/log"]),
        ("sandbox", ["/", "/archive", "/data"]),
    ],
)
def test_all_means_each_disk_of_the_host_once(name: str, points: list[str]) -> None:
    assert disks(name) == points


CONTAINERS = b"""\
28 1 8:1 / / rw - ext4 /dev/sda1 rw
31 28 0:40 / /dev rw - tmpfs tmpfs rw,size=65536k
32 31 0:41 / /dev/shm rw - tmpfs shm rw
33 31 0:42 / /dev/pts rw - devpts devpts rw
34 31 8:1 /var/lib/x/termination-log /dev/termination-log rw - ext4 /dev/sda1 rw
40 28 8:2 / /var/lib/docker rw - xfs /dev/sdb rw
41 40 8:3 / /var/lib/docker/volumes rw - ext4 /dev/sdc rw
42 41 0:43 / /var/lib/docker/volumes/cache/_data rw - tmpfs tmpfs rw
43 41 0:44 / /var/lib/docker/volumes/shared/_data rw - nfs4 filer:/shared rw
44 40 0:45 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw
45 40 0:46 / /var/lib/docker/containers/abc/mounts/shm rw - tmpfs shm rw
46 40 253:9 / /var/lib/docker/devicemapper/mnt/abc rw - xfs /dev/mapper/docker-8:1-abc rw
50 28 8:4 / /var/lib/containers/storage rw - ext4 /dev/sdd rw
51 50 8:4 /overlay /var/lib/containers/storage/overlay rw - ext4 /dev/sdd rw
52 51 0:47 / /var/lib/containers/storage/overlay/abc/merged rw - overlay overlay rw
53 50 0:48 / /var/lib/containers/storage/overlay-containers/abc/userdata/shm rw - tmpfs shm rw
54 50 8:5 / /var/lib/containers/storage/volumes rw - ext4 /dev/sde rw
60 28 0:49 / /var/lib/kubelet/pods/1/volumes/kubernetes.io~secret/token rw - tmpfs tmpfs rw
61 28 8:6 / /var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount rw - ext4 /dev/sdf rw
62 28 8:6 / /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc-1/mount rw - ext4 /dev/sdf rw
70 28 0:50 / /data/docker-root/containers/abc/mounts/shm rw - tmpfs shm rw
71 28 0:51 / /home/u/.local/share/containers/storage/overlay/abc/merged rw - fuse.fuse-overlayfs fuse-overlayfs rw
80 28 0:52 / /run/user/1000 rw - tmpfs tmpfs rw
81 28 0:53 / /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/abc/shm rw - tmpfs shm rw
"""


def test_what_containers_bring_with_them_stays_out_and_disks_of_their_own_are_told() -> None:
    assert [mount.point for mount in choose(MountTable(parse(CONTAINERS)), None, Filter())] == [
        "/",
        "/dev/shm",
        "/var/lib/containers/storage",
        "/var/lib/containers/storage/volumes",
        "/var/lib/docker",
        "/var/lib/docker/volumes",
        "/var/lib/docker/volumes/cache/_data",
        "/var/lib/docker/volumes/shared/_data",
        "/var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount",
    ]


def test_a_file_that_is_bound_into_a_container_is_no_place_of_a_disk() -> None:
    text = b"28 1 0:9 / / rw - overlay overlay rw\n29 28 8:1 /c.json /app/c.json rw - ext4 /dev/sda1 rw\n"
    table = MountTable(parse(text + b"30 28 8:1 /srv/long/data /data rw - ext4 /dev/sda1 rw\n"))

    def folder(_: MountTable, mount: Mount) -> bool:
        return mount.point != "/app/c.json"

    assert [mount.point for mount in choose(table, None, Filter(), folder)] == ["/", "/data"]
    assert [mount.point for mount in choose(MountTable(parse(text)), None, Filter(), folder)] == ["/"]


def test_what_may_hang_is_not_touched_to_see_whether_it_is_a_folder() -> None:
    table = host("nfs")
    assert table.may_hang("/data")
    assert table.may_hang("/data/deep/below")
    assert not table.may_hang("/usr")


def test_include_replaces_the_default_choice_and_exclude_takes_away() -> None:
    assert disks("snap_ubuntu", Filter(type="squashfs")) == ["/snap/bare/5", "/snap/core22/1122", "/snap/firefox/4173"]
    assert disks("nfs", Filter(type="nfs*", mount="/srv/*")) == ["/data", "/home/alice", "/srv/win"]
    assert disks("nfs", None, Filter(device=("filer:*", "//winfiler/*"))) == ["/"]
    assert disks("docker", None, Filter(mount=("/boot/*", "/dev/shm", "/run"), type="xfs")) == ["/"]


def test_an_include_that_names_one_of_several_mounts_of_a_disk_gets_that_one() -> None:
    assert disks("btrfs", Filter(mount="/home")) == ["/home"]


def test_an_autofs_trigger_is_never_chosen() -> None:
    assert "/backup" not in disks("nfs", Filter(mount="*"))
    assert Place.of("/backup", host("nfs")).automount
    assert Place.of("/home/bob", host("nfs")).automount, "looking for bob's home would mount it"
    assert not Place.of("/data/x", host("nfs")).automount, "mounted over its trigger"


def test_mounts_that_are_mounted_over_are_not_chosen() -> None:
    table = host("shadowed")
    assert [(mount.point, mount.device) for mount in choose(table, None, Filter())] == [
        ("/", "/dev/sda1"),
        ("/srv", "/dev/sdc1"),
        ("/stack", "/dev/sde1"),
    ]
    assert at("shadowed", "/srv/inner").device == "/dev/sdc1"


def test_a_path_is_on_the_mount_that_the_kernel_would_walk_to() -> None:
    assert at("docker", "/var/lib/dockers").point == "/"
    assert at("docker", "/var/lib/docker/volumes").point == "/var/lib/docker"
    assert at("container", "/var/lib/mysql/shop").device == "/dev/mapper/vg0-data"
    assert MountTable([]).at("/") is None


def test_names_are_read_as_they_are_whatever_bytes_they_have() -> None:
    points = [mount.point for mount in host("strange_names").mounts]
    assert points[1:4] == ["/mnt/My Disk", "/mnt/tab\tnew\nline\\back#hash", "/mnt/Müllhalde"]
    assert points[4].encode("utf-8", "surrogateescape") == b"/mnt/latin\xfc"
    assert points[5] == "/mnt/para\u2028graph"
    assert at("strange_names", "/mnt/nameless").device == "", "a mount may be made without a source"
    assert at("nfs", "/srv/win").device == "//winfiler/Team Files"


def test_names_are_shown_so_that_a_terminal_and_json_can_take_them() -> None:
    shown = disks("strange_names")
    assert "/mnt/latin\\udcfc" in shown
    assert "/mnt/tab\\tnew\\nline\\back#hash" in shown
    assert "/mnt/Müllhalde" in shown
    assert all(name.isprintable() and name.encode() for name in shown)


def test_read_only_is_what_the_filesystem_says_inside_a_sandbox() -> None:
    assert not at("sandbox", "/data").read_only
    assert at("sandbox", "/archive").read_only


def test_a_filesystem_the_kernel_stopped_is_read_only_though_it_calls_itself_writable() -> None:
    (mount,) = parse(b"28 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro,emergency_ro")
    assert (mount.read_only, mount.failure) == (True, "emergency_ro")


def test_a_bind_mount_may_be_read_only_by_itself() -> None:
    assert at("snap_ubuntu", "/var/snap/firefox/common/host-hunspell").read_only


def test_lines_that_are_no_mounts_are_passed_over() -> None:
    bad = b"garbage\n\n1 2 3\n28 1 8:1 / / rw\n28 1 8:1 / / rw - ext4\nx 1 8:1 / / rw - ext4 a rw\n"
    text = bad + b"29 1 8:1 / /ok rw - ext4 a rw"
    assert [mount.point for mount in parse(text)] == ["/ok"]


@given(st.binary() | st.text(alphabet="0123456789 -/\n\\aw").map(str.encode))
def test_no_text_whatsoever_breaks_the_parser_or_the_choice(text: bytes) -> None:
    table = MountTable(parse(text))
    for mount in choose(table, Filter(mount="*"), Filter()):
        assert table.at(mount.point) is mount


@given(
    st.lists(
        st.builds(
            Mount,
            *[st.integers(0, 5)] * 2,
            st.just("1:1"),
            st.just("/"),
            st.sampled_from(["/", "/a", "/a/b"]),
            *[st.just("x")] * 2,
        )
    )
)
def test_walking_ends_whatever_the_table_says_about_parents(mounts: list[Mount]) -> None:
    table = MountTable(mounts)
    for path in ("/", "/a", "/a/b/c"):
        found = table.at(path)
        assert found is None or found in mounts


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_every_name_survives_the_kernel_s_escapes(name: bytes) -> None:
    escaped = b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes([byte]) for byte in name)
    (mount,) = parse(b"28 1 8:1 / /" + escaped + b" rw - ext4 a rw")
    assert mount.point.encode("utf-8", "surrogateescape") == b"/" + name


def test_symbolic_links_are_followed_to_the_mount_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "relative").symlink_to("absolute/deep/../deep")
    (tmp_path / "round").symlink_to("round")
    table = read()
    assert table.resolve(str(tmp_path / "relative" / "x")) == str((tmp_path / "real" / "deep" / "x").resolve())
    assert table.resolve(str(tmp_path / "round")) == str(tmp_path / "round"), "a circle ends"


def test_a_link_on_a_remote_mount_is_not_looked_at() -> None:
    assert host("nfs").resolve("/data/link/deep") == "/data/link/deep"


def test_paths_are_cleaned_of_what_changes_nothing() -> None:
    assert [clean(path) for path in ("/", "//data/", "/a/../b/./c", "/..")] == ["/", "/data", "/b/c", "/"]


def test_this_host_has_a_root() -> None:
    root = read().at("/")
    assert root
    assert root.point == "/"


def test_without_mountinfo_psutil_tells_what_is_mounted(tmp_path: Path) -> None:
    table = read(tmp_path / "missing")
    assert next(mount.point for mount in choose(table, None, Filter())) == "/"
    proc = table.at("/proc/self")
    assert proc
    assert proc.type == "proc"


def test_what_is_mounted_is_what_the_file_says_now(tmp_path: Path) -> None:
    file = tmp_path / "mountinfo"
    file.write_bytes(CONTAINERS)
    before = read(file)
    assert read(file) is before, "the same text is not parsed again"
    file.write_bytes(CONTAINERS + b"90 28 8:9 / /new rw - ext4 /dev/sdi rw\n")
    after = read(file)
    assert (before.at("/new").point, after.at("/new").point) == ("/", "/new")  # type: ignore[union-attr]
    assert read(file, "/host").root == "/host"
