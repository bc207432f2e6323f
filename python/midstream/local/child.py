"""The program of the process that runs the model; started by `midstream.local.server`, never imported.

It prints one line of JSON, ``{"address"}`` or ``{"failed", "reason"}``, serves until its standard input closes, and ends.
So it ends with its parent, whatever ends the parent.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

__all__ = ["main"]

# OpenMP reads this once, when it is loaded: its threads must sleep and not spin while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Serve what the first argument asks for, in JSON."""
    wanted = json.loads(sys.argv[1])
    # llama.cpp may print; the parent reads one line from here.
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        server = serve(wanted)
    except ModuleNotFoundError as error:
        said.write(json.dumps({"failed": "package", "reason": str(error)}) + "\n")
    except ImportError as error:
        said.write(json.dumps({"failed": "library", "reason": str(error)}) + "\n")
    except (RuntimeError, ValueError) as error:
        said.write(json.dumps({"failed": "start", "reason": str(error)}) + "\n")
    else:
        said.write(json.dumps({"address": server.listening_address}) + "\n")
        said.flush()
        sys.stdin.buffer.read()
        del server
    said.flush()
    os._exit(0)


def serve(wanted: dict[str, Any]) -> Any:
    """Load the model and answer requests from llama.cpp's own threads; deleting the result ends that."""
    xllamacpp: Any = import_module("xllamacpp")  # has no types, and may be absent
    params = xllamacpp.CommonParams()
    params.model.path = wanted["path"]
    params.model_alias = {wanted["name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = wanted["port"]
    params.n_ctx = wanted["context"]
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wanted["threads"]
    params.endpoint_slots = True
    params.endpoint_metrics = True
    params.verbosity = 0
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
