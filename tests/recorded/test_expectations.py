"""The expectations that Rust reads are up to date, and the providers' own packages read the same from the recordings."""

import os
import subprocess
import sys
from pathlib import Path


def test_expectations_are_up_to_date_and_the_packages_agree(project: Path, data: Path) -> None:
    script = [sys.executable, str(project / "scripts" / "expect_recordings.py"), "--check", "--sdks"]
    environment = os.environ | {"MIDSTREAM_DATA": str(data)}
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
