"""What the kernel and zpool say of arrays and pools, and what the check says of that."""

from __future__ import annotations

from checks.raid.mdstat import assess, parse

WHOLE = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0] [linear]
md127 : active (auto-read-only) raid1 sdc1[1] sdb1[0]
      976629440 blocks super 1.2 [2/2] [UU]
        resync=PENDING
      bitmap: 7/8 pages [28KB], 65536KB chunk

md5 : active raid5 nvme2n1p2[3] nvme1n1p2[1](W) nvme0n1p2[0]
      2929890816 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/3] [UUU]
      [>....................]  check =  0.2% (3092480/1464945408) finish=393.6min speed=61884K/sec
      bitmap: 0/11 pages [0KB], 65536KB chunk

md0 : active raid0 sde1[1] sdd1[0]
      1953522688 blocks super 1.2 512k chunks

unused devices: <none>
"""
DEGRADED = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid10]
md1 : active raid1 sdb5[1](W)
      471727104 blocks super 1.2 [2/1] [_U]
      bitmap: 4/4 pages [16KB], 65536KB chunk

md2 : active raid1 sdb3[3] sda3[2]
      3897063936 blocks super 1.0 [2/1] [_U]
      [==>..................]  recovery = 12.6% (494663040/3897063936) finish=4386.2min speed=12928K/sec
      bitmap: 4/30 pages [16KB], 65536KB chunk

md3 : active raid1 sde1[6](F) sdg1[1] sdb1[4] sdd1[3] sdc1[2]
      488383936 blocks [6/4] [_UUUU_]

md6 : active raid6 sdm1[0] sdk1[10](F) sdt1[9] sdl1[8] nvme0n1p1[12](J)(F) sdc1[7]
      58603894400 blocks super 1.2 level 6, 64k chunk, algorithm 2 [5/4] [UUUU_]
        resync=DELAYED

md10 : active raid10 sdf1[4](S) sdd1[3] sdc1[2] sdb1[1] sda1[0](F)
      1953260544 blocks super 1.2 512K chunks 2 near-copies [4/4] [UUUU]

md9 : broken raid0 sdq1[1] sdp1[0]
      3906764800 blocks super 1.2 512k chunks

md4 : inactive sdm1[1](S) sdl1[0](S)
      1953260976 blocks super 1.2

unused devices: <none>
"""


def said(mdstat: str) -> list[str]:
    return [f"{one.status} {one.summary}" for one in map(assess, parse(mdstat))]
