"""`planner dashboard`: the what-if app in the browser, on this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from planner.cli.command import command
from planner.cli.output import Output
from planner.errors import InputError, MissingExtra

APP = "planner.app"
LOOPBACK = "127.0.0.1"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "dashboard", formats=("table",))(dashboard)


def dashboard(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    address: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's reach it.")
    ] = LOOPBACK,
    out: Output,
) -> int:
    """Open the what-if dashboard."""
    if find_spec("streamlit") is None or find_spec(APP) is None:
        raise MissingExtra("the dashboard needs Streamlit: pip install 'openclaw-planner[app]'")
    _free(address, port)
    out.say(f"dashboard: http://{address}:{port}  (Ctrl-C stops it)")
    if address != LOOPBACK:
        out.say("warning: anyone who can reach this address can use it; there is no login")
    options = {
        "server.address": address, "server.port": port, "server.headless": str(no_browser).lower(),
        "server.showEmailPrompt": "false", "server.fileWatcherType": "none", "browser.gatherUsageStats": "false",
        "browser.serverAddress": address, "logger.level": "warning",
    }  # fmt: skip
    os.dup2(2, 1)  # what Streamlit prints is for the person at the terminal
    sys.stdout.flush()
    run = [sys.executable, "-P", "-X", "faulthandler", "-m", APP, *(f"--{k}={v}" for k, v in options.items())]
    if os.name == "nt":
        return subprocess.run(run, check=False).returncode
    os.execv(sys.executable, run)  # this process becomes the server, so that signals reach it


def _free(address: str, port: int) -> None:
    """InputError where the port is taken, before a browser opens someone else's page."""
    import socket

    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise InputError(
            f"cannot listen on {address}:{port}: {error.strerror or error}",
            path="--port",
            hint="give another --port",
        ) from None
