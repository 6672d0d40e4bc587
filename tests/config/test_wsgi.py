"""The WSGI application starts without DJANGO_SETTINGS_MODULE."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_application_loads_without_a_settings_variable():
    environment = {
        name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
    }

    loading = subprocess.run(
        [sys.executable, "-c", "from config.wsgi import application"],
        cwd=ROOT,
        env=environment | {"DEBUG": "on"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert loading.returncode == 0, loading.stderr
