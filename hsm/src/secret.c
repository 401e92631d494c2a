/* Secrets derived from a symmetric key in a token: the same on every machine that has the key, by one use of it.
 *
 * CKM_SHA256_HMAC with a generic or HMAC key (PKCS#11 v2.40 section 2.14); with an AES key CKM_AES_CMAC twice, as the
 * counter mode of NIST SP 800-108 (section 2.12.4). A token that went away is opened again with the next use.
 */
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"
#include "token_key.h"

#define MESSAGE_MAX 128
#define CMAC_SIZE 16
#define KEY_MIN 16 /* bytes */

struct hf_hsm_secret {
    hf_hsm_options options;
    P11KitUri *uri;
    bool open;
    hf_token token;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM_TYPE mechanism;
};

/* ---- Finding ---- */

static hf_status find(const hf_token *token, P11KitUri *uri, CK_OBJECT_HANDLE *out, const hf_why *why)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    const CK_ATTRIBUTE *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);
    CK_ATTRIBUTE match[3] = {hf_attr(CKA_CLASS, &class, sizeof class)};
    CK_OBJECT_HANDLE keys[2];
    size_t n_match = 1, n = 0;

    if (type && (type->ulValueLen != sizeof class || *(const CK_OBJECT_CLASS *)type->pValue != CKO_SECRET_KEY))
        return hf_why_set(why, HF_ERR_INVALID, "the URI names no secret key: write type=secret-key, or leave it out");
    if (id)
        match[n_match++] = *id;
    if (label)
        match[n_match++] = *label;
    CK_RV rv = hf_object_find(&token->session, match, n_match, keys, 2, &n);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the token cannot be searched: C_FindObjects says %s: check the token",
                          hf_rv_name(rv));
    if (n == 0)
        return hf_why_set(why, HF_ERR_NOT_FOUND,
                          "no secret key in the token matches: make one with `handfast token keygen hmac`, or correct "
                          "object= or id= in the URI");
    if (n > 1)
        return hf_why_set(why, HF_ERR_AMBIGUOUS, "more than one secret key matches: name one by id= or object=");
    *out = keys[0];
    return HF_OK;
}

static hf_status check(hf_hsm_secret *s, const hf_why *why)
{
    const hf_p11_session *session = &s->token.session;
    bool sensitive = false, extractable = true;
    CK_ULONG type = 0, len = 0;

    CK_RV rv = hf_attr_bool(session, s->key, CKA_SENSITIVE, false, &sensitive);
    if (rv == CKR_OK)
        rv = hf_attr_bool(session, s->key, CKA_EXTRACTABLE, true, &extractable);
    if (rv == CKR_OK)
        rv = hf_attr_ulong(session, s->key, CKA_KEY_TYPE, CKK_VENDOR_DEFINED, &type);
    if (rv == CKR_OK)
        rv = hf_attr_ulong(session, s->key, CKA_VALUE_LEN, KEY_MIN, &len); /* not every token tells */
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the secret key's attributes cannot be read: the token says %s",
                          hf_rv_name(rv));
    if (!s->options.allow_extractable && (extractable || !sensitive))
        return hf_why_set(why, HF_ERR_KEY_UNSAFE,
                          "the secret key can leave the token: make one with `handfast token keygen hmac`, or accept "
                          "it with --allow-extractable");
    if (len < KEY_MIN)
        return hf_why_set(why, HF_ERR_KEY_UNSAFE, "the secret key has only %lu bytes; %d are needed", len, KEY_MIN);
    if (type == CKK_AES)
        s->mechanism = CKM_AES_CMAC;
    else if (type == CKK_GENERIC_SECRET || type == CKK_SHA256_HMAC)
        s->mechanism = CKM_SHA256_HMAC;
    else
        return hf_why_set(why, HF_ERR_KEY_UNUSABLE, "the secret key is neither an AES nor an HMAC key");
    return HF_OK;
}

static void shut(hf_hsm_secret *s)
{
    if (s->open)
        hf_token_close(&s->token);
    s->open = false;
}

static hf_status reach(hf_hsm_secret *s, const hf_why *why)
{
    if (s->open)
        return HF_OK;
    hf_status status = hf_token_open(&s->options, s->uri, false, true, &s->token, why);
    if (status != HF_OK)
        return status;
    s->open = true;
    status = find(&s->token, s->uri, &s->key, why);
    if (status == HF_OK)
        status = check(s, why);
    if (status != HF_OK)
        shut(s);
    return status;
}

hf_status hf_hsm_secret_open(const hf_hsm_options *options, const char *uri, hf_hsm_secret **out, char *why_text,
                             size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    hf_hsm_secret *s = calloc(1, sizeof *s);

    if (!s)
        return hf_why_set(&why, HF_ERR_NO_MEMORY, "out of memory");
    s->options = *options;
    hf_status status = hf_uri_parse(uri, &s->uri, &why);
    if (status == HF_OK)
        status = reach(s, &why);
    s->options.prompt = false; /* nobody sits there later */
    if (status != HF_OK) {
        hf_hsm_secret_close(s);
        return status;
    }
    *out = s;
    return HF_OK;
}

void hf_hsm_secret_close(hf_hsm_secret *s)
{
    if (!s)
        return;
    shut(s);
    p11_kit_uri_free(s->uri);
    free(s);
}

/* ---- Deriving ---- */

static CK_RV sign(hf_hsm_secret *s, const uint8_t *message, size_t len, uint8_t *out, CK_ULONG size)
{
    const hf_p11_session *session = &s->token.session;
    CK_MECHANISM mechanism = {.mechanism = s->mechanism};
    CK_ULONG got = size;

    CK_RV rv = session->fn->C_SignInit(session->handle, &mechanism, s->key);
    if (rv == CKR_OK)
        rv = session->fn->C_Sign(session->handle, (CK_BYTE *)(uintptr_t)message, len, out, &got);
    return rv == CKR_OK && got != size ? CKR_GENERAL_ERROR : rv;
}

static CK_RV derive(hf_hsm_secret *s, const uint8_t *label, size_t len, uint8_t out[HF_HSM_SECRET_SIZE])
{
    uint8_t message[1 + MESSAGE_MAX];

    if (s->mechanism == CKM_SHA256_HMAC)
        return sign(s, label, len, out, HF_HSM_SECRET_SIZE);
    memcpy(message + 1, label, len);
    message[0] = 1;
    CK_RV rv = sign(s, message, len + 1, out, CMAC_SIZE);
    message[0] = 2;
    return rv == CKR_OK ? sign(s, message, len + 1, out + CMAC_SIZE, CMAC_SIZE) : rv;
}

hf_status hf_hsm_secret_derive(hf_hsm_secret *s, const uint8_t *label, size_t len, uint8_t out[HF_HSM_SECRET_SIZE],
                               char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    uint8_t made[HF_HSM_SECRET_SIZE];
    hf_status status = HF_ERR_TOKEN;

    if (len == 0 || len > MESSAGE_MAX)
        return hf_why_set(&why, HF_ERR_INVALID, "a label has 1 to %d bytes", MESSAGE_MAX);
    for (int attempt = 0; attempt < 2; attempt++) { /* the second one on a token that is opened anew */
        status = reach(s, &why);
        if (status != HF_OK)
            break;
        CK_RV rv = derive(s, label, len, made);
        if (rv == CKR_OK) {
            memcpy(out, made, sizeof made);
            break;
        }
        status =
            hf_why_set(&why, hf_rv_status(rv), "the token cannot use the secret key: C_Sign says %s", hf_rv_name(rv));
        shut(s);
    }
    hf_wipe(made, sizeof made);
    return status;
}
