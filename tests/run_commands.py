"""Runs command lines of ours one after the other in one process: `python -m tests.run_commands`.

Each begins with its flags as nobody has read them; what is imported and compiled stays. Reads
{"commands": [[module or script, argument, ...], ...], "only_parse": bool} from stdin as JSON;
writes a line [exit code, what it printed] for each to the file named by its one argument.
"""

import contextlib
import importlib.util
import io
import json
import os
import runpy
import sys
import traceback

from absl import app, flags, logging


def run(module: str, arguments: list[str], only_parse: bool) -> tuple[int, str]:
    before = set(flags.FLAGS)
    sys.argv = [module, *arguments]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            if only_parse:
                importlib.import_module(_entry(module))
                flags.FLAGS(sys.argv)
                code = 0
            elif module.endswith(".py"):
                runpy.run_path(module, run_name="__main__")
                code = 0
            else:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
                code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            code = 70
            printed.write(traceback.format_exc())
    _forget(before)
    return code, printed.getvalue()


def _entry(module: str) -> str:
    package = importlib.util.find_spec(module)
    folder = package is not None and package.submodule_search_locations is not None
    return f"{module}.__main__" if folder else module


def _forget(flags_before: set[str]) -> None:
    flags.FLAGS.remove_flag_values(set(flags.FLAGS) - flags_before)
    flags.FLAGS.unparse_flags()
    for name in list(sys.modules):
        if name.partition(".")[0] in ("experiments", "data_prep"):
            del sys.modules[name]


def main() -> None:
    task = json.load(sys.stdin)
    with open(sys.argv[1], "w") as report:
        # Those of absl itself are defined once a process, and stay.
        app.define_help_flags()
        logging.set_verbosity(logging.WARNING)
        for module, *arguments in task["commands"]:
            outcome = run(module, arguments, task["only_parse"])
            print(json.dumps(outcome), file=report, flush=True)
    # Threads that a command left behind shall not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
