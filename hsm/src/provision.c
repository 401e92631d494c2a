/* Room `provision`: what its parts share: templates, URIs, opening a token for writing. */
#include "provision.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_ID_SIZE 16

void hf_template_add(hf_template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    if (t->n < HF_TEMPLATE_MAX)
        t->attrs[t->n++] = hf_attr(type, value, len);
}

void hf_template_flag(hf_template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    static const CK_BBOOL yes = CK_TRUE;
    static const CK_BBOOL no = CK_FALSE;

    hf_template_add(t, type, value ? &yes : &no, sizeof yes);
}

static void add_name(hf_template *t, const char *label, const uint8_t *id, size_t id_len)
{
    hf_template_flag(t, CKA_TOKEN, true);
    hf_template_add(t, CKA_LABEL, label, strlen(label));
    hf_template_add(t, CKA_ID, id, id_len);
}

void hf_template_private(hf_template *t, const char *label, const uint8_t *id, size_t id_len)
{
    add_name(t, label, id, id_len);
    hf_template_flag(t, CKA_PRIVATE, true);
    hf_template_flag(t, CKA_SENSITIVE, true);
    hf_template_flag(t, CKA_EXTRACTABLE, false);
    hf_template_flag(t, CKA_SIGN, true);
    hf_template_flag(t, CKA_UNWRAP, false);
    hf_template_flag(t, CKA_DERIVE, false);
}

void hf_template_public(hf_template *t, const char *label, const uint8_t *id, size_t id_len)
{
    add_name(t, label, id, id_len);
    hf_template_flag(t, CKA_PRIVATE, false);
    hf_template_flag(t, CKA_VERIFY, true);
    hf_template_flag(t, CKA_WRAP, false);
    hf_template_flag(t, CKA_DERIVE, false);
}

/* One attribute of a private key must not be there yet: two keys of one name could not be told apart. */
static hf_status check_free(const hf_token *token, CK_ATTRIBUTE_TYPE type, const void *value, size_t len,
                            const hf_why *why)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE match[] = {hf_attr(CKA_CLASS, &class, sizeof class), hf_attr(type, value, len)};
    CK_OBJECT_HANDLE found;
    size_t n = 0;
    CK_RV rv = hf_object_find(&token->session, match, 2, &found, 1, &n);

    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the token cannot be searched: it says %s", hf_rv_name(rv));
    if (n > 0)
        return hf_why_set(why, HF_ERR_AMBIGUOUS, "the token has a private key of this %s already: choose another",
                          type == CKA_ID ? "id" : "label");
    return HF_OK;
}

static hf_status open_for_writing(const hf_hsm_options *options, const char *token_uri, hf_token *out,
                                  const hf_why *why)
{
    P11KitUri *uri = NULL;
    hf_status status = hf_uri_parse(token_uri, &uri, why);

    if (status == HF_OK)
        status = hf_token_open(options, uri, true, true, out, why);
    p11_kit_uri_free(uri);
    return status;
}

hf_status hf_provision_begin(const hf_hsm_options *options, const hf_hsm_new_key *key, hf_token *out,
                             uint8_t id[HF_HSM_ID_MAX], size_t *out_id_len, const hf_why *why)
{
    size_t label_len = key->label ? strnlen(key->label, HF_HSM_LABEL_MAX + 1) : 0;

    memset(out, 0, sizeof *out);
    if (label_len == 0 || label_len > HF_HSM_LABEL_MAX)
        return hf_why_set(why, HF_ERR_INVALID, "a key needs a label of 1 to %d bytes: give --label", HF_HSM_LABEL_MAX);
    if (key->id && (key->id_len == 0 || key->id_len > HF_HSM_ID_MAX))
        return hf_why_set(why, HF_ERR_INVALID, "an id has 1 to %d bytes", HF_HSM_ID_MAX);
    *out_id_len = key->id ? key->id_len : RANDOM_ID_SIZE;
    if (key->id)
        memcpy(id, key->id, key->id_len);
    else if (RAND_bytes(id, RANDOM_ID_SIZE) != 1)
        return hf_why_set(why, HF_ERR_RANDOM, "the random generator failed");
    hf_status status = open_for_writing(options, key->token_uri, out, why);
    if (status == HF_OK)
        status = check_free(out, CKA_LABEL, key->label, label_len, why);
    if (status == HF_OK)
        status = check_free(out, CKA_ID, id, *out_id_len, why);
    if (status != HF_OK)
        hf_token_close(out);
    return status;
}

hf_status hf_provision_uri(const hf_token *token, CK_OBJECT_HANDLE key, char *out_uri, const hf_why *why)
{
    char *text = hf_uri_of_object(&token->slot, &token->session, key);

    if (!text || strlen(text) > HF_HSM_URI_MAX) {
        free(text);
        return hf_why_set(why, HF_ERR_NO_MEMORY, "the key's URI cannot be written");
    }
    memcpy(out_uri, text, strlen(text) + 1);
    free(text);
    return HF_OK;
}

void hf_pubkey_name(const hf_pubkey *pub, char *out, size_t max)
{
    if (pub->type == HF_KEY_RSA)
        (void)snprintf(out, max, "RSA-%u", pub->bits);
    else if (pub->type == HF_KEY_ED25519)
        (void)snprintf(out, max, "Ed25519");
    else
        (void)snprintf(out, max, "P-%u", pub->bits);
}

static bool set_string(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    CK_ATTRIBUTE attr = hf_attr(type, value, len);

    return p11_kit_uri_set_attribute(uri, &attr) == P11_KIT_URI_OK;
}

static bool set_type(P11KitUri *uri, const char *type)
{
    CK_OBJECT_CLASS class = strcmp(type, "private") == 0  ? CKO_PRIVATE_KEY
                            : strcmp(type, "public") == 0 ? CKO_PUBLIC_KEY
                                                          : CKO_CERTIFICATE;

    return set_string(uri, CKA_CLASS, &class, sizeof class);
}

hf_status hf_hsm_uri_make(const char *token, const char *object, const uint8_t *id, size_t id_len, const char *type,
                          char *out, size_t out_max)
{
    char *text = NULL;
    hf_status status = HF_ERR_INVALID;
    P11KitUri *uri = p11_kit_uri_new();

    if (!uri)
        return HF_ERR_NO_MEMORY;
    CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
    if (token && (token[0] == 0 || strlen(token) > sizeof info->label))
        goto out;
    if (token) {
        memset(info->label, ' ', sizeof info->label);
        memcpy(info->label, token, strlen(token));
    }
    if ((object && !set_string(uri, CKA_LABEL, object, strlen(object))) ||
        (id_len && !set_string(uri, CKA_ID, id, id_len)) || (type && !set_type(uri, type)))
        goto out;
    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, &text) != P11_KIT_URI_OK)
        goto out;
    status = strlen(text) < out_max ? HF_OK : HF_ERR_BUFFER;
    if (status == HF_OK)
        memcpy(out, text, strlen(text) + 1);
out:
    free(text);
    p11_kit_uri_free(uri);
    return status;
}
