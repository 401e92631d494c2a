#!/usr/bin/env python3
"""A token's bad days: `handfast serve` under load while the fault module lets every fault happen in turn.

Held throughout: no wrong byte, no crash, the established connection never stops, a wrong PIN is tried once at most; at the
end nothing is left over (sessions, descriptors, memory, threads). After each fault the time is told until the first new
handshake succeeds. The short form is a test and fails only on what does not come back at all; the long form, by hand,
wants it back within a second:

    soak.py --handfast .../handfast --fault .../libhandfast-fault.so --softhsm .../libsofthsm2.so --minutes 15
"""

import argparse
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

WAIT = 60  # seconds; only ends what hangs
CLIENTS = 6
GOOD_LEAST = 100  # connections of the load that work; less is no load
KEY_TIMEOUT_MS = 2000
BACK_WITHIN = 1.0  # seconds, in the long form
MEMORY_SLACK = 16 << 20  # bytes that the server may grow from its first handshakes to the last round
DESCRIPTOR_SLACK = 4  # more or fewer threads of the pool; less than one for each round of a long run

# Name, rules, and how long they hold in units of the run's pace.
FAULTS = (
    ("slow", "latency C_Sign, C_Decrypt = 5ms..20ms", 1),
    ("slow with a tail", "latency * = exp(1ms)\nlatency C_Sign = 300ms probability 2%", 1),
    ("errors now and then", "fail C_Sign, C_SignInit, C_Decrypt = CKR_DEVICE_ERROR probability 10%", 1),
    ("every operation fails", "fail C_Sign, C_Decrypt = CKR_FUNCTION_FAILED", 1),
    ("memory of the device", "fail C_OpenSession, C_SignInit = CKR_DEVICE_MEMORY probability 50%", 1),
    ("wrong signatures", "output C_Sign = wrong every 3\noutput C_Decrypt = wrong every 3", 1),
    ("short answers", "output C_Sign, C_Decrypt = short 1 every 3", 1),
    ("over-long answers", "output C_Sign, C_Decrypt = long 700 every 3", 1),
    ("a call that hangs now and then", "hang C_Sign = forever every 40", 2),
    ("every call hangs", "hang C_Sign, C_SignInit, C_OpenSession = forever", 2),
    ("one session", "token = reset\nsessions = 1", 1),
    ("no session at first", "token = reset\nfail C_OpenSession = CKR_SESSION_COUNT for 300ms", 1),
    ("login lost", "fail C_SignInit = CKR_USER_NOT_LOGGED_IN first 20", 1),
    ("stale handles", "fail C_SignInit = CKR_KEY_HANDLE_INVALID first 20", 1),
    ("restart", "token = reset", 1),
    ("pulled", "token = absent", 2),
    ("pulled for a moment", "token = removed for 200ms", 1),
    ("another slot", "token = reset\nslot = +7", 1),
    ("another key under the label", "token = reset\nkey rsa = other\nkey p256 = other", 1),
    ("locked", "token = reset\npin = locked", 1),
    ("last try", "token = reset\npin = final-try", 1),
)

lock = threading.Lock()
wrong = []
tally = {"good": 0, "refused": 0}


def say_wrong(what):
    with lock:
        wrong.append(what)
    print("WRONG:", what, flush=True)


class Bed:
    """A token with keys, the fault module before it, and the server."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = pathlib.Path(folder)
        self.conf = self.folder / "fault.conf"
        self.counters = self.folder / "counters"
        self.trace = self.folder / "trace"
        self.pin = self.folder / "pin"
        self.put(self.pin, "1234\n")
        self.put(self.folder / "so-pin", "4321\n")
        (self.folder / "tokens").mkdir()
        self.put(self.folder / "softhsm2.conf", f"directories.tokendir = {self.folder}/tokens\nlog.level = ERROR\n")
        self.env = dict(os.environ, SOFTHSM2_CONF=str(self.folder / "softhsm2.conf"),
                        HANDFAST_FAULT_CONF=str(self.conf))
        self.rounds = 0

    def put(self, path, text):
        """In one step, so that nobody reads half."""
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o600)
        fresh.rename(path)

    def rules(self, text, trace=False):
        self.rounds += 1  # in a comment: each round begins its rules anew
        lines = [f"{line} # {self.rounds}" for line in text.splitlines()]
        head = [f"module = {self.args.softhsm}", f"counters = {self.counters}"]
        head += [f"trace = {self.trace}"] if trace else []
        self.put(self.conf, "\n".join(head + lines) + "\n")

    def count(self, name):
        return int(re.search(rf"^{name} +(\d+)", self.counters.read_text(), re.M).group(1))

    def token(self, action, *words):
        argv = [self.args.handfast, "token", action, *words, "--module", self.args.softhsm, "--token", "soak",
                "--pin-source", self.pin]
        done = subprocess.run([str(word) for word in argv], env=self.env, text=True, timeout=WAIT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"token {action}: {done.stdout}")

    def make(self):
        self.rules("")
        self.token("init", "--so-pin-source", self.folder / "so-pin")
        for label, kind in (("rsa", "rsa:2048"), ("p256", "ec:p256"), ("other", "ec:p256")):
            self.token("keygen", kind, "--label", label)
        for label in ("rsa", "p256"):
            self.token("selfsign", "--label", label, "--subject", "CN=localhost", "--san", "dns:localhost", "--out",
                       self.folder / f"{label}.pem")

    def start(self):
        argv = [self.args.handfast, "serve", "--listen", "127.0.0.1:0", "--echo", "--policy", "compatible", "--module",
                self.args.fault, "--pin-source", self.pin, "--key-timeout", str(KEY_TIMEOUT_MS)]
        for label in ("rsa", "p256"):
            argv += ["--cert", self.folder / f"{label}.pem", "--key", f"pkcs11:token=soak;object={label}"]
        self.log = self.folder / "serve.log"
        with self.log.open("w") as out:
            self.serve = subprocess.Popen([str(word) for word in argv], env=self.env, stdout=out, stderr=out)
        end = time.monotonic() + WAIT
        while time.monotonic() < end and self.serve.poll() is None:
            said = re.search(r"^listening on 127\.0\.0\.1:(\d+)$", self.log.read_text(), re.M)
            if said:
                self.port = int(said.group(1))
                return
            time.sleep(0.02)
        sys.exit(f"serve does not listen: {self.log.read_text()}")

    def wrong_pins(self):
        try:
            return len(re.findall(r" C_Login \d+ CKR_PIN_INCORRECT ", self.trace.read_text()))
        except FileNotFoundError:  # not traced yet
            return 0

    def alive(self):
        return self.serve.poll() is None

    def resources(self):
        status = pathlib.Path(f"/proc/{self.serve.pid}/status").read_text()
        return {"descriptors": len(os.listdir(f"/proc/{self.serve.pid}/fd")),
                "memory": int(re.search(r"^VmRSS:\s+(\d+)", status, re.M).group(1)) << 10,
                "threads": int(re.search(r"^Threads:\s+(\d+)", status, re.M).group(1)),
                "sessions": self.count("sessions-open")}


class Client:
    """Connections that must carry what was sent, whatever the token does."""

    KINDS = ((ssl.TLSVersion.TLSv1_3, None), (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256"),
             (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"), (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"))

    def __init__(self, bed):
        self.bed = bed
        self.contexts = []
        for version, ciphers in self.KINDS:
            context = ssl.create_default_context()
            for label in ("rsa", "p256"):
                context.load_verify_locations(bed.folder / f"{label}.pem")
            context.minimum_version = context.maximum_version = version
            if ciphers:
                context.set_ciphers(ciphers)
            self.contexts.append(context)

    def connect(self, kind, timeout=WAIT):
        raw = socket.create_connection(("127.0.0.1", self.bed.port), timeout)
        try:
            return self.contexts[kind].wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise

    @staticmethod
    def echo(conn, payload):
        """False, and a finding, when what comes back is not what was sent."""
        conn.sendall(payload)
        got = b""
        while len(got) < len(payload):
            piece = conn.recv(65536)
            if not piece:
                return False
            got += piece
        if got != payload:
            say_wrong("other bytes came back than were sent")
        return got == payload

    def once(self, kind, timeout=WAIT):
        """One connection; whether it worked. A certificate that does not verify or bytes that differ are findings."""
        payload = random.randbytes(random.randrange(1, 20000))
        try:
            with self.connect(kind, timeout) as conn:
                return self.echo(conn, payload)
        except ssl.SSLCertVerificationError as error:
            say_wrong(f"a certificate of somebody else: {error}")
        except ssl.SSLError as error:
            # An alert or the end is an honest refusal; all else is something that the server should not have sent.
            if not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) and "ALERT" not in str(error):
                say_wrong(f"something wrong was sent to a client: {error}")
        except OSError:
            pass
        return False


def load(client, stop):
    """Full handshakes, one after the other, of each kind."""
    kind = random.randrange(len(Client.KINDS))
    while not stop.is_set():
        good = client.once(kind)
        kind = (kind + 1) % len(Client.KINDS)
        with lock:
            tally["good" if good else "refused"] += 1
        if not good:
            stop.wait(0.005)


def hold(client, established, stop):
    """An established connection goes on, whatever happens to the token."""
    try:
        with client.connect(0) as conn:
            established.set()
            while not stop.is_set():
                if not client.echo(conn, random.randbytes(100)):
                    say_wrong("the established connection broke")
                    return
                stop.wait(0.01)
    except OSError as error:
        say_wrong(f"the established connection broke: {error}")


def wait_until(condition):
    """Or until it counts as hung; what did not happen is told where it is missed."""
    end = time.monotonic() + WAIT
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def back_after(bed, client, name):
    """Seconds until the first new handshake of each kind succeeds."""
    start = time.monotonic()
    for kind in range(len(Client.KINDS)):
        while not client.once(kind):
            if not bed.alive():
                return None
            if time.monotonic() - start > WAIT:
                say_wrong(f"{name}: no service {WAIT} s after the fault was over")
                return None
            time.sleep(0.005)
    return time.monotonic() - start


def one_fault(bed, client, name, text, seconds):
    bed.rules(text)
    time.sleep(seconds)
    bed.rules("")
    took = back_after(bed, client, name)
    if took is not None:
        print(f"{name:32} back after {took * 1000:6.0f} ms", flush=True)
    return took


def wrong_pin(bed, client, seconds):
    """The PIN file is wrong when the token restarts: that PIN is tried once in the life of the process."""
    bed.put(bed.pin, "9999\n")
    bed.rules("token = reset\npin = tries 3", trace=True)
    time.sleep(seconds)
    wait_until(lambda: bed.wrong_pins() > 0)
    bed.put(bed.pin, "1234\n")
    took = back_after(bed, client, "wrong PIN")
    bed.rules("")
    if took is not None:
        print(f"{'wrong PIN, then the right one':32} back after {took * 1000:6.0f} ms", flush=True)
    return took


def settle(bed, descriptors=None):
    """What the server holds when nobody is connected; descriptors of closed connections go a little later."""
    least = bed.resources()
    start = time.monotonic()
    while time.monotonic() < start + 3 or (descriptors and least["descriptors"] > descriptors and
                                           time.monotonic() < start + WAIT):
        time.sleep(0.1)
        now = bed.resources()
        least = now if now["descriptors"] < least["descriptors"] else least
    return least


def soak(bed, minutes):
    pace = 0.25 if minutes is None else 2.0
    client = Client(bed)
    worst = 0.0
    back_after(bed, client, "the start")
    baseline = settle(bed)
    now = None
    end = time.monotonic() + (minutes or 0) * 60
    while now is None or time.monotonic() < end:
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(client, stop)) for _ in range(CLIENTS)]
        established = threading.Event()
        threads.append(threading.Thread(target=hold, args=(client, established, stop)))
        for thread in threads:
            thread.start()
        established.wait(WAIT)
        for name, text, times in FAULTS:
            took = one_fault(bed, client, name, text, pace * times)
            worst = max(worst, took or 0.0)
            if not bed.alive():
                break
        if bed.alive():
            worst = max(worst, wrong_pin(bed, client, pace) or 0.0)
            wait_until(lambda: tally["good"] >= GOOD_LEAST)
        stop.set()
        for thread in threads:
            thread.join()
        if not bed.alive():
            say_wrong(f"serve ended with {bed.serve.poll()}: {bed.log.read_text()[-2000:]}")
            return worst
        now = settle(bed, baseline["descriptors"] + DESCRIPTOR_SLACK)
        print(f"round: {tally}, {now}, {bed.wrong_pins()} wrong PINs", flush=True)
    check_left(bed, baseline, now)
    return worst


def check_left(bed, baseline, now):
    if now["descriptors"] > baseline["descriptors"] + DESCRIPTOR_SLACK:
        say_wrong(f"descriptors grew: {baseline} {now}")
    if not bed.args.sanitized and now["memory"] > baseline["memory"] + MEMORY_SLACK:  # a sanitizer keeps what was freed
        say_wrong(f"memory grew: {baseline} {now}")
    if now["sessions"] > 64 or now["threads"] > 100:
        say_wrong(f"sessions or threads are left over: {now}")
    tries = bed.wrong_pins()
    if tries > 1:
        say_wrong(f"a wrong PIN was tried {tries} times")
    if tries < 1:
        say_wrong("the wrong PIN was never tried: that fault did not happen")
    bed.serve.send_signal(signal.SIGTERM)
    code = bed.serve.wait(WAIT)
    if code != 0:
        say_wrong(f"serve ended with {code}: {bed.log.read_text()[-2000:]}")
    if bed.count("sessions-open") != 0 or bed.count("hanging") != 0:
        say_wrong(f"{bed.count('sessions-open')} sessions are open after the end")


def main():
    parser = argparse.ArgumentParser()
    for name in ("handfast", "fault", "softhsm"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--minutes", type=float)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bed = Bed(args, folder)
        bed.make()
        bed.start()
        try:
            worst = soak(bed, args.minutes)
        finally:
            if bed.alive():
                bed.serve.kill()
    print(f"{tally['good']} good connections, {tally['refused']} refused, back after {worst:.2f} s at worst")
    if args.minutes and worst > BACK_WITHIN:
        say_wrong(f"service came back after {worst:.2f} s")
    if tally["good"] < GOOD_LEAST:
        say_wrong(f"only {tally['good']} good connections: that was no load")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
