"""serve --backend: forwarding both ways, both ends, and what the backend sees when the client breaks."""
import os
import select
import socket
import struct
import threading
import unittest

from support import VERSION, WAIT, ProgramTest, duplex, read_exactly

SIZE = 10 * 1024 * 1024


class Backend(ProgramTest):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(WAIT)
        self.addCleanup(self.listener.close)
        self.server = self.serve("--backend", "127.0.0.1:%d" % self.listener.getsockname()[1])

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(WAIT)
        self.addCleanup(connection.close)
        return connection

    def test_both_ways_at_once(self):
        client, backend = self.tls(self.server), self.accept()
        up, down = os.urandom(SIZE), os.urandom(SIZE)
        got = []
        threads = [threading.Thread(target=backend.sendall, args=(down,)),
                   threading.Thread(target=lambda: got.append(read_exactly(backend, SIZE)))]
        for thread in threads:
            thread.start()
        self.assertEqual(duplex(client, up, SIZE), down)
        for thread in threads:
            thread.join()
        self.assertEqual(got, [up])

    def test_backend_ends_first(self):
        client, backend = self.tls(self.server), self.accept()
        data = os.urandom(1000000)
        writer = threading.Thread(target=lambda: (backend.sendall(data), backend.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertEqual(self.read_all(client), data)  # and close_notify, else SSLEOFError
        writer.join()
        client.unwrap().close()
        self.assertEqual(backend.recv(1), b"")

    def test_client_ends_first(self):
        client, backend = self.tls(self.server), self.accept()
        client.sendall(b"the whole request")
        threading.Thread(target=client.unwrap).start()
        self.assertEqual(self.read_all(backend), b"the whole request")

    def test_answer_after_the_client_ended(self):
        """TLS 1.3: the client's close_notify is the backend's end of input, and the whole answer still goes back."""
        data = os.urandom(SIZE)
        if VERSION == "1.2":  # close_notify ends both directions; our client waits for silence before it sends one
            data = data[:100000]
        got = []
        answered = threading.Thread(target=lambda: got.append(self.answer_at_the_end(data)))
        answered.start()
        result = self.connect(self.server, "--quiet", data=b"the whole request")
        answered.join()
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        if VERSION == "1.3":
            self.assertEqual(len(result.stdout), len(data))
            self.assertEqual(result.stdout, data)
        self.assertEqual(got, [b"the whole request"])

    def answer_at_the_end(self, data):
        """A backend that says nothing before it has read everything."""
        backend = self.accept()
        request = self.read_all(backend)
        try:
            backend.sendall(data)
        except OSError:
            self.assertEqual(VERSION, "1.2")  # reset: nobody waits for the answer
        backend.close()
        return request

    def test_request_after_the_backend_ended(self):
        """The other half: the backend's end is close_notify, and what the client still says arrives (TLS 1.3)."""
        client, backend = self.tls(self.server), self.accept()
        backend.sendall(b"goodbye")
        backend.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read_all(client), b"goodbye")
        if VERSION == "1.3":
            data = os.urandom(1000000)
            writer = threading.Thread(target=client.sendall, args=(data,))
            writer.start()
            self.assertEqual(read_exactly(backend, len(data)), data)
            writer.join()
        client.unwrap().close()
        self.assertEqual(backend.recv(1), b"")

    def test_broken_client_resets_the_backend(self):
        client, backend = self.tls(self.server), self.accept()
        client.sendall(b"half a request")
        self.assertEqual(read_exactly(backend, 14), b"half a request")
        os.close(client.detach())  # no close_notify: the request may be cut off
        with self.assertRaises(ConnectionResetError):
            backend.recv(1)

    def test_time_out_resets_the_backend(self):
        """Whoever holds the client's packets back may not make a whole request of a half one."""
        server = self.serve("--backend", "127.0.0.1:%d" % self.listener.getsockname()[1], "--idle-timeout", "1")
        client, backend = self.tls(server), self.accept()
        client.sendall(b"half a request")
        self.assertEqual(read_exactly(backend, 14), b"half a request")
        with self.assertRaises(ConnectionResetError):
            backend.recv(1)
        self.assertEqual(client.recv(1), b"")  # close_notify: nothing of the answer is missing

    def test_broken_backend_is_no_clean_end(self):
        client, backend = self.tls(self.server), self.accept()
        backend.sendall(b"half an answer")
        self.assertEqual(read_exactly(client, 14), b"half an answer")
        backend.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        backend.close()
        with self.assertRaises(OSError):  # a fatal alert
            client.recv(1)
        self.server.await_error("backend .*connection broke")

    def test_no_backend(self):
        address = self.listener.getsockname()
        self.listener.close()
        with socket.socket() as nobody:  # holds the port, else another test's server may get it
            nobody.bind(address)
            client = self.tls(self.server)
            with self.assertRaises(OSError):
                client.recv(1)
        self.server.await_error("backend .*cannot connect: Connection refused")

    def test_slow_reader_holds_the_backend(self):
        """Memory is bounded: what the client does not read stays with the backend."""
        client, backend = self.tls(self.server), self.accept()
        backend.setblocking(False)
        sent, chunk = 0, os.urandom(65536)
        while select.select([], [backend], [], 1)[1]:
            sent += backend.send(chunk)
            self.assertLess(sent, 64 * 1024 * 1024, "nobody stops the backend")
        self.assertGreater(sent, 0)
        read_exactly(client, sent)  # and nothing is lost

    def test_connections_end_when_the_server_does(self):
        client, backend = self.tls(self.server), self.accept()
        client.sendall(b"x")
        self.assertEqual(read_exactly(backend, 1), b"x")
        self.server.terminate()
        self.assertEqual(client.recv(1), b"")
        with self.assertRaises(ConnectionResetError):  # the client has not said that this is all
            backend.recv(1)
        client.close()
        self.assertEqual(self.server.process.wait(WAIT), 0)


if __name__ == "__main__":
    unittest.main()
