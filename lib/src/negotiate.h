/* Selection: pure functions over a configuration and what the peer offers. */
#ifndef HF_NEGOTIATE_H
#define HF_NEGOTIATE_H

#include "config.h"
#include "credential.h"
#include "msg.h"

/* Whether a uint16 list on the wire holds `value`. */
bool hf_list_has(hf_slice list, uint16_t value);
bool hf_bytes_have(hf_slice bytes, uint8_t value);

typedef struct hf_choice12 {
    const hf_suite *suite;
    const hf_own_credential *credential;
    const hf_group *group; /* NULL with RSA key transport */
    uint16_t scheme;       /* 0 with RSA key transport */
} hf_choice12;

/* Server: the first of our suites, in our order, that the client offers and one of the best ranked of our credentials
 * can serve. HF_SEND(handshake_failure) when there is none, HF_SEND(unrecognized_name); why: what was missing (static).
 */
hf_status hf_choose12(const hf_config *config, const hf_client_hello *hello, hf_choice12 *out,
                      const char **why) HF_MUST_CHECK;

typedef struct hf_choice13 {
    const hf_suite *suite;
    const hf_own_credential *credential;
    const hf_group *group;
    hf_slice share; /* the client's share for it; empty: a HelloRetryRequest is needed */
    uint16_t scheme;
} hf_choice13;

/* The same for TLS 1.3, where suite, group and signature are chosen apart (RFC 8446 section 4.1.1). */
hf_status hf_choose13(const hf_config *config, const hf_client_hello *hello, hf_choice13 *out,
                      const char **why) HF_MUST_CHECK;

/* Either side: the best ranked credential that can sign as the peer accepts, and its scheme; NULL and 0: none. */
const hf_own_credential *hf_choose_credential13(const hf_config *config, const hf_ranking *ranking,
                                                hf_slice peer_schemes, uint16_t *out_scheme);

/* The same for a session that goes on: nothing is signed, and the suite must have the session's hash. */
hf_status hf_choose_resumed13(const hf_config *config, const hf_client_hello *hello, hf_hash_id hash, hf_choice13 *out,
                              const char **why) HF_MUST_CHECK;

/* The first scheme of the key that may sign in TLS 1.3 and stands in the peer's list; 0: none. */
uint16_t hf_choose_scheme13(const hf_config *config, const hf_own_credential *own, hf_slice peer_schemes);

/* The first scheme the key can make that stands in the peer's list (and whose hash we have); 0: none. */
uint16_t hf_choose_scheme(const hf_config *config, const hf_key *key, hf_slice peer_schemes);

/* Whether a certificate's key can serve the key exchange (RFC 5246 section 7.4.2, RFC 8422 section 5.3). */
bool hf_key_serves(hf_key_exchange kx, hf_key_type type);

/* Server: our first ALPN name that the client offers, or NULL. */
const char *hf_choose_alpn(const hf_config *config, hf_slice offered);

#endif
