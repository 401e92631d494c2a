"""Runs the cells of a matrix, a few at a time, and tells what each one saw."""

import concurrent.futures
import os
import sys
import traceback

from process import PeerError

WORKERS = max(2, min(8, 2 * (os.cpu_count() or 1)))  # most of a cell is waiting for the other side


def run_one(name, cell):
    try:
        cell()
        return name, None
    except PeerError as error:
        return name, str(error)
    except Exception:  # a fault of the test itself must fail the cell, not vanish
        return name, traceback.format_exc()


def run_all(cells, at_least):
    """Runs {name: callable}; returns the names that failed. `at_least` guards against an empty matrix."""
    failed = []
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        tasks = [pool.submit(run_one, name, cell) for name, cell in cells.items()]
        for task in concurrent.futures.as_completed(tasks):
            name, wrong = task.result()
            print(f"{'FAILED' if wrong else 'ok':6} {name}", flush=True)
            if wrong:
                print("\n".join("    " + line for line in wrong.splitlines()), flush=True)
                failed.append(name)
    print(f"\n{len(cells)} cells, {len(failed)} failed", flush=True)
    return failed + ([f"only {len(cells)} cells, not {at_least}"] if len(cells) < at_least else [])


def in_time(attempt, times=10):
    """For what only those are promised who are quick enough: they have a second, by the program's own limits. On a
    machine that stood still just then the attempt is made anew; once it must succeed."""
    for _ in range(times - 1):
        try:
            return attempt()
        except PeerError:
            pass
    return attempt()


def finish(failed):
    """Ends the process: 0 when nothing failed."""
    for name in failed:
        print(f"FAILED {name}")
    sys.exit(1 if failed else 0)


def expect(good, message):
    if not good:
        raise PeerError(message)
