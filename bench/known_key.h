/* The clients' check of one server's signatures, with tables made once of its P-256 key, as a server checks its own:
 * the clients are not what is measured, and with libcrypto's check they were the limit before the servers were. */
#ifndef HF_BENCH_KNOWN_KEY_H
#define HF_BENCH_KNOWN_KEY_H

#include "handfast/provider.h"

/* *crypto checks the first P-256 key that it meets so; every other one as before. Once in the process, while it has one
 * thread; *crypto is a composition of hf_crypto_compose, and others of the same may be given it later. */
void hf_known_key_use(hf_crypto *crypto);

#endif
