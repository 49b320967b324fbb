"""hostvigil schema: the JSON Schema of the drop-in files."""

from __future__ import annotations

import argparse
import json

from agent.catalog import Catalog
from agent.config import load
from agent.schema import schema


def main(options: argparse.Namespace) -> int:
    catalog = Catalog()
    load(options.config, catalog)  # for the owner's own types
    print(json.dumps(schema(catalog), indent=2))
    return 0
