#!/usr/bin/env python3
"""Measures what Crosscheck itself costs: time, CPU, memory, size.

    cargo build --release && python3 harness/benches/speed.py [RUNS]

Prints medians over RUNS runs (default 9) of the release binary with the reference client. The overhead of a scenario
is its wall time less that of the client process; its CPU is that of the harness process alone, children excluded. Slow
scenarios are left out.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BINARY = Path(__file__).resolve().parents[2] / "target/release/crosscheck"
TICKS = os.sysconf("SC_CLK_TCK")


def run(*args):
    """Wall seconds, own CPU seconds and peak memory in MB of one call."""
    began = time.perf_counter()
    child = subprocess.Popen([BINARY, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    wall = time.perf_counter() - began
    # A process that nobody has waited for yet still tells its own times apart from those of its children.
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / TICKS
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{args} exited {child.returncode}"
    return wall, own, usage.ru_maxrss / 1024


def main(runs):
    listing = [run("list")[0] for _ in range(runs)]
    walls, cpus, overheads, count, peak = [], [], [], 0, None
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            wall, cpu, most = run("run", "--skip", "/slow/", "--report", folder)
            walls.append(wall)
            # A child begins as a copy of this process, which is small only until it has read a report.
            peak = peak or most
            scenarios = json.loads(Path(folder, "report.json").read_text())["clients"][0]["scenarios"]
            played = [scenario for scenario in scenarios if scenario["checks"]]
            count = len(played)
            cpus.append(cpu / count)
            for scenario in played:
                transcript = json.loads(Path(folder, scenario["id"], "transcript.json").read_text())
                overheads.append(scenario["took_us"] - transcript["client"]["took_us"])
    print(f"list                      {statistics.median(listing) * 1000:8.1f} ms")
    print(f"complete run              {statistics.median(walls) * 1000:8.1f} ms, {count} scenarios")
    print(f"overhead of a scenario    {statistics.median(overheads) / 1000:8.2f} ms wall, {statistics.median(cpus) * 1000:.2f} ms CPU")
    print(f"peak memory               {peak:8.1f} MB")
    print(f"release binary            {BINARY.stat().st_size / 1e6:8.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
