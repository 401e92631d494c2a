/* Which of our certificate chains the peer would rather see: by name, by the signatures on it, by its authorities. */
#ifndef HF_CREDENTIAL_H
#define HF_CREDENTIAL_H

#include "config.h"
#include "extensions.h"

/* What a peer says of the chain it wants; empty slices say nothing. Borrowed. */
typedef struct hf_wish {
    hf_slice name;         /* server_name: 1..HF_LIMIT_NAME bytes without NUL */
    hf_slice cert_schemes; /* uint16 list: the signatures that may stand on certificates */
    hf_slice authorities;  /* (2-byte length, DER name)* */
} hf_wish;

/* From the extensions of a ClientHello or CertificateRequest: signature_algorithms stands in for the list of its own
 * that certificates may have (RFC 8446 section 4.2.3). */
hf_wish hf_wish_of(const hf_extensions *ext);

/* A mark for each credential of a configuration; a higher one is better, equal ones are in the order of configuration.
 * The name counts most, then the signatures on the chain, then its authorities: none of them excludes. */
#define HF_RANK_MAX 7
#define HF_RANK_NEVER 0xff /* may not be shown to this client (strict SNI) */
typedef struct hf_ranking {
    uint8_t rank[HF_LIMIT_CREDENTIALS];
} hf_ranking;

/* HF_SEND(unrecognized_name) when the configuration is strict and no credential carries the name (RFC 6066 section 3).
 */
hf_status hf_rank_credentials(const hf_config *config, const hf_wish *wish, hf_ranking *out) HF_MUST_CHECK;

/* Fills own->links from own->certs; hf_credential_drop_links gives everything back, after an error too. HF_ERR_DECODE
 * for a certificate that does not parse. */
hf_status hf_credential_read_links(hf_config *config, hf_own_credential *own) HF_MUST_CHECK;
void hf_credential_drop_links(hf_config *config, hf_own_credential *own);

#endif
