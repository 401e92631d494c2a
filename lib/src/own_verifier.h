/* The check of our own signatures, prepared once for each credential (hf_verifier in provider.h). */
#ifndef HF_OWN_VERIFIER_H
#define HF_OWN_VERIFIER_H

#include "config.h"
#include "suites.h"

/* Configuration: looks for a verifier that takes the key of own->cert, described by own->info and spki, and prepares
 * it. HF_OK also when there is none. hf_own_verifier_drop gives everything back, after an error too. */
hf_status hf_own_verifier_prepare(hf_config *config, hf_own_credential *own, const uint8_t *spki,
                                  size_t spki_len) HF_MUST_CHECK;
void hf_own_verifier_drop(hf_config *config, hf_own_credential *own);

/* Whether signatures under this scheme (NULL: unknown) are for the prepared verifier. */
bool hf_own_verifier_takes(const hf_own_credential *own, const hf_scheme *scheme);

#endif
