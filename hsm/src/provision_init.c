/* Room `provision`: a new token (PKCS#11 v2.40 sections 5.5: C_InitToken, and 5.6: C_InitPIN). */
#include <string.h>

#include "provision.h"

#define LABEL_SIZE 32

static bool is_labelled(const CK_TOKEN_INFO *info, const CK_UTF8CHAR label[LABEL_SIZE])
{
    return (info->flags & CKF_TOKEN_INITIALIZED) && memcmp(info->label, label, LABEL_SIZE) == 0;
}

/* Finds the slot whose token has the label (`wanted`), or the first one not initialised. */
static hf_status find_slot(CK_FUNCTION_LIST *fn, const CK_UTF8CHAR *wanted, CK_SLOT_ID *out)
{
    CK_SLOT_ID ids[HF_SLOTS_MAX];
    CK_ULONG n = 0;
    CK_TOKEN_INFO info;

    if (fn->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK || n > HF_SLOTS_MAX ||
        fn->C_GetSlotList(CK_TRUE, ids, &n) != CKR_OK)
        return HF_ERR_TOKEN;
    for (CK_ULONG i = 0; i < n; i++) {
        if (fn->C_GetTokenInfo(ids[i], &info) != CKR_OK)
            continue;
        if (wanted ? is_labelled(&info, wanted) : !(info.flags & CKF_TOKEN_INITIALIZED)) {
            *out = ids[i];
            return HF_OK;
        }
    }
    return HF_ERR_NOT_FOUND;
}

static hf_status set_user_pin(CK_FUNCTION_LIST *fn, CK_SLOT_ID slot, hf_pin *so_pin, hf_pin *pin, const hf_why *why)
{
    CK_SESSION_HANDLE session;
    const char *call = "C_OpenSession";
    CK_RV rv = fn->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);

    if (rv == CKR_OK) {
        call = "C_Login as security officer";
        rv = fn->C_Login(session, CKU_SO, (CK_UTF8CHAR *)so_pin->text, so_pin->len);
        if (rv == CKR_OK) {
            call = "C_InitPIN";
            rv = fn->C_InitPIN(session, (CK_UTF8CHAR *)pin->text, pin->len);
            (void)fn->C_Logout(session);
        }
        (void)fn->C_CloseSession(session);
    }
    if (rv == CKR_OK)
        return HF_OK;
    return hf_why_set(why, hf_rv_status(rv), "the token is initialised but has no user PIN: %s says %s%s", call,
                      hf_rv_name(rv),
                      rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID ? ": choose a PIN of another length" : "");
}

/* Before anything is changed: a token that is initialised with one PIN and refuses the other would be half made. */
static hf_status check_pin_length(CK_FUNCTION_LIST *fn, CK_SLOT_ID slot, const hf_pin *pin, const char *whose,
                                  const hf_why *why)
{
    CK_TOKEN_INFO info;

    if (fn->C_GetTokenInfo(slot, &info) != CKR_OK || info.ulMaxPinLen < info.ulMinPinLen || info.ulMaxPinLen == 0 ||
        (pin->len >= info.ulMinPinLen && pin->len <= info.ulMaxPinLen))
        return HF_OK;
    return hf_why_set(why, HF_ERR_PIN_SOURCE, "the %s PIN is too short or too long: this token takes %lu to %lu bytes",
                      whose, info.ulMinPinLen, info.ulMaxPinLen);
}

static hf_status init_token(CK_FUNCTION_LIST *fn, CK_UTF8CHAR label[LABEL_SIZE], hf_pin *so_pin, hf_pin *pin,
                            const hf_why *why)
{
    CK_SLOT_ID slot = 0;

    if (find_slot(fn, label, &slot) == HF_OK)
        return hf_why_set(why, HF_ERR_AMBIGUOUS, "a token of this label exists already: choose another label");
    hf_status status = find_slot(fn, NULL, &slot);
    if (status != HF_OK)
        return hf_why_set(why, status, "no slot of the module is free for a new token: %s",
                          status == HF_ERR_NOT_FOUND ? "add one with the module's own tool" : "check the module");
    status = check_pin_length(fn, slot, so_pin, "security officer's", why);
    if (status == HF_OK)
        status = check_pin_length(fn, slot, pin, "user", why);
    if (status != HF_OK)
        return status;
    CK_RV rv = fn->C_InitToken(slot, (CK_UTF8CHAR *)so_pin->text, so_pin->len, label);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "C_InitToken says %s%s", hf_rv_name(rv),
                          rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID
                              ? ": choose a security officer's PIN of another length"
                              : ": check that the token can be written to");
    /* SoftHSM gives the new token another slot. */
    if (find_slot(fn, label, &slot) != HF_OK)
        return hf_why_set(why, HF_ERR_TOKEN, "the token was initialised and does not show up: check the module");
    return set_user_pin(fn, slot, so_pin, pin, why);
}

hf_status hf_hsm_token_init(const hf_hsm_options *options, const char *label, const char *so_pin_source, char *why_text,
                            size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    const hf_pin_source so_source = {.file = so_pin_source, .prompt = options->prompt, .confirm = true};
    const hf_pin_source source = {
        .file = options->pin_source, .credential = "handfast-pin", .prompt = options->prompt, .confirm = true};
    CK_UTF8CHAR padded[LABEL_SIZE];
    hf_modules modules;
    hf_pin so_pin = {.len = 0};
    hf_pin pin = {.len = 0};
    size_t len = label ? strnlen(label, LABEL_SIZE + 1) : 0;

    if (len == 0 || len > LABEL_SIZE)
        return hf_why_set(&why, HF_ERR_INVALID, "a token needs a label of 1 to %d bytes: give --token", LABEL_SIZE);
    if (!options->module)
        return hf_why_set(&why, HF_ERR_INVALID, "init must know which module: give --module PATH");
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, len);
    hf_status status = hf_pin_read(&so_source, "security officer's PIN (--so-pin-source)", &so_pin, &why);
    if (status == HF_OK)
        status = hf_pin_read(&source, "user PIN", &pin, &why);
    if (status == HF_OK)
        status = hf_modules_open(&modules, options->module, &why);
    if (status == HF_OK) {
        status = init_token(modules.list[0], padded, &so_pin, &pin, &why);
        hf_modules_close(&modules);
    }
    hf_pin_cleanup(&so_pin);
    hf_pin_cleanup(&pin);
    return status;
}
