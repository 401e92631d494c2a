/* What `serve` resumes sessions with: ticket keys that change by themselves, or come from a key in the token; session
 * IDs. */
#ifndef HANDFAST_APPS_RESUMPTION_H
#define HANDFAST_APPS_RESUMPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "handfast/hsm.h"
#include "tls_options.h"

/* A new token secret is tried for so many seconds apart while the token does not answer. */
#define HF_RESUMPTION_RETRY_S 5
/* The secret of the next period is made so many seconds ahead, or half a period. */
#define HF_RESUMPTION_AHEAD_S 300

typedef struct hf_resumption_keys hf_resumption_keys;

/* The hours (since 1970) whose secrets a server needs at a time: `first` to `last`. Those whose tickets may still come,
 * that of now, and the next one when it is near. */
typedef struct hf_resumption_window {
    uint64_t first, last;
} hf_resumption_window;
hf_resumption_window hf_resumption_window_at(uint32_t lifetime_s, int64_t unix_time);

/* The secret of an hour, by one use of the key. As hf_hsm_secret_derive. */
hf_status hf_resumption_derive(hf_hsm_secret *secret, uint64_t hour, uint8_t out[HF_HSM_SECRET_SIZE], char *why,
                               size_t why_max);
/* Opens the key of --ticket-key. Errors are told. */
hf_status hf_resumption_open(const hf_tls_options *options, hf_hsm_secret **out);
uint32_t hf_resumption_lifetime_s(const hf_tls_options *options);

/* Reaches the key in the token, if one is named, and takes the first secrets. *out NULL: the options want no
 * resumption. False after saying why. */
bool hf_resumption_start(const hf_tls_options *options, const hf_env *env, const hf_crypto *crypto,
                         hf_resumption_keys **out);
/* Gives it to a configuration under construction. NULL is allowed. */
hf_status hf_resumption_apply(hf_resumption_keys *keys, hf_config *config);
/* Starts the thread that keeps the secrets, once the process has the rights that it shall have. NULL is allowed. False
 * after saying why. */
bool hf_resumption_run(hf_resumption_keys *keys);
/* Stops the thread and lets the key go. NULL is allowed. */
void hf_resumption_stop(hf_resumption_keys *keys);

#endif
