/* A SoftHSM2 token of our own for one run: in a temporary folder, with keys and certificates, gone afterwards. */
#ifndef HF_BENCH_TOKEN_BED_H
#define HF_BENCH_TOKEN_BED_H

#include <stdbool.h>
#include <stddef.h>

#include "handfast/hsm.h"

#define HF_BED_PATH_MAX 256

typedef enum hf_bed_key { HF_BED_RSA, HF_BED_P256, HF_BED_KEYS } hf_bed_key;

typedef struct hf_token_bed {
    char folder[HF_BED_PATH_MAX / 2];
    char module[HF_BED_PATH_MAX];
    char pin_file[HF_BED_PATH_MAX]; /* random PIN, readable by us only; no new line, which libp11 would take for PIN */
    char uri[HF_BED_KEYS][HF_HSM_URI_MAX + 1];
    char cert_file[HF_BED_KEYS][HF_BED_PATH_MAX]; /* self-signed, PEM */
    char key_file[HF_BED_KEYS][HF_BED_PATH_MAX];  /* the same private key, PEM, for who cannot use the token */
} hf_token_bed;

#define HF_BED_TOKEN "handfast-bench"                /* CKA_LABELs: of the token, and of the keys */
extern const char *const hf_bed_labels[HF_BED_KEYS]; /* "RSA-2048", "P-256" */

/* Makes it and sets SOFTHSM2_CONF for this process and its children: before any thread starts. module: path of
 * SoftHSM2's module, NULL: where distributions put it. False after a message; then there is nothing to free. */
bool hf_token_bed_make(hf_token_bed *bed, const char *module);
/* Writes a file into the folder, readable by us only; out: its path, HF_BED_PATH_MAX bytes. False after a message. */
bool hf_token_bed_file(const hf_token_bed *bed, const char *name, const void *data, size_t len, char *out);
/* Removes the folder. Nothing may use the token any more. */
void hf_token_bed_free(hf_token_bed *bed);

#endif
