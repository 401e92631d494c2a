/* Objects of a token: searching and reading attributes (PKCS#11 v2.40 sections 5.7.5 to 5.7.9). */
#ifndef HANDFAST_HSM_ATTR_H
#define HANDFAST_HSM_ATTR_H

#include <stdbool.h>
#include <stdint.h>

#include "why.h"

#define HF_ATTR_MAX 65536   /* bytes of one attribute: the largest certificate */
#define HF_OBJECTS_MAX 1024 /* objects that one search gives */

struct hf_key_auth;

/* An open session: where every call on objects goes. Belongs to one thread at a time. */
typedef struct hf_p11_session {
    CK_FUNCTION_LIST *fn;
    CK_SESSION_HANDLE handle;
    const struct hf_key_auth *auth; /* while a key is used that wants its PIN every time (login.h); else NULL */
} hf_p11_session;

/* An attribute for a template. PKCS#11 takes it without const and does not write to it. */
CK_ATTRIBUTE hf_attr(CK_ATTRIBUTE_TYPE type, const void *value, size_t len);

/* The handles that match; *out_n is how many were written, up to max. More than HF_OBJECTS_MAX are never asked for. */
CK_RV hf_object_find(const hf_p11_session *session, const CK_ATTRIBUTE *match, size_t n, CK_OBJECT_HANDLE *out,
                     size_t max, size_t *out_n);

/* The bytes of an attribute, malloc'ed (one NUL added behind); an attribute that is absent or empty gives CKR_OK with
 * *out NULL. */
CK_RV hf_attr_bytes(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t **out,
                    size_t *out_len);
/* `absent` when the object lacks it. */
CK_RV hf_attr_ulong(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG absent,
                    CK_ULONG *out);
CK_RV hf_attr_bool(const hf_p11_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool absent,
                   bool *out);

#endif
