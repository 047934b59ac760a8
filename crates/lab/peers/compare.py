"""Runs ours and theirs in turn on the same data and prints ratios of times, memory and results.

usage: compare.py --lab PROGRAM --spec SPEC --work DIR --out DIR [--rounds N] [--quick] [--case NAME]

Of each pair, both workers load first; the first run of each is the warm-up, and its peak of memory counts, as later
runs find memory that earlier ones kept. Then rounds follow: one run each, who begins alternating. A ratio is theirs
over ours in the same round: above 1, ours is faster.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
import tomllib
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
LIBRARIES = [line.split("==")[0] for line in (HERE / "requirements.txt").read_text().splitlines() if "==" in line]
# Idle threads of some libraries spin for a while after a run; the other side waits for that.
PAUSE_SECONDS = 0.3


def environment(threads, blas_threads):
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")}
    counts |= {name: str(blas_threads) for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    # Without spinning, which beside other work on the machine made theirs 2 times (scikit-learn) and 20 times (faiss)
    # slower, and ours not.
    return dict(os.environ) | counts | {"OMP_WAIT_POLICY": "passive"}


class Worker:
    """A process that has loaded a case."""

    def __init__(self, command, env):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env, text=True)
        self.ready = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self.process.wait()}: {' '.join(self.process.args)}")
        return json.loads(line)

    def ask(self, command):
        print(command, file=self.process.stdin, flush=True)
        return self.answer()

    def run(self):
        time.sleep(PAUSE_SECONDS)
        return self.ask("run")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Comparison:
    """One specification, its options and where its files are."""

    def __init__(self, args):
        self.args = args
        self.spec = tomllib.loads(args.spec.read_text())
        self.room = importlib.import_module("peer_" + self.spec["room"])

    def cases(self):
        for case in self.spec["case"]:
            if self.args.case and case["name"] != self.args.case or self.args.quick and not case.get("quick"):
                continue
            missing = self.room.missing(case["data"]) if hasattr(self.room, "missing") else None
            if missing:
                print(f"SKIPPED {case['name']}: {missing}", flush=True)
                continue
            yield case

    def folder(self, case):
        return self.args.work / "data" / self.spec["room"] / case["name"]

    def generate(self, case):
        subprocess.run([self.args.lab, "generate", self.args.spec, case["name"], self.folder(case)], check=True)
        return self.room.check(case["data"], self.folder(case))

    def workers(self, case, task, peer, data, outs, env):
        if hasattr(self.room, "workers"):
            return self.room.workers(self.args.lab, data, outs, env, self.spec["threads"])
        place = [self.args.spec, case["name"], task]
        commands = (
            [self.args.lab, "work", *place, data, outs[0]],
            [sys.executable, HERE / "worker.py", *place, peer["name"], data, outs[1]],
        )
        return [Worker([str(word) for word in command], env) for command in commands]

    def pair(self, case, task, peer):
        data, outs = self.folder(case), [self.folder(case) / "out" / task / side for side in ("ours", peer["name"])]
        env = environment(self.spec["threads"], peer["blas_threads"])
        workers = self.workers(case, task, peer, data, outs, env)
        warm = [worker.run() for worker in workers]
        facts = [worker.ask("report") for worker in workers]
        runs, cpu = [], []
        for at in range(self.args.rounds or case.get("rounds", self.spec["rounds"])):
            begins = at % 2
            answers = {side: workers[side].run() for side in (begins, 1 - begins)}
            runs.append([answers[side]["seconds"] for side in (0, 1)])
            cpu.append([answers[side]["cpu_seconds"] for side in (0, 1)])
        for worker in workers:
            worker.end()
        figures, equal = self.room.judge(task, case["data"], data, *outs)
        return {
            "case": case["name"], "task": task, "peer": peer["name"], "blas_threads": peer["blas_threads"],
            "seconds": runs, "ratios": [theirs / ours for ours, theirs in runs], "cpu_seconds": cpu,
            "peak_bytes": [run["peak_bytes"] for run in warm],
            "facts": facts, "figures": figures, "equal": equal,
        }


def machine():
    """What the figures depend on; nothing that names the machine."""
    cpu = next((l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")), platform.machine())
    return {"cpu": cpu, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def commit():
    git = lambda *args: subprocess.run(["git", *args], cwd=HERE, capture_output=True, text=True).stdout.strip()
    changed = git("status", "--porcelain", "--", ":/", ":!/benches/runs")
    return git("rev-parse", "--short=10", "HEAD") + (" with changes" if changed else "")


def number(x):
    return f"{x:.4g}" if abs(x) < 1e4 else f"{x:,.0f}"


def cpu_ratio(runs):
    if any(not seconds for run in runs for seconds in run):
        return "?"
    return f"{median(theirs / ours for ours, theirs in runs):.2f}"


def row(result):
    ratios, (ours, theirs) = result["ratios"], (median(side) for side in zip(*result["seconds"]))
    mib = lambda n: "?" if n is None else f"{n / 2**20:,.0f}"
    figures = "; ".join(f"{name} {' / '.join(number(x) for x in pair)}" for name, pair in result["figures"].items())
    return [
        result["case"], result["task"], result["peer"], f"{ours:.4f}", f"{theirs:.4f}", f"**{median(ratios):.2f}**",
        f"{min(ratios):.2f} .. {max(ratios):.2f}", cpu_ratio(result["cpu_seconds"]), " / ".join(mib(n) for n in result["peak_bytes"]),
        figures, result["equal"],
    ]


HEADER = [
    "case", "task", "peer", "ours, s", "theirs, s", "theirs / ours", "min .. max", "the same in CPU time", "peak MiB above data, ours / theirs",
    "results, ours / theirs", "equal",
]


def markdown(record):
    line = lambda cells: "| " + " | ".join(cells) + " |"
    m = record["machine"]
    loads = [result["load"] for result in record["results"]]
    text = [
        f"# {record['room']}: ours and theirs in turn, {record['date']}", "", record["about"].strip(), "",
        "Seconds are medians; theirs / ours is the median of the ratios of paired runs, above 1 when ours is faster, with"
        " the least and the greatest; CPU time is what both threads ran, which other work on the machine disturbs less. Equal says whether the results meet the rule above.", "",
        f"{m['cpu']}, {m['cores']} cores, {m['system']}; {record['threads']} threads each, OMP_WAIT_POLICY=passive, BLAS threads as in the specification; commit {record['commit']}; load average of"
        f" the machine {min(loads):.1f} to {max(loads):.1f} (other work is in it, so read ratios rather than seconds).", "",
        ", ".join(f"{name} {v}" for name, v in record["versions"].items()), "",
        line(HEADER), line(["---"] * len(HEADER)), *(line(row(result)) for result in record["results"]), "",
    ]
    for case, checks in record["checks"].items():
        text += [f"{case}: " + ", ".join(f"{name} {number(x)}" for name, x in checks.items()) + "\n"] if checks else []
    return "\n".join(text).rstrip() + "\n"


def write(record, args):
    name = "-".join([record["date"], "peers", record["name"], *filter(None, [args.case, args.quick and "quick"])])
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    (args.out / f"{name}.md").write_text(markdown(record))


def main():
    parser = argparse.ArgumentParser()
    for name in ("lab", "spec", "work", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--case")
    args = parser.parse_args()
    comparison = Comparison(args)
    spec = comparison.spec
    # The same processors for everybody: some libraries take one thread per processor whatever they are told.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: spec["threads"]])
    record = {
        "date": datetime.now(timezone.utc).date().isoformat(), "name": args.spec.stem, "room": spec["room"],
        "about": spec["about"], "machine": machine(), "threads": spec["threads"], "commit": commit(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "checks": {}, "results": [],
    }
    print(" | ".join(HEADER), flush=True)
    for case in comparison.cases():
        record["checks"][case["name"]] = comparison.generate(case)
        for task in case["tasks"]:
            here = case.get("peers")
            for peer in (p for p in spec["peer"] if task in p["tasks"] and (not here or p["name"] in here)):
                result = comparison.pair(case, task, peer) | {"load": os.getloadavg()[0]}
                record["results"].append(result)
                print(" | ".join(row(result)), flush=True)
                write(record, args)
    assert record["results"], "nothing was compared"
    unequal = [f"{r['case']} {r['task']} {r['peer']}" for r in record["results"] if r["equal"] != "yes"]
    if unequal:
        print("results are not equal: " + "; ".join(unequal), flush=True)


if __name__ == "__main__":
    main()
