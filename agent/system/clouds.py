"""What each cloud's metadata service is asked, and what tells from the hardware's own words that one is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException

import msgspec

from agent.plugin.errors import CheckError
from agent.plugin.host_path import host_path

Get = Callable[[str, str, Mapping[str, str]], str]
"""Ask with a method, a path and headers; return the text. OSError where there is no good answer."""
SECONDS = 2.0
"""Longest wait for one answer; the service is on this very host's network."""
MOST_BYTES = 64 * 1024
_WORD = re.compile(r"[\w .:/+-]{1,128}")
"""What an instance, its type, a region or a zone is called: no page of somebody who answers in the service's place."""
NAMES = {"id": "cloud_instance_id", "type": "cloud_instance_type", "region": "cloud_region", "zone": "cloud_zone"}


class Cloud(msgspec.Struct, frozen=True):
    """One vendor's service, at an address that no router passes on."""

    address: str
    ask: Callable[[Get], dict[str, str]]
    """Return id, type, region and zone, as far as the service names them."""


def aws(get: Get) -> dict[str, str]:
    """IMDSv2: a token first, as instances may refuse all else. Source: EC2 User Guide, "Access instance metadata"."""
    token = get("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    document = json.loads(
        get("GET", "/latest/dynamic/instance-identity/document", {"X-aws-ec2-metadata-token": token.strip()})
    )
    return {
        "id": document.get("instanceId", ""),
        "type": document.get("instanceType", ""),
        "region": document.get("region", ""),
        "zone": document.get("availabilityZone", ""),
    }


def gcp(get: Get) -> dict[str, str]:
    """One value a request: all at once would bring keys and start scripts too. Source: "About VM metadata"."""

    def value(name: str) -> str:
        # projects/123/zones/europe-west1-b, projects/123/machineTypes/e2-small
        return get("GET", f"/computeMetadata/v1/instance/{name}", {"Metadata-Flavor": "Google"}).rpartition("/")[2]

    zone = value("zone")
    return {"id": value("id"), "type": value("machine-type"), "region": zone.rpartition("-")[0], "zone": zone}


def azure(get: Get) -> dict[str, str]:
    """Source: "Azure Instance Metadata Service". `zone` is a number within the region, or empty."""
    document = json.loads(get("GET", "/metadata/instance/compute?api-version=2021-02-01", {"Metadata": "true"}))
    region, zone = document.get("location", ""), document.get("zone", "")
    return {
        "id": document.get("vmId", ""),
        "type": document.get("vmSize", ""),
        "region": region,
        "zone": f"{region}-{zone}" if zone else "",
    }


def alibaba(get: Get) -> dict[str, str]:
    """With a token, as instances may refuse all else. Source: "View instance metadata", security hardening mode."""
    token = get("PUT", "/latest/api/token", {"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}).strip()
    paths = {"id": "instance-id", "type": "instance/instance-type", "region": "region-id", "zone": "zone-id"}
    headers = {"X-aliyun-ecs-metadata-token": token}
    return {name: get("GET", f"/latest/meta-data/{path}", headers) for name, path in paths.items()}


def tencent(get: Get) -> dict[str, str]:
    """Source: "Viewing Instance Metadata"."""
    paths = {"id": "instance-id", "region": "placement/region", "zone": "placement/zone"}
    return {name: get("GET", f"/latest/meta-data/{path}", {}) for name, path in paths.items()}


def huawei(get: Get) -> dict[str, str]:
    """Source: "Obtaining ECS Details Using Metadata", the OpenStack form; more stands in it, and is left there."""
    document = json.loads(get("GET", "/openstack/latest/meta_data.json", {}))
    return {
        "id": document.get("uuid", ""),
        "region": document.get("region_id", ""),
        "zone": document.get("availability_zone", ""),
    }


LINK_LOCAL = "169.254.169.254"
CLOUDS = {
    "aws": Cloud(LINK_LOCAL, aws),
    "gcp": Cloud(LINK_LOCAL, gcp),
    "azure": Cloud(LINK_LOCAL, azure),
    "alibaba": Cloud("100.100.100.200", alibaba),
    # What metadata.tencentyun.com is; a name would have to be looked up.
    "tencent": Cloud("169.254.0.23", tencent),
    "huawei": Cloud(LINK_LOCAL, huawei),
}
WORDS = (
    ("sys_vendor", "Amazon EC2", "aws"),
    ("bios_version", "amazon", "aws"),
    ("product_name", "Google Compute Engine", "gcp"),
    # Hyper-V elsewhere has another tag, or none.
    ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"),
    ("sys_vendor", "Alibaba Cloud", "alibaba"),
    ("sys_vendor", "Tencent Cloud", "tencent"),
    ("sys_vendor", "Huawei Cloud", "huawei"),
    ("chassis_asset_tag", "HUAWEICLOUD", "huawei"),
)
"""Files of /sys/class/dmi/id, what stands in them, and whose machine that is."""


def of_this_host() -> str:
    """Return the cloud that the hardware names; empty where it names none. Nobody is asked for it."""
    for name, word, cloud in WORDS:
        try:
            vendor = host_path(f"/sys/class/dmi/id/{name}").read_text(errors="replace")
        except (OSError, CheckError):
            continue
        if word.lower() in vendor.lower():
            return cloud
    return ""


def cloud_tags(cloud: str, address: str = "") -> dict[str, str]:
    """Ask the service of a cloud; `auto` is the one that the hardware names, and nobody is asked where it names none.

    `address` (host:port) stands for the vendor's in tests. OSError: no good answer came.
    """
    name = of_this_host() if cloud == "auto" else cloud
    if name not in CLOUDS:
        return {}
    where = address or CLOUDS[name].address

    def get(method: str, path: str, headers: Mapping[str, str]) -> str:
        return _get(where, method, path, headers)

    try:
        facts = CLOUDS[name].ask(get)
        tags = _tags(facts)
    except (ValueError, AttributeError, RecursionError):
        raise OSError(f"the metadata service of {name} ({where}): what answers is not that service") from None
    except (OSError, HTTPException) as error:
        raise OSError(f"the metadata service of {name} ({where}): {error}") from None
    return {"cloud": name, **tags}


def _tags(facts: Mapping[str, object]) -> dict[str, str]:
    """Return what is told of an instance; ValueError where it is no service's word."""
    words = {NAMES[key]: value.strip() for key, value in facts.items() if isinstance(value, str) and value.strip()}
    if "cloud_instance_id" not in words or not all(map(_WORD.fullmatch, words.values())):
        raise ValueError
    return words


def _get(where: str, method: str, path: str, headers: Mapping[str, str]) -> str:
    """Ask over plain HTTP: by no proxy, and what leads elsewhere is no answer."""
    connection = HTTPConnection(where, timeout=SECONDS)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{method} {path} is answered by {answer.status}")
        text = answer.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise OSError(f"{method} {path} is answered by more than {MOST_BYTES} bytes")
        return text.decode()
    finally:
        connection.close()
