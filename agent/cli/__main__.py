"""Where the command line begins: `hostvigil`, or `python -m agent.cli` without its installed name."""

import signal
import sys


def main() -> int:
    """Run one command; returns its exit code.

    Ctrl-C while what we need is imported ends us as it ends any program, without Python's words and with 130 in a
    shell; a command says for itself what it does about it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from agent.cli.main import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
