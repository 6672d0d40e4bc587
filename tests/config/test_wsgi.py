"""The web server starts the application with nothing but what the environment must say."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_application_loads_without_being_told_where_its_settings_are():
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
