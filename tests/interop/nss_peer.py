"""NSS's own test programs, `tstclnt` and `selfserv`, as peers."""

import time

import process
import world as worlds


def make_database(world, folder, keys=(), trusted=True):
    """A fresh NSS database in `folder` with the world's CA (when trusted) and file credentials by their names."""
    folder.mkdir(parents=True)
    where = f"sql:{folder}"
    worlds.call("certutil", "-N", "-d", where, "--empty-password")
    if trusted:
        worlds.call("certutil", "-A", "-d", where, "-n", "ca", "-t", "CT,C,", "-i", world.ca)
    for key in keys:
        bundle = folder / f"{key}.p12"
        worlds.call("openssl", "pkcs12", "-export", "-inkey", world.key(key), "-in", world.cert(key), "-name", key,
                    "-passout", "pass:x", "-out", bundle)
        worlds.call("pk12util", "-d", where, "-i", bundle, "-W", "x")
    return where


def versions(version):
    return f"tls{version}:tls{version}"


def client(database, port, version, payload, credential=None, more=()):
    """tstclnt sends payload to an echo; returns (what came back, what it said). It does not end by itself."""
    argv = ["tstclnt", "-4", "-h", "localhost", "-p", port, "-d", database, "-V", versions(version), "-v", "-f", "-G",
            *(["-n", credential] if credential else []), *more]
    conversation = process.Conversation(argv, payload, len(payload) + 10 ** 9)
    end = time.monotonic() + process.PATIENCE
    while (conversation.process.poll() is None and conversation.received_size() < len(payload)
           and time.monotonic() < end):
        time.sleep(0.01)
    conversation.process.kill()
    _, received, errors = conversation.finish()
    return received, errors


class WebServer(process.Server):
    """selfserv: answers one GET after the other; GET of a file by its whole path sends that file."""

    def __init__(self, database, key, version, more=()):
        super().__init__(lambda port: ["selfserv", "-d", database, "-p", port, "-n", key, "-V", versions(version),
                                       "-v", "-w", "", *more])
