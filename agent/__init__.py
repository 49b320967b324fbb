"""hostvigil: the machine that runs checks and tells their changes; nothing in here knows what a disk is."""

__version__ = "0.1.0"
