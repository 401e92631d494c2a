"""serve --isolate: who holds the module and the PIN, who does not, and what the death of the key process costs."""
import concurrent.futures
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

from token_support import HANDFAST, KEY, MODULE, SANITIZED, TokenTest, status_of
from support import WAIT, until


def gone(pid):
    try:
        return status_of(pid)["State"].startswith("Z")
    except OSError:
        return True


def memory_holds(pid, needle):
    """Whether the bytes are anywhere in the memory of the process that can be read."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if line.split()[1][0] != "r" or "[v" in line or (SANITIZED and end - start > 1 << 30):
                continue  # not readable, not of the process, or the shadow that a sanitizer keeps of all memory
            try:
                memory.seek(start)
                left, tail = end - start, b""
                while left > 0:
                    part = memory.read(min(left, 1 << 20))
                    if not part:
                        break
                    if needle in tail + part:
                        return True
                    tail, left = part[-len(needle):], left - len(part)
            except (OSError, OverflowError):
                pass
    return False


class Isolate(TokenTest):
    def open_files(self, pid):
        return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]

    def maps(self, pid):
        with open(f"/proc/{pid}/maps") as f:
            return f.read()

    def get(self, server):
        return self.connect(server, "--name", "localhost", "--get", "/pin-free.txt", "--quiet")

    def folder_server(self, *arguments):
        os.makedirs(self.file("www"), exist_ok=True)
        with open(self.file("www/pin-free.txt"), "w") as f:
            f.write("a page")
        return self.serve_token("--root", self.file("www"), "--isolate", *arguments)

    def test_module_and_pin_are_elsewhere(self):
        server = self.folder_server()
        pid, key = self.network_process(server), self.key_process(server)
        self.assertEqual(self.get(server).stdout, b"a page")
        self.assertIn("softhsm", self.maps(key), "this test would not see a module")
        for line in self.maps(pid).splitlines():
            self.assertNotIn("softhsm", line)
            self.assertNotIn("pkcs11/", line)
        for name in self.open_files(pid):
            self.assertNotIn(self.file("pin"), name)
            self.assertNotIn("/tokens", name)
            self.assertNotIn("softhsm", name)
        for each in (pid, key):
            status = status_of(each)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "0" if SANITIZED else "2")
        if os.geteuid() == 0:
            self.assertFalse(memory_holds(pid, self.pin.encode()), "the PIN is in the network process")
            self.assertFalse(memory_holds(server.process.pid, self.pin.encode()), "the PIN is in the supervisor")
            self.assertTrue(memory_holds(pid, b"listening on"), "this test would not see a PIN")
        elif not SANITIZED:
            with self.assertRaises(PermissionError):  # nor can any other process of this user look
                open(f"/proc/{pid}/mem", "rb").close()

    def test_death_in_full_load_costs_what_is_in_flight(self):
        server = self.serve_token("--echo", "--isolate")
        established = [self.tls(server) for _ in range(4)]
        workers, kills = 4, 3
        stop, bad, good = threading.Event(), [0] * workers, [0] * workers

        def storm(i):
            while not stop.is_set():
                try:
                    connection = self.tls(server)
                    connection.sendall(b"x")
                    good[i] += connection.recv(1) == b"x"
                    connection.close()
                except OSError:
                    bad[i] += 1

        threads = [threading.Thread(target=storm, args=(i,)) for i in range(workers)]
        for thread in threads:
            thread.start()
        try:
            for kill in range(kills):
                before = sum(good)
                until("handshakes", lambda: sum(good) > before + 10)
                victim = self.key_process(server)
                os.kill(victim, signal.SIGKILL)
                for connection in established:
                    connection.sendall(b"still here")
                    self.assertEqual(connection.recv(10), b"still here")
                until("the next key process", lambda: self.key_process(server) not in (None, victim))
                after = sum(good)
                until("handshakes with it", lambda: sum(good) > after + 10)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertLessEqual(sum(bad), workers * kills, "more was lost than was in flight")
        server.await_error("ended by signal 9")

    def test_a_supervisor_out_of_descriptors_waits_between_its_attempts(self):
        server = self.folder_server()
        supervisor = server.process.pid
        limit = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
        victim = self.key_process(server)
        time.sleep(5.2)  # one that lived shorter is followed after a pause anyhow
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (max(map(int, os.listdir(f"/proc/{supervisor}/fd"))),
                                                              limit[1]))
        os.kill(victim, signal.SIGKILL)
        server.await_error("cannot start the key process: Too many open files")
        time.sleep(1)
        self.assertLess(server.errors().count("cannot start the key process"), 20)
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limit)
        until("the next key process", lambda: self.key_process(server) not in (None, victim))
        self.assertEqual(self.get(server).stdout, b"a page")

    def test_a_network_process_that_stood_still_gets_a_key_process(self):
        server = self.folder_server()
        network, victim = self.network_process(server), self.key_process(server)
        os.kill(network, signal.SIGSTOP)
        try:
            end = time.monotonic() + WAIT
            while "does not listen" not in server.errors() and time.monotonic() < end:
                server.process.send_signal(signal.SIGHUP)
                time.sleep(0.002)
            server.await_error("the network process does not listen")
            os.kill(victim, signal.SIGKILL)
            server.await_error("ended by signal 9")
            until("another key process", lambda: self.key_process(server) not in (None, victim))
            until("its end", lambda: self.key_process(server) is None)
        finally:
            os.kill(network, signal.SIGCONT)
        until("a page", lambda: self.get(server).stdout == b"a page")

    def test_a_wrong_pin_is_tried_once(self):
        server = self.serve_token("--echo", "--isolate")
        connection = self.tls(server)
        try:
            self.write("pin", "99999999\n")
            os.kill(self.key_process(server), signal.SIGKILL)
            server.await_error("the PIN is not tried again by itself")
            connection.sendall(b"y")
            self.assertEqual(connection.recv(1), b"y")
            self.assertNotEqual(self.connect(server, "--name", "localhost").returncode, 0)
            self.assertIsNone(self.key_process(server))
            self.assertEqual(len(re.findall("the PIN is wrong", server.errors())), 1, server.errors())
        finally:
            self.write("pin", self.pin + "\n")

    def test_no_start_without_the_key(self):
        for arguments, words in ((["--key", "pkcs11:token=t;object=none"], "no private key|matches"),
                                 (["--key", KEY, "--pin-source", self.file("nothing")], "PIN file")):
            result = subprocess.run([HANDFAST, "serve", "--listen", "127.0.0.1:0", "--echo", "--isolate", *self.use,
                                     *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=2 * WAIT)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr.decode(), words)
            self.assertEqual(result.stdout, b"")

    def test_rate(self):
        server = self.serve_token("--echo", "--isolate", "--key-rate", "1")
        codes = []

        def side_by_side():  # as many as a second must not see, however slow the machine
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                codes.extend(result.returncode for result in
                             pool.map(lambda _: self.connect(server, "--name", "localhost"), range(8)))
            return 1 in codes

        until("a refusal", side_by_side)
        self.assertIn(0, codes)
        server.await_error("--key-rate")
        until("a new second", lambda: self.connect(server, "--name", "localhost").returncode == 0)

    def test_a_key_in_a_file_is_isolated_too(self):
        server = self.serve("--echo", "--isolate")
        connection = self.tls(server)
        connection.sendall(b"z")
        self.assertEqual(connection.recv(1), b"z")
        self.assertIsNotNone(self.key_process(server))

    def test_they_end_together(self):
        server = self.serve_token("--echo", "--isolate", "--pid-file", self.file("pid"))
        network, key = self.network_process(server), self.key_process(server)
        with open(self.file("pid")) as f:
            self.assertEqual(int(f.read()), server.process.pid)
        os.kill(key, signal.SIGTERM)  # what systemd or a terminal sends to all of them is for the server
        os.kill(key, signal.SIGINT)
        os.kill(network, signal.SIGHUP)
        self.assertEqual(self.connect(server, "--name", "localhost").returncode, 0)
        server.terminate()
        self.assertEqual(server.process.wait(WAIT), 0)
        self.assertTrue(gone(network) and gone(key))
        self.assertFalse(os.path.exists(self.file("pid")))

    def test_the_death_of_the_network_process_is_the_servers(self):
        server = self.serve_token("--echo", "--isolate", "--pid-file", self.file("pid"), expect=1)
        key = self.key_process(server)
        os.kill(self.network_process(server), signal.SIGKILL)
        self.assertEqual(server.process.wait(WAIT), 1)
        self.assertIn("the network process was ended by signal 9", server.errors())
        self.assertTrue(gone(key))
        self.assertFalse(os.path.exists(self.file("pid")))

    def test_the_others_die_with_the_supervisor(self):
        users = [[], ["--user", "nobody"]] if os.geteuid() == 0 else [[]]
        for user in users:
            server = self.serve_token("--echo", "--isolate", *user, expect=-signal.SIGKILL)
            network, key = self.network_process(server), self.key_process(server)
            server.process.kill()
            until("the end of the others", lambda: gone(network) and gone(key))

    def test_signals_before_it_serves(self):
        """Without a PIN the key process asks on its terminal; nobody answers, and the server is to end."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(HANDFAST, [HANDFAST, "serve", "--listen", "127.0.0.1:0", "--echo", "--isolate", "--key", KEY,
                                "--module", MODULE])
        text = b""
        while b"PIN" not in text:
            text += os.read(terminal, 1000)
        os.kill(pid, signal.SIGTERM)
        done = until("its end", lambda: (lambda got: got[0] and got)(os.waitpid(pid, os.WNOHANG)))
        self.assertEqual(os.WTERMSIG(done[1]), signal.SIGTERM)
        os.close(terminal)

    def test_another_user(self):
        if os.geteuid() != 0:
            result = subprocess.run([HANDFAST, "serve", "--listen", "127.0.0.1:0", "--echo", *self.token, "--user",
                                     "nobody"], stderr=subprocess.PIPE, timeout=WAIT)
            self.assertEqual(result.returncode, 2)
            self.assertIn(b"need root", result.stderr)
            return
        server = self.serve_token("--echo", "--user", "nobody")
        key = self.key_process(server)
        self.assertIsNotNone(key, "--user means --isolate")
        network = self.network_process(server)
        nobody = status_of(network)["Uid"].split()
        self.assertEqual(len(set(nobody)), 1)
        self.assertNotEqual(nobody[0], "0")
        self.assertEqual(status_of(network)["CapEff"], "0" * 16)
        self.assertEqual(status_of(key)["Uid"].split()[0], "0")
        self.assertEqual(self.connect(server, "--name", "localhost").returncode, 0)

    def test_forwarding(self):
        backend = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(backend.close)

        def serve_one():
            connection, _ = backend.accept()
            with connection:
                connection.sendall(connection.recv(100).upper())

        threading.Thread(target=serve_one, daemon=True).start()
        server = self.serve_token("--backend", f"127.0.0.1:{backend.getsockname()[1]}", "--isolate")
        connection = self.tls(server)
        connection.sendall(b"through")
        self.assertEqual(connection.recv(100), b"THROUGH")

    def test_usage(self):
        for arguments, words in ((["key-process", "--echo"], b"is a part of"),
                                 (["serve", "--listen", ":0", "--echo", *self.token, "--key-rate", "9"], b"--isolate"),
                                 (["serve", "--listen", ":0", "--echo", *self.token, "--isolate", "--no-isolate"],
                                  b"exclude"),
                                 (["serve", "--listen", ":0", "--echo", *self.token, "--isolate", "--key-sandbox", "x"],
                                  b"local, network or off"),
                                 (["serve", "--listen", ":0", "--echo", *self.token, "--user", "no-such-user"],
                                  b"no such user")):
            result = subprocess.run([HANDFAST, *arguments], stderr=subprocess.PIPE, timeout=WAIT)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main()
