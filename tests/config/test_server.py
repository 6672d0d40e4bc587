"""`python -m config.server` starts the web server of the setting SERVER."""

import gc
import os
import sys
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from config import gunicorn, server
from config.server import build_command, build_environment, parse_bind


def test_gunicorn_command_names_the_settings_file():
    assert build_command("gunicorn")[1:] == ["-m", "gunicorn", "--config", "config/gunicorn.py"]


def test_granian_command_has_the_settings_of_gunicorn(monkeypatch):
    monkeypatch.setattr(gunicorn, "bind", "127.0.0.1:8001")
    monkeypatch.setattr(gunicorn, "workers", 3)
    monkeypatch.setattr(gunicorn, "threads", 5)

    command = build_command("granian")

    assert command[:3] == [sys.executable, "-m", "granian"]
    assert command[-1] == "config.wsgi:application"
    assert {
        *("--host=127.0.0.1", "--port=8001", "--workers=3", "--blocking-threads=5"),
        *("--http=1", "--no-ws", "--no-access-log", "--respawn-failed-workers"),
        *("--workers-kill-timeout=30", "--interface=wsgi"),
    } <= set(command)


@pytest.mark.parametrize("name", ["", "Gunicorn", "uvicorn", "granian; true"])
def test_unknown_server_is_rejected(name):
    with pytest.raises(SystemExit, match="SERVER must be gunicorn or granian"):
        build_command(name)


@pytest.mark.parametrize(
    ("bind", "options"),
    [
        ("10.0.0.1:80", {"host": "10.0.0.1", "port": 80}),
        ("[::1]:8000", {"host": "::1", "port": 8000}),
        ("unix:/run/till.sock", {"uds": "/run/till.sock"}),
    ],
)
def test_granian_listens_on_the_address_of_bind(bind, options):
    assert parse_bind(bind) == options


@pytest.mark.parametrize("bind", ["127.0.0.1:1,127.0.0.1:2", "fd://3"])
def test_granian_listens_on_one_address_only(bind):
    with pytest.raises(SystemExit, match="one address"):
        parse_bind(bind)


def test_granian_environment_contains_no_headers(monkeypatch):
    monkeypatch.setattr(gunicorn, "workers", 3)
    given = {"HTTP_X_FORWARDED_FOR": "10.0.0.1", "HTTP_PROXY": "http://proxy:3128", "PATH": "/bin"}

    assert build_environment("granian", given) == {
        "HTTP_PROXY": "http://proxy:3128",
        "PATH": "/bin",
        "MALLOC_ARENA_MAX": "1",
        "WEB_CONCURRENCY": "3",
    }
    assert build_environment("gunicorn", given) == given


def test_gunicorn_says_how_many_workers_share_the_cores():
    assert gunicorn.raw_env == [f"WEB_CONCURRENCY={gunicorn.workers}"]


@pytest.mark.slow
def test_settings_of_gunicorn_are_plain_attributes_in_a_worker():
    config = Config()
    config.set("keepalive", gunicorn.keepalive)
    gunicorn.post_worker_init(SimpleNamespace(cfg=config))
    gc.unfreeze()

    assert vars(config).keys() >= config.settings.keys()
    assert all(vars(config)[name] == each.get() for name, each in config.settings.items())


@pytest.mark.parametrize(("setting", "module"), [(None, "gunicorn"), ("granian", "granian")])
def test_server_replaces_this_process(monkeypatch, setting, module):
    started = []
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    monkeypatch.delenv("SERVER", raising=False)
    environment = {"SERVER": setting} if setting else {}
    monkeypatch.setattr(gunicorn.Environment, "ENVIRON", environment)

    server.main()

    ((program, command, _),) = started
    assert program == sys.executable
    assert command[2] == module
