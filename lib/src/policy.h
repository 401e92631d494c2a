/* Named policies: what each allows and demands. */
#ifndef HF_POLICY_H
#define HF_POLICY_H

#include "suites.h"

typedef struct hf_policy {
    hf_policy_id id;
    const char *name;
    bool tls12, tls13;
    bool rsa_transport;               /* RSA key transport allowed */
    bool cbc;                         /* AES-CBC with HMAC allowed */
    bool need_extended_master_secret; /* TLS 1.2 only with RFC 7627 */
    bool need_secure_renegotiation;   /* TLS 1.2 only with RFC 5746 signalled */
} hf_policy;

const hf_policy *hf_policy_of(hf_policy_id id); /* NULL when out of range */
bool hf_policy_allows(const hf_policy *policy, const hf_suite *suite);

#endif
