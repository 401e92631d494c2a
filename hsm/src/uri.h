/* PKCS#11 URIs, RFC 7512: what the operator writes to name a token or an object. */
#ifndef HANDFAST_HSM_URI_H
#define HANDFAST_HSM_URI_H

#include <p11-kit/uri.h>

#include "attr.h"
#include "why.h"

/* A slot with a token in it. */
typedef struct hf_slot {
    CK_FUNCTION_LIST *fn;
    CK_SLOT_ID id;
    CK_TOKEN_INFO info;
} hf_slot;

#define HF_SLOTS_MAX 256    /* slots looked at in one module */
#define HF_CANDIDATES_MAX 8 /* tokens or keys that an error line lists */

/* Parses; *out is freed with p11_kit_uri_free. A pin-value is refused: it would stand in argv. HF_ERR_INVALID. */
hf_status hf_uri_parse(const char *text, P11KitUri **out, const hf_why *why);

/* Whether the URI names its token (label, serial, manufacturer, model, or slot). */
bool hf_uri_names_token(P11KitUri *uri);

/* Exactly one initialised token of these modules that the URI matches. HF_ERR_TOKEN_ABSENT and HF_ERR_AMBIGUOUS list
 * the tokens there are. */
hf_status hf_uri_find_token(P11KitUri *uri, CK_FUNCTION_LIST **modules, hf_slot *out, const hf_why *why);

/* The label of a token or the like: space-padded in the structure, terminated in out (max >= 65). */
void hf_uri_padded(const CK_UTF8CHAR *text, size_t len, char *out, size_t max);

/* The URI of one object on a token ("pkcs11:token=...;id=...;object=...;type=..."), malloc'ed; NULL on failure. */
char *hf_uri_of_object(const hf_slot *slot, const hf_p11_session *session, CK_OBJECT_HANDLE object);

#endif
