"""hostvigil schema: the JSON Schema of the drop-in files."""

from __future__ import annotations

import argparse
import json

from agent.catalog import Catalog
from agent.schema import schema


def main(options: argparse.Namespace) -> int:
    print(json.dumps(schema(Catalog()), indent=2))
    return 0
