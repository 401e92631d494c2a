/* Stapled OCSP responses: what a server has to show, and what a client makes of one. */
#ifndef HF_STAPLE_H
#define HF_STAPLE_H

#include "conn.h"

/* Configuration: takes the response into *own, when it is good for its chain now. HF_ERR_VERIFY: it is not. */
hf_status hf_staple_fill(hf_config *config, hf_own_credential *own, const uint8_t *response, size_t len) HF_MUST_CHECK;
void hf_staple_drop(hf_config *config, hf_own_credential *own);

/* Server: the response to send beside a credential; empty when there is none, or none that is still good. */
hf_slice hf_staple_of(const hf_conn *conn, const hf_own_credential *own);

/* Client, once the peer's chain was taken: what came with it, empty for nothing. Checks it where chains are verified;
 * false: failed. */
bool hf_staple_accept(hf_conn *conn, hf_slice response);

#endif
