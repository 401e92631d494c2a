/* Wycheproof's JSON vectors: loading, the verdict on each, and counting.
 *
 * The folder comes from the build option HF_WYCHEPROOF_DIR, which ctest hands on in the environment under the same
 * name. Without it nothing can be run; test_wycheproof.c then only checks how that is handled. */
#ifndef HANDFAST_TEST_WYCHEPROOF_H
#define HANDFAST_TEST_WYCHEPROOF_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/providers.h"

/* The folder, or NULL when none was given. */
const char *wy_folder(void);

/* A file of the folder, parsed; NULL when it cannot be read. The caller releases it (json_decref). */
json_t *wy_load(const char *folder, const char *name);

typedef struct wy_bytes {
    uint8_t *data; /* never NULL */
    size_t len;
} wy_bytes;
/* Decodes a field of hexadecimal digits; the test fails when there is none such. Freed by wy_free. */
wy_bytes wy_hex(const json_t *object, const char *field);
void wy_free(wy_bytes bytes);
/* A field of text; "" when it is absent. A field of a number; 0 when it is absent. */
const char *wy_text(const json_t *object, const char *field);
size_t wy_number(const json_t *object, const char *field);

typedef enum wy_verdict {
    WY_ACCEPTED,     /* the implementation agreed with the vector's answer */
    WY_REFUSED,      /* it refused the input */
    WY_WRONG,        /* it took the input and gave another answer, or failed otherwise: always a mismatch */
    WY_UNEXPRESSIBLE /* our interfaces cannot even say this (another nonce length, another hash) */
} wy_verdict;

/* Runs one vector. arg is the caller's. */
typedef wy_verdict wy_run(const json_t *group, const json_t *test, void *arg);

/* Runs a file's vectors through `run`: "valid" must be accepted, "invalid" refused, "acceptable" may be either. Fails
 * the test on each mismatch, when fewer than `least` could be run, and when not all were looked at; prints the counts.
 * Nothing happens without a folder. `what`: who is tested, for the messages. */
void wy_file(const char *name, const char *what, size_t least, wy_run *run, void *arg);

/* A certificate with the given SubjectPublicKeyInfo, parsed by `pki`; NULL when pki does not take the key. */
hf_cert *wy_cert(const hf_pki *pki, wy_bytes spki);

#endif
