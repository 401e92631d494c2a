/* A token, opened: module, slot, session, login, in this order; closed in the other. */
#include <string.h>

#include "token_key.h"

CK_RV hf_token_session(const hf_token *token, bool write, hf_p11_session *out)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (write ? CKF_RW_SESSION : 0);

    *out = (hf_p11_session){.fn = token->slot.fn, .handle = CK_INVALID_HANDLE};
    return token->slot.fn->C_OpenSession(token->slot.id, flags, NULL, NULL, &out->handle);
}

static hf_status open_slot(const hf_hsm_options *options, P11KitUri *uri, bool write, bool login, hf_token *token,
                           const hf_why *why)
{
    const hf_pin_source source = {.file = options->pin_source,
                                  .uri_file = p11_kit_uri_get_pin_source(uri),
                                  .credential = "handfast-pin",
                                  .prompt = options->prompt};
    char label[65];

    hf_status status = hf_uri_find_token(uri, token->modules.list, &token->slot, why);
    if (status != HF_OK)
        return status;
    hf_slot_label(&token->slot, label);
    CK_RV rv = hf_token_session(token, write, &token->session);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "token \"%s\": C_OpenSession says %s: %s", label, hf_rv_name(rv),
                          rv == CKR_SESSION_COUNT           ? "other programs hold all its sessions: stop one"
                          : rv == CKR_TOKEN_WRITE_PROTECTED ? "it is write-protected"
                                                            : "check that it is connected");
    bool again = false;
    return login ? hf_login_acquire(&token->slot, &token->session, &source, &token->login, &again, why) : HF_OK;
}

hf_status hf_token_open(const hf_hsm_options *options, P11KitUri *uri, bool write, bool login, hf_token *out,
                        const hf_why *why)
{
    const char *path = options->module ? options->module : p11_kit_uri_get_module_path(uri);

    memset(out, 0, sizeof *out);
    hf_status status = hf_modules_open(&out->modules, path, options->module_args, why);
    if (status == HF_OK)
        status = open_slot(options, uri, write, login, out, why);
    if (status != HF_OK)
        hf_token_close(out);
    return status;
}

void hf_token_close(hf_token *token)
{
    hf_login_release(token->login, &token->session);
    if (token->session.handle != CK_INVALID_HANDLE)
        (void)token->session.fn->C_CloseSession(token->session.handle);
    hf_modules_close(&token->modules);
    memset(token, 0, sizeof *token);
}
