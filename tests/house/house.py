"""What the tests of the house share: the list of sources, and a place to collect findings."""

import argparse
import pathlib
import subprocess
import sys

# Folders with sources that belong to the product.
PRODUCT = ("lib", "providers", "hsm", "apps", "bench")


def arguments(*names):
    """Parses --source and the given further options, all required."""
    parser = argparse.ArgumentParser()
    for name in ("source", *names):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    args.source = pathlib.Path(args.source).resolve()
    return args


def tracked_files(source):
    """Files of the checkout as git knows them, new ones that are not ignored too; without git, all but builds."""
    git = ["git", "-c", "safe.directory=*", "-C", str(source), "ls-files", "-z", "--cached", "--others",
           "--exclude-standard"]
    try:
        listing = subprocess.run(git, check=True, capture_output=True).stdout
        files = [source / name for name in listing.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        files = [path for path in source.rglob("*") if "build" not in path.relative_to(source).parts]
    return sorted(path for path in files if path.is_file())


def c_files(source):
    return [path for path in tracked_files(source) if path.suffix in (".c", ".h")]


def run(command, **options):
    """Runs a command; returns (exit code, stdout and stderr together)."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace", **options)
    return done.returncode, done.stdout


class Findings:
    """Collects what is wrong, so that one run tells everything; counts checks, so that none means failure."""

    def __init__(self):
        self.wrong = []
        self.checks = 0

    def check(self, good, message):
        self.checks += 1
        if not good:
            self.wrong.append(message)
        return good

    def finish(self, at_least):
        for message in self.wrong:
            print("WRONG:", message)
        if self.checks < at_least:
            print(f"WRONG: only {self.checks} checks ran, at least {at_least} were expected")
            sys.exit(1)
        print(f"{self.checks} checks, {len(self.wrong)} wrong")
        sys.exit(1 if self.wrong else 0)
