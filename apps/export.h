/* Exported keying material (RFC 5705), printed so that it can be compared with the peer's: --export. */
#ifndef HANDFAST_APPS_EXPORT_H
#define HANDFAST_APPS_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "handfast/handfast.h"

#define HF_EXPORT_MAX 255 /* bytes that --export prints at most */

/* What is to be exported; an empty label: nothing. */
typedef struct hf_export {
    char label[HF_LIMIT_EXPORT_LABEL + 1];
    size_t len;
} hf_export;

/* "LABEL" (32 bytes) or "LABEL:LENGTH". False when it is neither. */
bool hf_export_parse(hf_export *out, const char *text);

/* One line on standard error for a connection whose handshake is complete; nothing when nothing is to be exported.
 * peer: whose, or NULL. */
void hf_export_tell(const hf_export *wanted, const hf_conn *conn, const char *peer);

#endif
