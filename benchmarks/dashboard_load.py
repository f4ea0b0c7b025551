"""Ten readers at one dashboard for two minutes: latency, memory, errors, and whether anyone sees another's question.

    python -P benchmarks/dashboard_load.py [--users 10] [--seconds 120]

Each reader is a websocket session of its own that speaks Streamlit's protocol, asks for a demand nobody else asks for,
reads the page that comes back, thinks for a moment and asks again. The page must hold the reader's own demand and no
one else's. `answer` is the time until the recommendation stands on the page, `all` until every panel is there. Memory
is the resident size of the server and its solver processes; their CPU time per page says what the latency means on a
machine with something else to do. Needs the `app` extra.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

THINK_S = 2.0  # between an answer and the next move
MOST_MEMORY_GB = 2.0
SCENARIOS = ("chat-70b", "eu-only", "small-model", "shared-budget")
HEADLINE = "a month"
ASKED = re.compile(r"([\d.]+) requests/s")


@dataclass
class Seen:
    """What all readers saw."""

    first_s: list[float] = field(default_factory=list)
    answer_s: list[float] = field(default_factory=list)
    move_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    errors: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    memory_gb: list[float] = field(default_factory=list)


async def ask(connection: websockets.ClientConnection, query: str) -> tuple[str, float]:
    """Send one question: everything the page says until all is drawn, and the seconds until the answer stood there."""
    began, answered = time.monotonic(), 0.0
    message = BackMsg()
    message.rerun_script.query_string = query
    await connection.send(message.SerializeToString())
    said = []
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await asyncio.wait_for(connection.recv(), 60))
        kind = answer.WhichOneof("type")
        if kind == "delta":
            said.append(str(answer.delta.new_element))
            if not answered and HEADLINE in said[-1]:
                answered = time.monotonic() - began
        elif kind == "script_finished":
            if answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return "\n".join(said), answered
            if answer.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise RuntimeError("compile error")


async def reader(number: int, port: int, until: float, seen: Seen) -> None:
    """One session until the time is up; rates are `number` in thousandths above a round one, so nobody shares one."""
    example = SCENARIOS[number % 3]
    base = 4 + number
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None, ping_interval=None
    ) as connection:
        move = 0
        while time.monotonic() < until:
            rate = f"{base + move % 7}.{number:02d}1"
            began = time.monotonic()
            try:
                page, answered = await ask(connection, f"example={example}&w0.rate={rate}")
            except Exception as error:
                seen.errors.append(f"reader {number}: {type(error).__name__}: {error}")
                return
            (seen.move_s if move else seen.first_s).append(time.monotonic() - began)
            if move:
                seen.answer_s.append(answered)
            check(page, number, rate, seen)
            move += 1
            await asyncio.sleep(THINK_S)


def check(page: str, number: int, rate: str, seen: Seen) -> None:
    """The page names the reader's own demand only."""
    if "exception {" in page or "Something broke" in page:
        seen.errors.append(f"reader {number}: the page shows an error at {rate}")
    shown = set(ASKED.findall(page))
    own = f"{float(rate):.4g}"
    if shown - {own}:
        seen.leaks.append(f"reader {number} asked {own} and saw {sorted(shown)}")
    elif not shown:
        seen.errors.append(f"reader {number}: no demand on the page at {rate}")


def used(root: int) -> tuple[float, float]:
    """Resident memory in GB and CPU seconds so far, of a process and its children (those that ended included)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks = sum(map(int, fields[11:15]))
        parents[int(stat.parent.name)] = (int(fields[1]), 4096 * int(fields[21]), ticks)
    pages, ticks, frontier = 0, 0, {root}
    while frontier:
        pages += sum(parents[p][1] for p in frontier if p in parents)
        ticks += sum(parents[p][2] for p in frontier if p in parents)
        frontier = {p for p, (parent, *_) in parents.items() if parent in frontier}
    return pages / 1e9, ticks / os.sysconf("SC_CLK_TCK")


async def watch(pid: int, until: float, seen: Seen) -> None:
    """Sample the memory of the server twice a second."""
    while time.monotonic() < until:
        memory, seen.cpu_s = used(pid)
        seen.memory_gb.append(memory)
        await asyncio.sleep(0.5)


async def run(port: int, pid: int, users: int, seconds: float) -> Seen:
    """All readers at once."""
    seen, until = Seen(), time.monotonic() + seconds
    await asyncio.gather(watch(pid, until, seen), *(reader(n, port, until, seen) for n in range(users)))
    return seen


def report(seen: Seen, users: int, seconds: float) -> int:
    """Print the figures; 1 where a promise broke."""
    moves = sorted(seen.move_s)
    print(f"{users} readers for {seconds:.0f} s: {len(seen.first_s)} opened, {len(moves)} moves")
    for name, times in (
        ("opening", sorted(seen.first_s)),
        ("move: answer", sorted(seen.answer_s)),
        ("move: all", moves),
    ):
        if times:
            p90 = times[int(0.9 * (len(times) - 1))]
            print(f"  {name:<13} median {median(times):.2f} s, P90 {p90:.2f} s, most {times[-1]:.2f} s")
    print(f"  CPU           {seen.cpu_s / max(1, len(moves) + len(seen.first_s)):.2f} s per page, all in")
    print(f"  memory        start {seen.memory_gb[0]:.2f} GB, most {max(seen.memory_gb):.2f} GB")
    print(f"  errors        {len(seen.errors)}")
    print(f"  leaks         {len(seen.leaks)}")
    for line in [*seen.errors, *seen.leaks][:10]:
        print(f"    {line}")
    return int(bool(seen.errors or seen.leaks or max(seen.memory_gb) > MOST_MEMORY_GB))


def main() -> int:
    """Start the dashboard, let the readers in, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "planner", "dashboard", "--no-browser", "--port", str(port)]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as server,
    ):
        try:
            began = time.monotonic()
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                    break
                except OSError:
                    time.sleep(0.2)
            print(f"server answers after {time.monotonic() - began:.1f} s")
            return report(
                asyncio.run(run(port, server.pid, options.users, options.seconds)),
                options.users,
                options.seconds,
            )
        finally:
            if server.poll() is not None:
                log.seek(0)
                print(f"the server ended with code {server.returncode}:", log.read()[-2000:], sep="\n")
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
