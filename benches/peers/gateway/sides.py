"""The processes of a load test."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["LITELLM", "Side", "Sides", "running"]

LITELLM = "litellm[proxy]==1.106.2"
KEY = "sk-load"
STARTS_WITHIN_S = 120
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Side:
    """What stands between the clients and the provider; the provider itself as the side `direct`."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Seconds that it had a core."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def resident(self) -> int:
        """Bytes of memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE


@dataclass(frozen=True)
class Sides:
    """Everything that runs."""

    load: Path
    direct: Side
    proxies: tuple[Side, ...]
    commands: dict[str, list[object]]

    def __getitem__(self, name: str) -> Side:
        return next(side for side in self.proxies if side.name == name)

    @property
    def ours(self) -> tuple[Side, ...]:
        """Our gateway, as it was told to check."""
        return tuple(side for side in self.proxies if side.name.startswith("gateway"))

    @property
    def peer(self) -> Side | None:
        """LiteLLM, unless it is left out."""
        return next((side for side in self.proxies if side.name == "LiteLLM"), None)

    def anew(self, name: str) -> contextlib.AbstractContextManager[Side]:
        """The same side as a process that has done nothing yet."""
        return started(name, self.commands[name])

    def client(self, *words: object) -> dict[str, dict[str, float]]:
        """What clients tell, as the load program's first words say."""
        done = subprocess.run([str(self.load), *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the clients failed: {done.stderr.strip()}")
        return json.loads(done.stdout)


@contextlib.contextmanager
def running(project: Path, *, with_peer: bool) -> Iterator[Sides]:
    """Start every side, and stop them at the end."""
    load = project / "target" / "release" / "gateway-load"
    with contextlib.ExitStack() as stack:
        mock = stack.enter_context(started("direct", [load, "mock", PORT]))
        commands: dict[str, list[object]] = {"bare proxy": [load, "bare", PORT, mock.port]}
        for does in ("observe", "all", "redact"):
            commands[f"gateway, {does}"] = [load, "gateway", PORT, mock.port, does]
        if with_peer:
            commands["LiteLLM"] = litellm(project / ".cache" / "peers", mock.port)
        proxies = tuple(stack.enter_context(started(name, command)) for name, command in commands.items())
        yield Sides(load, mock, proxies, commands)


PORT = object()
"""Stands in a command for a port that is free."""
PEER_ENVIRONMENT = {"LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


@contextlib.contextmanager
def started(name: str, command: list[object]) -> Iterator[Side]:
    """A process that listens, until the end."""
    port = free_port()
    words = [str(port if word is PORT else word) for word in command]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=os.environ | PEER_ENVIRONMENT, **quiet) as process:
        try:
            wait_for(name, port, process)
            yield Side(name, port, process)
        finally:
            process.terminate()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(name: str, port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens."""
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"{name} ended with status {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{name} did not listen within {STARTS_WITHIN_S} s")


def litellm(cache: Path, upstream: int) -> list[object]:
    """The command of the peer, installed on first use."""
    home = cache / "litellm"
    program = home / "bin" / "litellm"
    if not program.exists():
        print(f"installing {LITELLM}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", LITELLM], check=True)
    served = {"model": "openai/mock", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": KEY}
    config = home / "config.yaml"
    config.write_text(yaml.safe_dump({"model_list": [{"model_name": "mock", "litellm_params": served}]}))
    words = ["--host", "127.0.0.1", "--port", PORT, "--num_workers", "1", "--telemetry", "False"]
    return [program, "--config", config, *words]
