"""The first half of `mutmut run`, which has no command of its own: the other half collects tests for each fault."""

from __future__ import annotations

import os
import signal
import sys


def main(children: int) -> None:
    from mutmut.__main__ import CatchOutput, collect_or_load_stats, create_mutants, get_mutant_runner
    from mutmut.mutation.trampoline import set_mutant_under_test
    from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths

    set_mutant_under_test("mutant_generation")
    with CatchOutput():
        copy_src_dir()
        copy_also_copy_files()
        setup_source_paths()
        create_mutants(children)
    collect_or_load_stats(get_mutant_runner(children))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(2, 1)
    main(int(sys.argv[1]))
