/* Room `provision`: a new token (PKCS#11 v2.40 sections 5.5: C_InitToken, and 5.6: C_InitPIN).
 *
 * Most modules have slots that wait for a token: C_InitToken gives it a name and a security officer's PIN, and the
 * officer sets the user PIN. A database (NSS's softokn) has its token from the beginning, with a name that its
 * configuration gives it and with an officer whose PIN is empty until there is a user PIN: only that is missing, and
 * C_InitToken would but erase. Such a token shows itself by what it says and does, not by whose it is. */
#include <string.h>

#include "provision.h"

#define LABEL_SIZE 32
#define IN_USE (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED)

/* Where the new token goes. */
typedef struct place {
    CK_FUNCTION_LIST *fn;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    bool database; /* the user PIN is all that it lacks */
} place;

static bool has_label(const CK_TOKEN_INFO *info, const CK_UTF8CHAR label[LABEL_SIZE])
{
    return memcmp(info->label, label, LABEL_SIZE) == 0;
}

static hf_status list_slots(CK_FUNCTION_LIST *fn, CK_SLOT_ID ids[HF_SLOTS_MAX], CK_ULONG *out_n)
{
    CK_ULONG n = 0;

    if (fn->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK || n > HF_SLOTS_MAX ||
        fn->C_GetSlotList(CK_TRUE, ids, &n) != CKR_OK)
        return HF_ERR_TOKEN;
    *out_n = n;
    return HF_OK;
}

/* Opens a session and logs in there. On failure no session is left; *out_call is what failed. */
static CK_RV officer_in(const place *at, hf_pin *pin, CK_SESSION_HANDLE *out, const char **out_call)
{
    *out_call = "C_OpenSession";
    CK_RV rv = at->fn->C_OpenSession(at->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, out);
    if (rv != CKR_OK)
        return rv;
    *out_call = "C_Login as security officer";
    rv = at->fn->C_Login(*out, CKU_SO, (CK_UTF8CHAR *)pin->text, pin->len);
    if (rv != CKR_OK)
        (void)at->fn->C_CloseSession(*out);
    return rv;
}

static void officer_out(const place *at, CK_SESSION_HANDLE session)
{
    (void)at->fn->C_Logout(session);
    (void)at->fn->C_CloseSession(session);
}

/* Asked of a token in no use, and only if it says that an empty PIN is one: no other counts it as a wrong PIN. */
static bool is_database(const place *at)
{
    CK_SESSION_HANDLE session;
    const char *call;
    hf_pin none = {.len = 0};

    if (at->info.ulMinPinLen != 0 || at->info.ulMaxPinLen == 0 ||
        (at->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) || officer_in(at, &none, &session, &call) != CKR_OK)
        return false;
    officer_out(at, session);
    return true;
}

/* A database of that name, else the first slot that waits for a token. What is in use is never chosen. */
static hf_status choose(CK_FUNCTION_LIST *fn, const CK_UTF8CHAR label[LABEL_SIZE], place *out, const hf_why *why)
{
    CK_SLOT_ID ids[HF_SLOTS_MAX];
    CK_ULONG n = 0;
    char other[65] = "";
    bool found = false;

    if (list_slots(fn, ids, &n) != HF_OK)
        return hf_why_set(why, HF_ERR_TOKEN, "the module's slots cannot be listed: check the module");
    for (CK_ULONG i = 0; i < n; i++) {
        place at = {.fn = fn, .slot = ids[i]};
        if (fn->C_GetTokenInfo(ids[i], &at.info) != CKR_OK)
            continue;
        if ((at.info.flags & IN_USE) && has_label(&at.info, label))
            return hf_why_set(why, HF_ERR_AMBIGUOUS,
                              "a token of this label exists already, and one in use is never initialised anew: choose "
                              "another label");
        if (at.info.flags & (IN_USE | CKF_WRITE_PROTECTED))
            continue;
        at.database = is_database(&at);
        if (at.database && !has_label(&at.info, label))
            hf_uri_padded(at.info.label, sizeof at.info.label, other, sizeof other);
        else if (!found || at.database)
            *out = at;
        found = found || !at.database || has_label(&at.info, label);
    }
    if (found)
        return HF_OK;
    if (other[0])
        return hf_why_set(why, HF_ERR_NOT_FOUND,
                          "the module calls its token \"%s\": give --token \"%s\", or another name in the module's "
                          "configuration",
                          other, other);
    return hf_why_set(why, HF_ERR_NOT_FOUND,
                      "no slot of the module is free for a new token: add one with the module's own tool; where "
                      "--module-args names a folder, see that it is there");
}

/* Before anything is changed: a token that is initialised with one PIN and refuses the other would be half made. */
static hf_status check_pin_length(const place *at, const hf_pin *pin, const char *whose, const hf_why *why)
{
    const CK_TOKEN_INFO *info = &at->info;

    if (info->ulMaxPinLen < info->ulMinPinLen || info->ulMaxPinLen == 0 ||
        (pin->len >= info->ulMinPinLen && pin->len <= info->ulMaxPinLen))
        return HF_OK;
    return hf_why_set(why, HF_ERR_PIN_SOURCE, "the %s PIN is too short or too long: this token takes %lu to %lu bytes",
                      whose, info->ulMinPinLen, info->ulMaxPinLen);
}

static const char *length_hint(CK_RV rv, const char *otherwise)
{
    return rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID ? ": choose a PIN of another length" : otherwise;
}

static hf_status set_user_pin(const place *at, hf_pin *so_pin, hf_pin *pin, const hf_why *why)
{
    CK_SESSION_HANDLE session;
    const char *call;
    CK_RV rv = officer_in(at, so_pin, &session, &call);

    if (rv == CKR_OK) {
        call = "C_InitPIN";
        rv = at->fn->C_InitPIN(session, (CK_UTF8CHAR *)pin->text, pin->len);
        officer_out(at, session);
    }
    if (rv == CKR_OK)
        return HF_OK;
    return hf_why_set(why, hf_rv_status(rv), "the token %s no user PIN: %s says %s%s",
                      at->database ? "has still" : "is initialised but has", call, hf_rv_name(rv),
                      length_hint(rv, at->database ? ": check that its files can be written to" : ""));
}

/* Erases what is in the slot, which is nothing, and names it. SoftHSM gives the new token another slot. */
static hf_status init_slot(place *at, CK_UTF8CHAR label[LABEL_SIZE], hf_pin *so_pin, const hf_why *why)
{
    CK_SLOT_ID ids[HF_SLOTS_MAX];
    CK_ULONG n = 0;
    CK_RV rv = at->fn->C_InitToken(at->slot, (CK_UTF8CHAR *)so_pin->text, so_pin->len, label);

    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "C_InitToken with the security officer's PIN says %s%s",
                          hf_rv_name(rv), length_hint(rv, ": check that the token can be written to"));
    if (list_slots(at->fn, ids, &n) == HF_OK)
        for (CK_ULONG i = 0; i < n; i++)
            if (at->fn->C_GetTokenInfo(ids[i], &at->info) == CKR_OK && (at->info.flags & CKF_TOKEN_INITIALIZED) &&
                has_label(&at->info, label)) {
                at->slot = ids[i];
                return HF_OK;
            }
    return hf_why_set(why, HF_ERR_TOKEN, "the token was initialised and does not show up: check the module");
}

static hf_status init_token(CK_FUNCTION_LIST *fn, CK_UTF8CHAR label[LABEL_SIZE], const hf_pin_source *so_source,
                            const hf_pin_source *source, const hf_why *why)
{
    place at = {.fn = NULL};
    hf_pin so_pin = {.len = 0};
    hf_pin pin = {.len = 0};
    hf_status status = choose(fn, label, &at, why);

    if (status == HF_OK && !at.database)
        status = hf_pin_read(so_source, "security officer's PIN", &so_pin, why);
    if (status == HF_OK && !at.database)
        status = check_pin_length(&at, &so_pin, "security officer's", why);
    if (status == HF_OK)
        status = hf_pin_read(source, "user PIN", &pin, why);
    if (status == HF_OK)
        status = check_pin_length(&at, &pin, "user", why);
    if (status == HF_OK && !at.database)
        status = init_slot(&at, label, &so_pin, why);
    if (status == HF_OK)
        status = set_user_pin(&at, &so_pin, &pin, why);
    hf_pin_cleanup(&so_pin);
    hf_pin_cleanup(&pin);
    return status;
}

hf_status hf_hsm_token_init(const hf_hsm_options *options, const char *label, const char *so_pin_source, char *why_text,
                            size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    const hf_pin_source so_source = {
        .file = so_pin_source, .prompt = options->prompt, .confirm = true, .option = "--so-pin-source"};
    const hf_pin_source source = {
        .file = options->pin_source, .credential = "handfast-pin", .prompt = options->prompt, .confirm = true};
    CK_UTF8CHAR padded[LABEL_SIZE];
    hf_modules modules;
    size_t len = label ? strnlen(label, LABEL_SIZE + 1) : 0;

    if (len == 0 || len > LABEL_SIZE)
        return hf_why_set(&why, HF_ERR_INVALID, "a token needs a label of 1 to %d bytes: give --token", LABEL_SIZE);
    if (!options->module)
        return hf_why_set(&why, HF_ERR_INVALID, "init must know which module: give --module PATH");
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, len);
    hf_status status = hf_modules_open(&modules, options->module, options->module_args, &why);
    if (status == HF_OK) {
        status = init_token(modules.list[0], padded, &so_source, &source, &why);
        hf_modules_close(&modules);
    }
    return status;
}
