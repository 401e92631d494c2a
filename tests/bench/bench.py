"""What the tests of handfast-bench share: running it, reading what it writes, collecting what is wrong."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile


class Bench:
    """The program in a temporary folder of its own, which it must leave as it was."""

    def __init__(self, *options):
        parser = argparse.ArgumentParser()
        for option in ("bench", *options):
            parser.add_argument("--" + option, required=True)
        parser.add_argument("--sanitized", action="store_true")
        self.args = parser.parse_args()
        self.wrong = []
        self.checks = 0
        self.folder = tempfile.TemporaryDirectory()
        self.scratch = pathlib.Path(self.folder.name, "scratch")
        self.scratch.mkdir()

    def check(self, good, message):
        self.checks += 1
        if not good:
            self.wrong.append(message)
        return good

    def run(self, *words):
        """(exit code, stdout, stderr)"""
        done = subprocess.run([self.args.bench, *map(str, words)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(self.scratch)}, timeout=1000)
        self.check(not list(self.scratch.iterdir()), f"{words}: left {list(self.scratch.iterdir())}")
        return done.returncode, done.stdout, done.stderr

    def measure(self, *words):
        """Runs a benchmark with --json; returns (stdout, rows) after checking what every report has."""
        path = pathlib.Path(self.folder.name, "report.json")
        code, out, err = self.run(*words, "--json", path)
        if not self.check(code == 0, f"{words}: exit code {code}: {err}"):
            self.finish(1)
        report = json.loads(path.read_text())
        self.check(set(report) == {"environment", "results"}, f"{words}: keys {list(report)}")
        self.check_environment(report["environment"])
        for row in report["results"]:
            self.check(row["bench"] in (words[0], "limits"), f"{words}: a row of another benchmark: {row}")
        return out, report["results"]

    def check_environment(self, env):
        for name in ("handfast", "cpu", "cpu_features", "microcode", "governor", "kernel", "compiler", "load", "date"):
            self.check(isinstance(env.get(name), str) and env[name], f"environment: {name}: {env.get(name)!r}")
        for name in ("core_ghz", "tsc_ghz", "cpus"):
            self.check(isinstance(env.get(name), (int, float)) and env[name] >= 0, f"environment: {name}")
        self.check({"portable", "libcrypto"} <= set(env["libraries"]), f"environment: {env['libraries']}")

    def positive(self, row, *names):
        for name in names:
            value = row.get(name)
            self.check(isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0,
                       f"{name} is {value!r} in {row}")

    def finish(self, at_least):
        for message in self.wrong:
            print("WRONG:", message)
        if self.checks < at_least:
            print(f"WRONG: only {self.checks} checks ran, at least {at_least} were expected")
            sys.exit(1)
        print(f"{self.checks} checks, {len(self.wrong)} wrong")
        sys.exit(1 if self.wrong else 0)
