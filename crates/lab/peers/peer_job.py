"""A whole job: `bespoke refresh` against a script of the usual libraries, each started as a program."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def missing(data):
    return None if "BESPOKE_DATA" in os.environ else "BESPOKE_DATA is unset"


class Program:
    """Takes the place of a worker: every run is a process of its own."""

    def __init__(self, command, out, env):
        self.command, self.out, self.env = command, out, env

    def run(self):
        shutil.rmtree(self.out, ignore_errors=True)
        with tempfile.TemporaryFile() as said:
            begun = time.perf_counter()
            redirected = [(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)]
            process = os.posix_spawn(self.command[0], self.command, self.env, file_actions=redirected)
            _, status, used = os.wait4(process, 0)
            seconds = time.perf_counter() - begun
            said.seek(0)
            assert status == 0, said.read().decode()
        # Linux counts in KiB.
        return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_bytes": used.ru_maxrss * 1024}

    def ask(self, command):
        return {}

    def end(self):
        pass


def workers(lab, directory, outs, env, threads):
    bespoke = lab.parent / "bespoke"
    ours = [bespoke, "refresh", "--config", directory / "bespoke.toml", "--threads", threads, "--set", f'output.dir="{outs[0]}"']
    theirs = [sys.executable, HERE / "job_script.py", directory / "online_retail.csv.gz", outs[1], threads]
    return [Program([str(word) for word in c], out, env) for c, out in ((ours, outs[0]), (theirs, outs[1]))]


def check(data, directory):
    return {}


def judge(task, data, directory, ours, theirs):
    import polars as pl

    run = next((ours / "runs").iterdir())
    tables = [pl.read_parquet(out / "customers.parquet") for out in (run, theirs)]
    figures = {"customers": [float(len(table)) for table in tables]}
    for name in ("expected_orders", "p_alive", "churn_probability", "cltv"):
        figures[f"mean {name}"] = [float(table[name].mean()) for table in tables]
    figures["personas"] = [float(table["persona_id"].n_unique()) for table in tables]
    figures["recommended"] = [float(len(pl.read_parquet(out / "recommendations.parquet"))) for out in (run, theirs)]
    orders = figures["mean expected_orders"]
    same = figures["customers"][0] == figures["customers"][1] and abs(orders[0] / orders[1] - 1) <= 0.1
    return figures, "yes" if same else "NO"
