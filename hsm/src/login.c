/* The process-wide table of logins.
 *
 * A login belongs to the process and the token, not to a session, so it is counted here. The mutex guards the table
 * only: while one thread talks to the token the entry is marked busy and others wait on the condition. Of a wrong PIN
 * only a salted digest is kept, to know it again. */
#include "login.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handfast/secret.h"

#define LOGINS_MAX 64    /* tokens that one process logs in to */
#define BUSY_WAIT_S 30   /* for a login that another thread has begun */
#define WRONG_PINS_MAX 3 /* different wrong PINs for one token; afterwards none is tried */
#define DIGEST_SIZE 32
#define SALT_SIZE 32

struct hf_login {
    bool used;
    char module[256];
    CK_UTF8CHAR identity[32 + 32 + 16 + 16]; /* label, manufacturer, model, serial: the slot may change */
    bool busy;                               /* a thread is talking to the token about this entry */
    bool ours;                               /* we logged in, so we log out */
    unsigned refs;
    unsigned wrong_n;
    uint8_t wrong[WRONG_PINS_MAX][DIGEST_SIZE];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* of CLOCK_REALTIME: only to end a wait some time */
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
    memcpy(out->identity, slot->info.label, 32);
    memcpy(out->identity + 32, slot->info.manufacturerID, 32);
    memcpy(out->identity + 64, slot->info.model, 16);
    memcpy(out->identity + 80, slot->info.serialNumber, 16);
}

/* Waits, under the lock, until nobody talks to the token about the entry, and marks it busy. A thread that hangs in
 * C_Login must not hold up all others for ever. */
static bool claim(hf_login *entry)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BUSY_WAIT_S;
    while (entry->busy)
        if (pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT && entry->busy)
            return false;
    entry->busy = true;
    return true;
}

/* The entry for the token, marked busy and counted; NULL when the table is full or another thread hangs. */
static hf_login *enter(const hf_slot *slot)
{
    hf_login mine;
    hf_login *entry = NULL;

    identify(slot, &mine);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < LOGINS_MAX && !entry; i++)
        if (logins[i].used && strcmp(logins[i].module, mine.module) == 0 &&
            memcmp(logins[i].identity, mine.identity, sizeof mine.identity) == 0)
            entry = &logins[i];
    for (size_t i = 0; i < LOGINS_MAX && !entry; i++)
        if (!logins[i].used) {
            entry = &logins[i];
            *entry = mine;
            entry->used = true;
        }
    if (entry && !claim(entry))
        entry = NULL;
    if (entry)
        entry->refs++;
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

/* Reads the PIN unless the token has called this one wrong before. The entry is busy, so nobody else reads or writes
 * its memory of wrong PINs. */
static hf_status take_pin(const hf_login *entry, const char *label, const hf_pin_source *source, hf_pin *out,
                          uint8_t digest[DIGEST_SIZE], const hf_why *why)
{
    char what[96];

    if (entry->wrong_n == WRONG_PINS_MAX)
        return hf_why_set(
            why, HF_ERR_PIN_INCORRECT,
            "token \"%s\": %d different PINs were wrong: no more are tried in this process: restart with the "
            "right one",
            label, WRONG_PINS_MAX);
    (void)snprintf(what, sizeof what, "PIN of token \"%s\"", label);
    hf_status status = hf_pin_read(source, what, out, why);
    if (status != HF_OK)
        return status;
    status = digest_pin(out, digest);
    if (status != HF_OK)
        (void)hf_why_set(why, status, "libcrypto failed while the PIN was read");
    for (unsigned i = 0; i < entry->wrong_n && status == HF_OK; i++)
        if (hf_ct_equal(entry->wrong[i], digest, DIGEST_SIZE))
            status =
                hf_why_set(why, HF_ERR_PIN_INCORRECT,
                           "token \"%s\": the token has refused this PIN before and it is not tried again: correct "
                           "the PIN source",
                           label);
    if (status != HF_OK)
        hf_pin_cleanup(out);
    return status;
}

/* C_Login with the PIN of the source, or on the token's own pad. What the token calls wrong is remembered. */
static CK_RV give_pin(hf_login *entry, CK_USER_TYPE user, const hf_p11_session *session, hf_pin *pin,
                      const uint8_t digest[DIGEST_SIZE])
{
    CK_RV rv = pin ? session->fn->C_Login(session->handle, user, (CK_UTF8CHAR_PTR)pin->text, pin->len)
                   : session->fn->C_Login(session->handle, user, NULL, 0);

    if (pin && hf_rv_status(rv) == HF_ERR_PIN_INCORRECT && entry->wrong_n < WRONG_PINS_MAX)
        memcpy(entry->wrong[entry->wrong_n++], digest, DIGEST_SIZE);
    return rv;
}

/* The entry is busy. */
static hf_status log_in(hf_login *entry, const hf_slot *slot, const hf_p11_session *session,
                        const hf_pin_source *source, const hf_why *why)
{
    uint8_t digest[DIGEST_SIZE] = {0};
    bool pad = slot->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH;
    char label[65];
    hf_pin pin;

    hf_slot_label(slot, label);
    hf_status status = hf_login_check_flags(slot, false, why);
    if (status == HF_OK && !pad)
        status = take_pin(entry, label, source, &pin, digest, why);
    if (status != HF_OK)
        return status;
    CK_RV rv = give_pin(entry, CKU_USER, session, pad ? NULL : &pin, digest);
    if (rv == CKR_OK)
        entry->ours = true;
    else if (rv != CKR_USER_ALREADY_LOGGED_IN)
        status = say_result(rv, label, why);
    hf_wipe(digest, sizeof digest);
    if (!pad)
        hf_pin_cleanup(&pin);
    return status;
}

hf_status hf_login_acquire(const hf_slot *slot, const hf_p11_session *session, const hf_pin_source *source,
                           hf_login **out, bool *out_again, const hf_why *why)
{
    char label[65];

    *out = NULL;
    *out_again = false;
    if (!(slot->info.flags & CKF_LOGIN_REQUIRED))
        return HF_OK;
    hf_slot_label(slot, label);
    hf_login *entry = enter(slot);
    if (!entry)
        return hf_why_set(why, HF_ERR_LIMIT,
                          "token \"%s\": more than %d tokens in one process, or a login that does not end", label,
                          LOGINS_MAX);
    hf_status status = HF_OK;
    if (!is_logged_in(session)) {
        status = log_in(entry, slot, session, source, why);
        *out_again = status == HF_OK;
    }
    leave(entry, status != HF_OK);
    if (status == HF_OK)
        *out = entry;
    return status;
}

hf_status hf_login_renew(hf_login *login, const hf_slot *slot, const hf_p11_session *session,
                         const hf_pin_source *source, bool *out_again, const hf_why *why)
{
    *out_again = false;
    if (!login || is_logged_in(session))
        return HF_OK;
    pthread_mutex_lock(&lock);
    bool mine = claim(login);
    pthread_mutex_unlock(&lock);
    if (!mine)
        return hf_why_set(why, HF_ERR_TIMEOUT, "another thread's login does not end");
    hf_status status = HF_OK;
    if (!is_logged_in(session)) {
        status = log_in(login, slot, session, source, why);
        *out_again = status == HF_OK;
    }
    leave(login, false);
    return status;
}

/* CKR_PIN_LOCKED when it is, or may be after one more mistake. The session knows its slot, wherever the token is now.
 */
static CK_RV pin_is_safe(const hf_p11_session *session)
{
    CK_SESSION_INFO where;
    CK_TOKEN_INFO token;

    CK_RV rv = session->fn->C_GetSessionInfo(session->handle, &where);
    if (rv == CKR_OK)
        rv = session->fn->C_GetTokenInfo(where.slotID, &token);
    if (rv == CKR_OK && (token.flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)))
        rv = CKR_PIN_LOCKED;
    return rv;
}

CK_RV hf_authenticate(const hf_p11_session *session)
{
    const hf_key_auth *auth = session->auth;
    uint8_t digest[DIGEST_SIZE] = {0};
    hf_pin pin;

    pthread_mutex_lock(&lock);
    bool mine = claim(auth->login);
    pthread_mutex_unlock(&lock);
    if (!mine)
        return CKR_USER_NOT_LOGGED_IN;
    CK_RV rv = pin_is_safe(session);
    if (rv == CKR_OK && auth->pad) {
        rv = give_pin(auth->login, CKU_CONTEXT_SPECIFIC, session, NULL, digest);
    } else if (rv == CKR_OK && take_pin(auth->login, "", &auth->source, &pin, digest, NULL) == HF_OK) {
        rv = give_pin(auth->login, CKU_CONTEXT_SPECIFIC, session, &pin, digest);
        hf_pin_cleanup(&pin);
    } else if (rv == CKR_OK) {
        rv = CKR_PIN_INCORRECT;
    }
    hf_wipe(digest, sizeof digest);
    leave(auth->login, false);
    return rv;
}

void hf_login_release(hf_login *login, const hf_p11_session *session)
{
    if (!login)
        return;
    pthread_mutex_lock(&lock);
    bool mine = claim(login);
    bool out = --login->refs == 0 && login->ours && mine;
    pthread_mutex_unlock(&lock);
    if (!mine)
        return;
    if (out && session->handle != CK_INVALID_HANDLE) {
        (void)session->fn->C_Logout(session->handle);
        login->ours = false;
    }
    leave(login, false);
}
