/* The audit file: each use of a private key as one line of JSON, chained by hashes (docs/operations.md).
 *
 *   {"seq":2,"prev":"<SHA-256 of line 1, without its end>","time":"...","event":"use","key":"pkcs11:...",...}
 *
 * `seq` counts from 1; `prev` of the first line is 64 zeros. A line that is changed, taken out or moved breaks the
 * chain; lines cut off at the end do not, so the head's hash belongs somewhere else from time to time. A line is
 * written (write(2)) before the result of its operation is handed out. */
#ifndef HANDFAST_APPS_AUDIT_H
#define HANDFAST_APPS_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "handfast/hsm.h"

#define HF_AUDIT_LINE_MAX 16384 /* bytes of one line with its end */
#define HF_AUDIT_TEXT_MAX 2048  /* bytes of a label in it, before escapes */
#define HF_AUDIT_HASH 32
#define HF_AUDIT_RETRY_MS 100 /* how often a file that failed is tried */

/* What happens when a line cannot be written (the disk is full). */
typedef enum hf_audit_full {
    HF_AUDIT_REFUSE,  /* no key is used until lines can be written again */
    HF_AUDIT_CONTINUE /* keys are used; how many uses are missing is told by the next line */
} hf_audit_full;

typedef struct hf_audit hf_audit;

typedef struct hf_audit_state {
    uint64_t lines;   /* written by this process */
    uint64_t missing; /* uses without a line, ever */
    bool failed;      /* the last line could not be written */
} hf_audit_state;

/* Opens or makes the file (mode 0600, nobody else may have it), takes the lock of its one writer, goes on with its
 * chain. What a crash cut off in the middle of the last line is removed, and told here and in the file. NULL after
 * saying why. */
hf_audit *hf_audit_open(const char *path, hf_audit_full full);
/* Writes the last line. NULL is allowed. */
void hf_audit_close(hf_audit *audit);

/* The rest from any thread. */

/* Whether a key may be used now; tries a file that failed again. */
bool hf_audit_ready(hf_audit *audit);
/* Whether a result must be withheld, because its line may be missing. */
bool hf_audit_withholds(hf_audit *audit);
void hf_audit_use(hf_audit *audit, const hf_hsm_use *use);
/* After the file was moved away (logrotate): goes on in a new one with the same chain. */
void hf_audit_reopen(hf_audit *audit);
void hf_audit_get_state(hf_audit *audit, hf_audit_state *out);

/* What the chain needs of a line (without its end); false: it is none of ours. */
typedef struct hf_audit_link {
    uint64_t seq;
    uint8_t prev[HF_AUDIT_HASH];
    char time[40];    /* as it stands there */
    uint64_t missing; /* uses that it says are missing */
} hf_audit_link;
bool hf_audit_link_read(const char *line, size_t len, hf_audit_link *out);
bool hf_audit_hash(const char *line, size_t len, uint8_t out[HF_AUDIT_HASH]);

#endif
