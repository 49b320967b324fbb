"""hostvigil schema: the JSON Schema of the drop-in files."""

from __future__ import annotations

import argparse
import json

from agent.config.drop_ins import load
from agent.config.schema import schema
from agent.config.types.catalog import Catalog


def main(options: argparse.Namespace) -> int:
    catalog = Catalog()
    load(options.config, catalog)  # for the owner's own types
    print(json.dumps(schema(catalog), indent=2))
    return 0
