#!/usr/bin/env python3
"""Chromium loads a page, and runs its script, from `handfast serve --root`; the authority is trusted by way of an NSS
database in a home of its own. Without that trust the page must not load.
"""

import argparse
import pathlib
import re
import subprocess
import tempfile

import cells
import handfast_peer
import nss_peer
import process
import world as worlds
from cells import expect

PAGE = """<!doctype html><title>page</title><p id=p>before</p>
<script>fetch("data.txt").then(r => r.text()).then(t => document.getElementById("p").textContent = "loaded " + t.length)
</script>"""
DATA = 300_000
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--virtual-time-budget=10000", "--dump-dom"]


class Chromium:
    def __init__(self, args):
        self.world, self.program = worlds.World(args.world), args.handfast

    def load(self, home, port):
        """The page's text after its script ran."""
        argv = ["chromium", *FLAGS, f"--user-data-dir={home}/profile", f"https://localhost:{port}/index.html"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=4 * process.PATIENCE,
                              env=process.clean_environment(HOME=home))
        return done.stdout + done.stderr

    def page(self, version, trusted):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            home, root = pathlib.Path(folder) / "home", pathlib.Path(folder) / "root"
            nss_peer.make_database(self.world, home / ".pki" / "nssdb", trusted=trusted)
            root.mkdir()
            (root / "index.html").write_text(PAGE)
            (root / "data.txt").write_text("x" * DATA)
            with handfast_peer.Serve(self.world, self.program, ["p256", "rsa"], app=("--root", root),
                                     policy="intermediate", more=("--explain", "--max-version", version)) as server:
                text, said = self.load(home, server.port), ""
                said = server.output()
        loaded = f"loaded {DATA}" in text
        expect(loaded == trusted, f"{text}\n{said[-3000:]}")
        if trusted:
            expect(re.search(rf"chose TLS {re.escape(version)}, TLS_\w+", said), said)

    def run(self):
        return cells.run_all({"a page over TLS 1.3": lambda: self.page("1.3", True),
                              "a page over TLS 1.2": lambda: self.page("1.2", True),
                              "an authority that it does not trust": lambda: self.page("1.3", False)}, at_least=3)


def main():
    parser = argparse.ArgumentParser()
    handfast_peer.program_argument(parser)
    cells.finish(Chromium(parser.parse_args()).run())


if __name__ == "__main__":
    main()
