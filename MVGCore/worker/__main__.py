"""The worker process: `python -m MVGCore.worker`, or this file by its path. It is started by a client.

Until the greeting is out only the standard library is imported, so that a lacking package can be named.
"""

from __future__ import annotations

import sys
from pathlib import Path


def use_own_core() -> None:
    """Started by its path: import the MVGCore that this file belongs to, and nothing else from its folder.

    A search path would bring in the host's other packages as well, which may be made for another Python.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    core = Path(__file__).resolve().parents[1]
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != core / "worker"]
    spec = spec_from_file_location("MVGCore", core / "__init__.py", submodule_search_locations=[str(core)])
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["MVGCore"] = module
    spec.loader.exec_module(module)


def main() -> int:
    """Greet the host, then serve it until it says goodbye or is gone; gives the exit code."""
    from MVGCore.worker.wire.channel import private_channel
    from MVGCore.worker.wire.handshake import greeting_line, lacking_line, misfit, own_greeting, read_greeting

    receive, send = private_channel()
    send.write(greeting_line(own_greeting()))
    send.flush()
    line = receive.readline()
    if not line:
        return 0
    problem = misfit(read_greeting(line), own_greeting())
    if problem:
        print(problem, file=sys.stderr)
        return 3
    try:
        from MVGCore.worker.process.server import serve
    except ImportError as error:
        send.write(lacking_line(error))
        return 4
    return serve(receive, send)


if __name__ == "__main__":
    if not __package__:
        use_own_core()
    sys.exit(main())
