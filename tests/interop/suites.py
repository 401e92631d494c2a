"""Cipher suites of the matrix under the names that programs give them."""

import re

# IANA name -> OpenSSL name.
OPENSSL = {
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA256": "AES256-SHA256",
}
for _auth in ("RSA", "ECDSA"):
    _iana, _name = f"TLS_ECDHE_{_auth}_WITH_", f"ECDHE-{_auth}-"
    OPENSSL[_iana + "AES_128_GCM_SHA256"] = _name + "AES128-GCM-SHA256"
    OPENSSL[_iana + "AES_256_GCM_SHA384"] = _name + "AES256-GCM-SHA384"
    OPENSSL[_iana + "CHACHA20_POLY1305_SHA256"] = _name + "CHACHA20-POLY1305"
    OPENSSL[_iana + "AES_128_CBC_SHA"] = _name + "AES128-SHA"
    OPENSSL[_iana + "AES_256_CBC_SHA"] = _name + "AES256-SHA"
    OPENSSL[_iana + "AES_128_CBC_SHA256"] = _name + "AES128-SHA256"
    OPENSSL[_iana + "AES_256_CBC_SHA384"] = _name + "AES256-SHA384"

# TLS 1.3: OpenSSL has the IANA names; any key serves any suite.
TLS13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
CCM = "TLS_AES_128_CCM_SHA256"  # TLS 1.3 too; the peers offer it on request only

IANA_OF_OPENSSL = {name: iana for iana, name in OPENSSL.items()}


def is_tls13(suite):
    return suite in TLS13 or suite == CCM


def is_cbc(suite):
    return "_CBC_" in suite


def key_exchange(suite):
    """"RSA", "ECDHE-RSA" or "ECDHE-ECDSA"."""
    return re.match(r"TLS_(\w+?)_WITH_", suite).group(1).replace("_", "-")


def gnutls_parts(suite):
    """(cipher, mac) in GnuTLS's words: ("AES-128-GCM", "AEAD"), ("AES-128-CBC", "SHA1")."""
    body = suite.removeprefix("TLS_").split("_WITH_")[-1]
    if "CHACHA20" in body:
        return "CHACHA20-POLY1305", "AEAD"
    cipher, mac = re.match(r"(AES_\d+_(?:GCM|CCM|CBC))_(SHA\d*)", body).groups()
    if not cipher.endswith("CBC"):
        return cipher.replace("_", "-"), "AEAD"
    return cipher.replace("_", "-"), "SHA1" if mac == "SHA" else mac


def for_key(key):
    """The suites that a certificate with this kind of key ("rsa", "p256", ..., "ed25519") can serve."""
    return [suite for suite in OPENSSL if ("ECDSA" in suite) == (key != "rsa")] + TLS13
