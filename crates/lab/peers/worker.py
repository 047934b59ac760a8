"""Their side of a comparison: loads a case, says so, and runs the task for every line "run" on its input.

usage: worker.py SPEC CASE TASK PEER DIR OUT
"""

import importlib
import json
import os
import sys
import time
import tomllib
import warnings
from pathlib import Path


def status(field):
    """A field of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return None


def peak_begins():
    """Forgets earlier peaks; resident bytes, or None where the kernel refuses."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return status("VmRSS:")


def main(spec, case, task, peer, directory, out):
    # Libraries print to standard output; the protocol has it for itself.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    say = lambda line: print(json.dumps(line), file=answers, flush=True)
    spec = tomllib.loads(Path(spec).read_text())
    data = next(c["data"] for c in spec["case"] if c["name"] == case)
    Path(out).mkdir(parents=True, exist_ok=True)
    room = importlib.import_module("peer_" + spec["room"])
    run, report = room.prepare(peer, task, data, Path(directory), spec["threads"])
    say({"ready": True, "loaded_bytes": status("VmRSS:")})
    result = None
    for line in sys.stdin:
        if line.strip() == "report":
            say(report(result, Path(out)))
            continue
        # The last result is let go before memory is counted, not during the run.
        result = None
        resident = peak_begins()
        begun, cpu_begun = time.perf_counter(), time.process_time()
        result = run()
        seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu_begun
        peak = max(0, status("VmHWM:") - resident) if resident is not None else None
        say({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak})


if __name__ == "__main__":
    main(*sys.argv[1:])
