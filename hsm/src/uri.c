/* Room `uri`: RFC 7512 URIs, and the one token that a URI names. */
#include "uri.h"

#include <stdlib.h>
#include <string.h>

#include "handfast/hsm.h"

hf_status hf_uri_parse(const char *text, P11KitUri **out, const hf_why *why)
{
    *out = NULL;
    if (!text || strnlen(text, HF_HSM_URI_MAX + 1) > HF_HSM_URI_MAX)
        return hf_why_set(why, HF_ERR_INVALID, "the PKCS#11 URI is longer than %d bytes", HF_HSM_URI_MAX);
    P11KitUri *uri = p11_kit_uri_new();
    if (!uri)
        return hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    int code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    hf_status status = HF_OK;
    if (code != P11_KIT_URI_OK)
        status = hf_why_set(why, HF_ERR_INVALID,
                            "not a PKCS#11 URI (%s): write it as pkcs11:token=LABEL;object=NAME;type=private",
                            p11_kit_uri_message(code));
    else if (p11_kit_uri_get_pin_value(uri))
        status =
            hf_why_set(why, HF_ERR_INVALID,
                       "the URI carries a pin-value, which everybody on this machine can read in the process list: "
                       "put the PIN in a file and use pin-source, and change the PIN");
    else if (p11_kit_uri_any_unrecognized(uri))
        status =
            hf_why_set(why, HF_ERR_INVALID, "the URI has an attribute that RFC 7512 does not know: check its spelling");
    if (status != HF_OK) {
        p11_kit_uri_free(uri);
        return status;
    }
    *out = uri;
    return HF_OK;
}

bool hf_uri_names_token(P11KitUri *uri)
{
    const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);

    return info->label[0] || info->serialNumber[0] || info->manufacturerID[0] || info->model[0] ||
           p11_kit_uri_get_slot_id(uri) != (CK_SLOT_ID)-1;
}

void hf_uri_padded(const CK_UTF8CHAR *text, size_t len, char *out, size_t max)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == 0))
        len--;
    if (len > max - 1)
        len = max - 1;
    memcpy(out, text, len);
    out[len] = 0;
}

/* What a search over all slots gathers. */
typedef struct found {
    hf_slot slots[HF_CANDIDATES_MAX];
    size_t matched; /* how many match, may be more than fit */
    hf_slot others[HF_CANDIDATES_MAX];
    size_t passed; /* tokens that do not match */
    bool blank;    /* one that is named in the URI is not initialised */
} found;

static void add_slot(found *f, P11KitUri *uri, CK_FUNCTION_LIST *fn, CK_SLOT_ID id)
{
    hf_slot slot = {.fn = fn, .id = id};
    CK_SLOT_INFO info;
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);

    if (fn->C_GetTokenInfo(id, &slot.info) != CKR_OK || fn->C_GetSlotInfo(id, &info) != CKR_OK)
        return;
    if (!(slot.info.flags & CKF_TOKEN_INITIALIZED)) {
        f->blank |= p11_kit_uri_get_token_info(uri)->label[0] && p11_kit_uri_match_token_info(uri, &slot.info);
        return;
    }
    bool match = (wanted == (CK_SLOT_ID)-1 || wanted == id) && p11_kit_uri_match_slot_info(uri, &info) &&
                 p11_kit_uri_match_token_info(uri, &slot.info);
    /* A URI without a token means "the" token: stores of public certificates, which ask for no PIN, are not it. */
    if (match && !hf_uri_names_token(uri) && !(slot.info.flags & CKF_LOGIN_REQUIRED))
        match = false;
    size_t at = match ? f->matched++ : f->passed++;
    if (at < HF_CANDIDATES_MAX)
        (match ? f->slots : f->others)[at] = slot;
}

static void search_module(found *f, P11KitUri *uri, CK_FUNCTION_LIST *fn)
{
    CK_SLOT_ID ids[HF_SLOTS_MAX];
    CK_ULONG n = 0;
    CK_INFO info;

    if (fn->C_GetInfo(&info) != CKR_OK || !p11_kit_uri_match_module_info(uri, &info))
        return;
    /* The first call lets the module look for slots that came or went (PKCS#11 v2.40 section 5.5). */
    if (fn->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK || n > HF_SLOTS_MAX)
        return;
    if (fn->C_GetSlotList(CK_TRUE, ids, &n) != CKR_OK)
        return;
    for (CK_ULONG i = 0; i < n; i++)
        add_slot(f, uri, fn, ids[i]);
}

static void list_tokens(const hf_why *why, const hf_slot *slots, size_t n)
{
    char label[65];

    for (size_t i = 0; i < n && i < HF_CANDIDATES_MAX; i++) {
        hf_uri_padded(slots[i].info.label, sizeof slots[i].info.label, label, sizeof label);
        hf_why_add(why, "%s\"%s\"", i ? ", " : "", label);
    }
    if (n > HF_CANDIDATES_MAX)
        hf_why_add(why, ", and %zu more", n - HF_CANDIDATES_MAX);
}

hf_status hf_uri_find_token(P11KitUri *uri, CK_FUNCTION_LIST **modules, hf_slot *out, const hf_why *why)
{
    char label[65];
    const CK_TOKEN_INFO *wanted = p11_kit_uri_get_token_info(uri);
    hf_status status = HF_OK;
    found *f = calloc(1, sizeof *f);

    if (!f)
        return hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; modules[i]; i++)
        search_module(f, uri, modules[i]);
    hf_uri_padded(wanted->label, sizeof wanted->label, label, sizeof label);
    if (f->matched == 1) {
        *out = f->slots[0];
    } else if (f->matched > 1) {
        status = hf_why_set(why, HF_ERR_AMBIGUOUS,
                            "%zu tokens match: name one with token= or serial= in the URI: ", f->matched);
        list_tokens(why, f->slots, f->matched);
    } else if (f->blank) {
        status = hf_why_set(why, HF_ERR_TOKEN_ABSENT,
                            "token \"%s\" is not initialised: make it ready with `handfast token init`", label);
    } else if (f->passed == 0) {
        status = hf_why_set(why, HF_ERR_TOKEN_ABSENT,
                            "the module has no initialised token: insert it, or make one with `handfast token init`");
    } else {
        status =
            hf_why_set(why, HF_ERR_TOKEN_ABSENT, "no token %s%s%s: insert it or correct token= in the URI; present: ",
                       label[0] ? "is labelled \"" : "matches the URI", label, label[0] ? "\"" : "");
        list_tokens(why, f->others, f->passed);
    }
    free(f);
    return status;
}

char *hf_uri_of_object(const hf_slot *slot, const hf_p11_session *session, CK_OBJECT_HANDLE object)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_ID, CKA_LABEL};
    CK_ULONG class = 0;
    char *text = NULL;
    P11KitUri *uri = p11_kit_uri_new();

    if (!uri)
        return NULL;
    CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
    memcpy(info->label, slot->info.label, sizeof info->label);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        uint8_t *value = NULL;
        size_t len = 0;
        if (hf_attr_bytes(session, object, types[i], &value, &len) == CKR_OK && value) {
            CK_ATTRIBUTE attr = hf_attr(types[i], value, len);
            (void)p11_kit_uri_set_attribute(uri, &attr);
        }
        free(value);
    }
    if (hf_attr_ulong(session, object, CKA_CLASS, CKO_DATA, &class) == CKR_OK) {
        CK_ATTRIBUTE attr = hf_attr(CKA_CLASS, &class, sizeof class);
        (void)p11_kit_uri_set_attribute(uri, &attr);
    }
    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, &text) != P11_KIT_URI_OK)
        text = NULL;
    p11_kit_uri_free(uri);
    return text;
}
