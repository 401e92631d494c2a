/* The parts of a certificate or request that do not depend on who signs: subject and extensions. */
#ifndef HANDFAST_HSM_CERT_PARTS_H
#define HANDFAST_HSM_CERT_PARTS_H

#include <openssl/x509.h>

#include "provision.h"

/* "CN=host,O=Name"; a backslash takes the next byte as it is. Freed with X509_NAME_free. HF_ERR_INVALID. */
hf_status hf_subject_parse(const char *text, X509_NAME **out, const hf_why *why);

/* basicConstraints, keyUsage, extendedKeyUsage (not for a CA), subjectKeyIdentifier and subjectAltName (RFC 5280
 * section 4.2). Freed with sk_X509_EXTENSION_pop_free. HF_ERR_INVALID for a bad subjectAltName. */
hf_status hf_extensions_make(const hf_hsm_cert_spec *spec, const hf_pubkey *pub, STACK_OF(X509_EXTENSION) * *out,
                             const hf_why *why);

#endif
