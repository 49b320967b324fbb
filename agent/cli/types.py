"""hostvigil types: documents each check type from its class."""

from __future__ import annotations

import argparse
import shutil

import msgspec

from agent.cli.answers.readable import readable
from agent.cli.output import fail
from agent.config.drop_ins import load
from agent.config.schema import common_page, type_page
from agent.config.types.catalog import Catalog
from agent.config.types.check_class import CatalogError


def main(options: argparse.Namespace) -> int:
    """Exits 0, or 2 for a type that does not exist or cannot be used; prints all others."""
    catalog = Catalog()
    load(options.config, catalog)  # for the owner's own types
    types, code = {}, 0
    names = [options.name] if options.name else catalog.names()
    for name in names:
        try:
            types[name] = catalog.get(name)
        except CatalogError as error:
            code = fail(error)
    if options.name and code:
        return code
    if options.json:
        pages = {name: type_page(name, cls) for name, cls in types.items()}
        print(msgspec.json.encode(pages).decode())
    else:
        pages = {name: type_page(name, cls) for name, cls in types.items()}
        text = "\n\n".join([*pages.values(), *([] if options.name else [common_page()])])
        print(readable(text, shutil.get_terminal_size().columns))
    return code
