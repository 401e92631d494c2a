/* The process-wide table of logins.
 *
 * A login belongs to the process and the token, not to a session, so it is counted here. The mutex guards the table
 * only: while one thread talks to the token the entry is marked busy and others wait on the condition. Of a wrong PIN
 * only a salted digest is kept, to know it again. */
#include "login.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"

#define LOGINS_MAX 64    /* tokens that one process logs in to */
#define WRONG_PINS_MAX 3 /* different wrong PINs for one token; afterwards none is tried */
#define DIGEST_SIZE 32
#define SALT_SIZE 32

struct hf_login {
    bool used;
    char module[256];
    CK_SLOT_ID slot;
    CK_UTF8CHAR identity[32 + 32 + 16 + 16]; /* label, manufacturer, model, serial */
    bool busy;                               /* a thread is talking to the token about this entry */
    bool ours;                               /* we logged in, so we log out */
    unsigned refs;
    unsigned wrong_n;
    uint8_t wrong[WRONG_PINS_MAX][DIGEST_SIZE];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static hf_login logins[LOGINS_MAX];
static uint8_t salt[SALT_SIZE];
static bool salted;

void hf_slot_label(const hf_slot *slot, char out[65])
{
    hf_uri_padded(slot->info.label, sizeof slot->info.label, out, 65);
}

static void identify(const hf_slot *slot, hf_login *out)
{
    memset(out, 0, sizeof *out);
    char *name = p11_kit_module_get_filename(slot->fn);
    (void)snprintf(out->module, sizeof out->module, "%s", name ? name : "");
    free(name);
    out->slot = slot->id;
    memcpy(out->identity, slot->info.label, 32);
    memcpy(out->identity + 32, slot->info.manufacturerID, 32);
    memcpy(out->identity + 64, slot->info.model, 16);
    memcpy(out->identity + 80, slot->info.serialNumber, 16);
}

/* The entry for the token, marked busy and counted; NULL when the table is full. */
static hf_login *enter(const hf_slot *slot)
{
    hf_login mine;
    hf_login *entry = NULL;

    identify(slot, &mine);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < LOGINS_MAX && !entry; i++)
        if (logins[i].used && logins[i].slot == mine.slot && strcmp(logins[i].module, mine.module) == 0 &&
            memcmp(logins[i].identity, mine.identity, sizeof mine.identity) == 0)
            entry = &logins[i];
    for (size_t i = 0; i < LOGINS_MAX && !entry; i++)
        if (!logins[i].used) {
            entry = &logins[i];
            *entry = mine;
            entry->used = true;
        }
    if (entry) {
        while (entry->busy)
            pthread_cond_wait(&changed, &lock);
        entry->busy = true;
        entry->refs++;
    }
    pthread_mutex_unlock(&lock);
    return entry;
}

/* Ends busy; with `failed` the caller's count is taken back. */
static void leave(hf_login *entry, bool failed)
{
    pthread_mutex_lock(&lock);
    entry->busy = false;
    if (failed)
        entry->refs--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static hf_status digest_pin(const hf_pin *pin, uint8_t out[DIGEST_SIZE])
{
    uint8_t text[SALT_SIZE + HF_HSM_PIN_MAX];
    hf_status status = HF_OK;

    pthread_mutex_lock(&lock);
    if (!salted)
        salted = RAND_bytes(salt, sizeof salt) == 1;
    bool good = salted;
    memcpy(text, salt, sizeof salt);
    pthread_mutex_unlock(&lock);
    memcpy(text + SALT_SIZE, pin->text, pin->len);
    if (!good)
        status = HF_ERR_RANDOM;
    else if (EVP_Digest(text, SALT_SIZE + pin->len, out, NULL, EVP_sha256(), NULL) != 1)
        status = HF_ERR_CRYPTO;
    hf_wipe(text, sizeof text);
    return status;
}

hf_status hf_login_check_flags(const hf_slot *slot, bool so, const hf_why *why)
{
    CK_TOKEN_INFO info;
    char label[65];
    const char *who = so ? "security officer" : "user";

    hf_slot_label(slot, label);
    CK_RV rv = slot->fn->C_GetTokenInfo(slot->id, &info);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "token \"%s\": C_GetTokenInfo says %s: check that it is connected",
                          label, hf_rv_name(rv));
    if (info.flags & (so ? CKF_SO_PIN_LOCKED : CKF_USER_PIN_LOCKED))
        return hf_why_set(why, HF_ERR_PIN_LOCKED, "token \"%s\": the %s PIN is locked: %s", label, who,
                          so ? "initialise the token anew" : "the security officer must set a new one");
    if (info.flags & (so ? CKF_SO_PIN_FINAL_TRY : CKF_USER_PIN_FINAL_TRY))
        return hf_why_set(
            why, HF_ERR_PIN_LOCKED,
            "token \"%s\": the %s PIN has one try left and it is not risked: log in once by hand with the "
            "right PIN, e.g. pkcs11-tool --login",
            label, who);
    if (!so && !(info.flags & CKF_USER_PIN_INITIALIZED))
        return hf_why_set(why, HF_ERR_PIN_LOCKED,
                          "token \"%s\" has no user PIN yet: the security officer must set one first", label);
    return HF_OK;
}

static bool is_logged_in(const hf_p11_session *session)
{
    CK_SESSION_INFO info;

    return session->fn->C_GetSessionInfo(session->handle, &info) == CKR_OK &&
           (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

static hf_status say_result(CK_RV rv, const char *label, const hf_why *why)
{
    switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        return hf_why_set(
            why, HF_ERR_PIN_INCORRECT,
            "token \"%s\": the PIN is wrong (%s) and is not tried again: correct the PIN source before the "
            "token locks",
            label, hf_rv_name(rv));
    case CKR_PIN_LOCKED:
        return hf_why_set(why, HF_ERR_PIN_LOCKED,
                          "token \"%s\": the user PIN is locked: the security officer must set a new one", label);
    default:
        return hf_why_set(why, hf_rv_status(rv), "token \"%s\": C_Login says %s: check the token", label,
                          hf_rv_name(rv));
    }
}

/* The entry is busy, so nobody else reads or writes its memory of wrong PINs. */
static hf_status login_with_pin(hf_login *entry, const hf_slot *slot, const hf_p11_session *session,
                                const hf_pin_source *source, const hf_why *why)
{
    hf_pin pin;
    uint8_t digest[DIGEST_SIZE] = {0};
    char label[65];
    char what[96];

    hf_slot_label(slot, label);
    (void)snprintf(what, sizeof what, "PIN of token \"%s\"", label);
    if (entry->wrong_n == WRONG_PINS_MAX)
        return hf_why_set(
            why, HF_ERR_PIN_INCORRECT,
            "token \"%s\": %d different PINs were wrong: no more are tried in this process: restart with the "
            "right one",
            label, WRONG_PINS_MAX);
    hf_status status = hf_pin_read(source, what, &pin, why);
    if (status != HF_OK)
        return status;
    status = digest_pin(&pin, digest);
    if (status != HF_OK)
        (void)hf_why_set(why, status, "libcrypto failed while the PIN was read");
    for (unsigned i = 0; i < entry->wrong_n && status == HF_OK; i++)
        if (hf_ct_equal(entry->wrong[i], digest, sizeof digest))
            status =
                hf_why_set(why, HF_ERR_PIN_INCORRECT,
                           "token \"%s\": the token has refused this PIN before and it is not tried again: correct "
                           "the PIN source",
                           label);
    if (status == HF_OK) {
        CK_RV rv = session->fn->C_Login(session->handle, CKU_USER, (CK_UTF8CHAR_PTR)pin.text, pin.len);
        if (rv == CKR_OK)
            entry->ours = true;
        else if (rv != CKR_USER_ALREADY_LOGGED_IN)
            status = say_result(rv, label, why);
        if (status == HF_ERR_PIN_INCORRECT)
            memcpy(entry->wrong[entry->wrong_n++], digest, sizeof digest);
    }
    hf_wipe(digest, sizeof digest);
    hf_pin_cleanup(&pin);
    return status;
}

hf_status hf_login_acquire(const hf_slot *slot, const hf_p11_session *session, const hf_pin_source *source,
                           hf_login **out, const hf_why *why)
{
    char label[65];

    *out = NULL;
    if (!(slot->info.flags & CKF_LOGIN_REQUIRED))
        return HF_OK;
    hf_slot_label(slot, label);
    hf_login *entry = enter(slot);
    if (!entry)
        return hf_why_set(why, HF_ERR_LIMIT, "more than %d tokens in one process", LOGINS_MAX);
    hf_status status = HF_OK;
    if (!is_logged_in(session)) {
        status = hf_login_check_flags(slot, false, why);
        if (status == HF_OK && (slot->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)) {
            CK_RV rv = session->fn->C_Login(session->handle, CKU_USER, NULL, 0); /* the token has a PIN pad */
            if (rv == CKR_OK)
                entry->ours = true;
            else if (rv != CKR_USER_ALREADY_LOGGED_IN)
                status = say_result(rv, label, why);
        } else if (status == HF_OK) {
            status = login_with_pin(entry, slot, session, source, why);
        }
    }
    leave(entry, status != HF_OK);
    if (status == HF_OK)
        *out = entry;
    return status;
}

void hf_login_release(hf_login *login, const hf_p11_session *session)
{
    if (!login)
        return;
    pthread_mutex_lock(&lock);
    while (login->busy)
        pthread_cond_wait(&changed, &lock);
    login->busy = true;
    bool out = --login->refs == 0 && login->ours;
    pthread_mutex_unlock(&lock);
    if (out) {
        (void)session->fn->C_Logout(session->handle);
        login->ours = false;
    }
    leave(login, false);
}
