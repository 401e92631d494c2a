/* Room `key`: the one private key that a URI names, and whether it is fit to be used. */
#include <stdlib.h>

#include "token_key.h"

static void list_keys(const hf_why *why, const hf_token *token, const CK_OBJECT_HANDLE *keys, size_t n)
{
    for (size_t i = 0; i < n && i < HF_CANDIDATES_MAX; i++) {
        char *uri = hf_uri_of_object(&token->slot, &token->session, keys[i]);
        hf_why_add(why, "%s%s", i ? ", " : "", uri ? uri : "(unnamed)");
        free(uri);
    }
    if (n > HF_CANDIDATES_MAX)
        hf_why_add(why, ", and %zu more", n - HF_CANDIDATES_MAX);
}

/* class, and CKA_ID and CKA_LABEL where the URI has them. */
static size_t make_match(P11KitUri *uri, const CK_OBJECT_CLASS *class, CK_ATTRIBUTE out[3])
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_ID, CKA_LABEL};
    size_t n = 0;

    out[n++] = hf_attr(CKA_CLASS, class, sizeof *class);
    for (size_t i = 0; i < 2; i++) {
        const CK_ATTRIBUTE *attr = p11_kit_uri_get_attribute(uri, types[i]);
        if (attr)
            out[n++] = *attr;
    }
    return n;
}

static hf_status not_found(const hf_token *token, const hf_why *why)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match = hf_attr(CKA_CLASS, &class, sizeof class);
    CK_OBJECT_HANDLE keys[HF_CANDIDATES_MAX + 1];
    size_t n = 0;
    char label[65];

    hf_slot_label(&token->slot, label);
    if (hf_object_find(&token->session, &match, 1, keys, HF_CANDIDATES_MAX + 1, &n) != CKR_OK || n == 0)
        return hf_why_set(why, HF_ERR_NOT_FOUND,
                          "token \"%s\" has no private key: make one with `handfast token keygen`", label);
    hf_why_set(why, HF_ERR_NOT_FOUND,
               "no private key in token \"%s\" matches: correct object= or id= in the URI; present: ", label);
    list_keys(why, token, keys, n);
    return HF_ERR_NOT_FOUND;
}

hf_status hf_token_find_key(const hf_token *token, P11KitUri *uri, CK_OBJECT_HANDLE *out, const hf_why *why)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match[3];
    CK_OBJECT_HANDLE keys[HF_CANDIDATES_MAX + 1];
    size_t n = 0;
    const CK_ATTRIBUTE *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);

    if (type && (type->ulValueLen != sizeof class || *(const CK_OBJECT_CLASS *)type->pValue != CKO_PRIVATE_KEY))
        return hf_why_set(why, HF_ERR_INVALID, "the URI names no private key: write type=private, or leave type= out");
    size_t n_match = make_match(uri, &class, match);
    CK_RV rv = hf_object_find(&token->session, match, n_match, keys, HF_CANDIDATES_MAX + 1, &n);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the key cannot be searched: C_FindObjects says %s: check the token",
                          hf_rv_name(rv));
    if (n == 0)
        return not_found(token, why);
    if (n > 1) {
        hf_why_set(why, HF_ERR_AMBIGUOUS,
                   "%s%zu private keys match: name one by id= or object=: ", n > HF_CANDIDATES_MAX ? "more than " : "",
                   n > HF_CANDIDATES_MAX ? (size_t)HF_CANDIDATES_MAX : n);
        list_keys(why, token, keys, n);
        return HF_ERR_AMBIGUOUS;
    }
    *out = keys[0];
    return HF_OK;
}

hf_status hf_token_check_key(const hf_token *token, CK_OBJECT_HANDLE key, bool allow_extractable, hf_key_facts *out,
                             const hf_why *why)
{
    bool sensitive = false;
    bool extractable = true;

    /* What the token does not tell counts as unsafe. */
    CK_RV rv = hf_attr_bool(&token->session, key, CKA_SENSITIVE, false, &sensitive);
    if (rv == CKR_OK)
        rv = hf_attr_bool(&token->session, key, CKA_EXTRACTABLE, true, &extractable);
    if (rv == CKR_OK)
        rv = hf_attr_bool(&token->session, key, CKA_NEVER_EXTRACTABLE, false, &out->never_extractable);
    if (rv == CKR_OK)
        rv = hf_attr_bool(&token->session, key, CKA_ALWAYS_AUTHENTICATE, false, &out->always_authenticate);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv),
                          "the key's attributes cannot be read: the token says %s: check the token", hf_rv_name(rv));
    if (!allow_extractable && (extractable || !sensitive))
        return hf_why_set(
            why, HF_ERR_KEY_UNSAFE,
            "the key can leave the token (%s%s%s): make one with `handfast token keygen`, or accept it with "
            "--allow-extractable",
            extractable ? "extractable" : "", extractable && !sensitive ? ", " : "", sensitive ? "" : "not sensitive");
    out->sensitive = sensitive;
    out->extractable = extractable;
    return HF_OK;
}
