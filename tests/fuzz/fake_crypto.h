/* Public-key cryptography that is no such thing, for fuzzing: certificates of a few bytes, signatures that are a
 * checksum, key agreement by exclusive or. Deterministic and fast, so that a fuzzer sees the state machines and not
 * big numbers. Record ciphers, hashes and the PRF stay the real ones. */
#ifndef TESTS_FAKE_CRYPTO_H
#define TESTS_FAKE_CRYPTO_H

#include "handfast/handfast.h"

/* The composition: record ciphers and hashes of libcrypto, one fake group (X25519's number), the fake pki. */
const hf_crypto *fake_crypto(void);

/* malloc and free, a generator that starts over with fake_restart, a clock that stands still. */
const hf_env *fake_env(void);
void fake_restart(void);

/* A certificate "signed" by the fake authority, and its key; static storage. */
typedef struct fake_credential {
    uint8_t der[8];
    size_t der_len;
    hf_key key;
} fake_credential;
fake_credential *fake_rsa(void);
fake_credential *fake_ec(void);

#endif
