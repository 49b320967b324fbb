"""conf.d to Config: drop-ins are read, every mistake is named at its place; settings, types, schema, differences."""
