/* The choice among any list of providers: hf_crypto_compose with the built-in ones, tests with broken ones.
 * Internal to `providers`. */
#ifndef HANDFAST_COMPOSE_H
#define HANDFAST_COMPOSE_H

#include "handfast/providers.h"

/* As hf_crypto_compose; list: NULL-terminated, in order of preference. */
hf_status hf_compose_among(const hf_provider *const *list, const char *force, hf_crypto *out, hf_choice *choices,
                           size_t *out_n, char *why, size_t why_max) HF_MUST_CHECK;

#endif
