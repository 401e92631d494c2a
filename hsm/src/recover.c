/* Room `recover`: from nothing, or from a session, login or token that was lost, to a session that works and to the key
 * that we mean.
 *
 * What is told of a lost token is unreliable, so each step asks anew: session on the slot we know; else the slot that
 * the URI names now; the login if the token has forgotten it (the PIN is read again from its source); the key by its
 * URI; and that it is the same key, by its public half and by one operation. */
#include <string.h>

#include "key.h"

/* The token is not where it was: sessions are gone with it (PKCS#11 v2.40 section 5.6). */
static bool is_gone(CK_RV rv)
{
    return rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
           rv == CKR_TOKEN_NOT_RECOGNIZED || rv == CKR_SLOT_ID_INVALID;
}

static bool is_dead(CK_RV rv)
{
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || is_gone(rv);
}

/* What one connection changes; committed at its end, if it is still ours to do. */
typedef struct change {
    hf_modules modules;
    hf_slot slot;
    hf_login *login;
    bool found;     /* modules and slot are new */
    bool fresh;     /* sessions and handles of before must be made anew */
    bool voided;    /* and those sessions exist no more */
    bool logged_in; /* C_Login was called and succeeded */
    bool full;      /* CKR_SESSION_COUNT */
} change;

static CK_RV open_session(const hf_slot *slot, hf_p11_session *out)
{
    *out = (hf_p11_session){.fn = slot->fn, .handle = CK_INVALID_HANDLE};
    return slot->fn->C_OpenSession(slot->id, CKF_SERIAL_SESSION, NULL, NULL, &out->handle);
}

static hf_status say_no_session(const hf_slot *slot, CK_RV rv, const hf_why *why)
{
    char label[HF_HSM_LABEL_SIZE];

    hf_slot_label(slot, label);
    return hf_why_set(why, hf_rv_status(rv), "token \"%s\": C_OpenSession says %s: %s", label, hf_rv_name(rv),
                      rv == CKR_SESSION_COUNT ? "other programs hold all its sessions: stop one"
                                              : "check that it is connected");
}

/* Loads the module if need be, looks for the token, opens a session there. */
static hf_status search(hf_pool *pool, change *c, CK_RV before, hf_p11_session *session, const hf_why *why)
{
    hf_status status = HF_OK;

    if (!c->modules.list)
        status = hf_modules_open(&c->modules, pool->module, pool->module_args, why);
    else if (before == CKR_CRYPTOKI_NOT_INITIALIZED)
        status = hf_modules_revive(c->slot.fn, why);
    if (status == HF_OK)
        status = hf_uri_find_token(pool->uri, c->modules.list, &c->slot, why);
    if (status != HF_OK)
        return status;
    c->found = true;
    CK_RV rv = open_session(&c->slot, session);
    c->full = rv == CKR_SESSION_COUNT;
    return rv == CKR_OK ? HF_OK : say_no_session(&c->slot, rv, why);
}

static hf_status log_in(hf_pool *pool, change *c, const hf_p11_session *session, bool prompt, const hf_why *why)
{
    const hf_pin_source source = {
        .file = pool->pin_file, .uri_file = pool->pin_uri_file, .credential = "handfast-pin", .prompt = prompt};

    hf_status status = c->login ? hf_login_renew(c->login, &c->slot, session, &source, &c->logged_in, why)
                                : hf_login_acquire(&c->slot, session, &source, &c->login, &c->logged_in, why);
    if (status == HF_ERR_PIN_SOURCE && !prompt && pool->generation)
        hf_why_add(why, " (a PIN that was typed in is not kept: restart, or give --pin-source FILE)");
    return status;
}

/* The new session comes first, because with its last session a token forgets the login. */
static CK_RV replace_session(const hf_slot *slot, const hf_p11_session *old, hf_p11_session *out, bool *out_dead)
{
    CK_RV rv = open_session(slot, out);

    *out_dead = false;
    if (old->handle == CK_INVALID_HANDLE)
        return rv;
    if (rv == CKR_OK && out->handle == old->handle) { /* the number was free: the token has started anew */
        *out_dead = true;
        return rv;
    }
    *out_dead = is_dead(old->fn->C_CloseSession(old->handle));
    return rv == CKR_SESSION_COUNT ? open_session(slot, out) : rv;
}

/* Without the lock, alone at it. */
static hf_status connect_now(hf_pool *pool, change *c, const hf_p11_session *old, hf_p11_session *session, bool prompt,
                             const hf_why *why)
{
    bool known = c->slot.fn != NULL;
    bool was_dead = false;
    CK_RV rv = known ? replace_session(&c->slot, old, session, &was_dead) : CKR_TOKEN_NOT_PRESENT;
    hf_status status = HF_OK;

    c->full = rv == CKR_SESSION_COUNT;
    if (c->full)
        return say_no_session(&c->slot, rv, why);
    if (rv != CKR_OK) {
        status = search(pool, c, known ? rv : CKR_OK, session, why);
        c->fresh = true;
        c->voided = is_gone(rv);
    }
    if (status == HF_OK)
        status = log_in(pool, c, session, prompt, why);
    if (c->logged_in) {
        c->fresh = true;
        c->voided = c->voided || was_dead; /* a login lives as long as any session does */
    }
    return status;
}

/* Under the lock. */
static void learn_limit(hf_pool *pool, const change *c)
{
    CK_ULONG max = c->slot.info.ulMaxSessionCount;

    pool->sessions_limit = pool->session_max;
    if (max != CK_UNAVAILABLE_INFORMATION && max != CK_EFFECTIVELY_INFINITE &&
        (!pool->sessions_limit || max < pool->sessions_limit))
        pool->sessions_limit = (unsigned)max;
}

/* Under the lock. */
static void commit(hf_pool *pool, const change *c, hf_status status, bool again)
{
    unsigned open = 0;

    pool->modules = c->modules;
    if (pool->modules.list && !pool->modules.configured)
        pool->modules.list = pool->modules.single; /* it points into itself */
    pool->login = c->login;
    if (c->found) {
        pool->slot = c->slot;
        hf_slot_label(&c->slot, pool->label);
        learn_limit(pool, c);
    }
    if (status == HF_OK && c->fresh) {
        pool->generation++;
        if (c->voided)
            pool->void_below = pool->generation;
    }
    if (status == HF_OK && c->logged_in)
        pool->stats.logins++;
    if (status == HF_OK && again)
        pool->stats.reconnects++;
    for (const hf_worker_thread *w = pool->workers; w; w = w->next)
        open += w->open;
    if (c->full && open > 0)
        pool->sessions_limit = open;
    pool->connecting = NULL;
    pthread_cond_broadcast(&pool->connected);
}

/* Under the lock: until nobody else connects, or somebody hangs in it, who then has lost that right. */
static void wait_for_turn(hf_pool *pool)
{
    const uint64_t longest = (uint64_t)HF_POOL_PROBE_MAX_MS * 1000;

    while (pool->connecting && hf_now_us() < pool->connecting_us + longest)
        hf_hub_wait(&pool->connected, pool->connecting_us + longest);
}

/* Of a thread that was given up meanwhile, and so commits nothing: what it has come to goes. */
static void undo(change *c, bool had_modules, bool had_login, hf_p11_session *session)
{
    if (!had_login)
        hf_login_release(c->login, session);
    if (session->handle != CK_INVALID_HANDLE)
        (void)session->fn->C_CloseSession(session->handle);
    session->handle = CK_INVALID_HANDLE;
    if (!had_modules)
        hf_modules_close(&c->modules);
}

hf_status hf_connect(hf_pool *pool, hf_p11_session *session, uint64_t *generation, bool prompt, const hf_why *why)
{
    hf_p11_session old = *session;

    hf_hub_lock();
    wait_for_turn(pool);
    pool->connecting = session;
    pool->connecting_us = hf_now_us();
    change c = {.modules = pool->modules, .slot = pool->slot, .login = pool->login};
    if (c.modules.list && !c.modules.configured)
        c.modules.list = c.modules.single;
    bool had_modules = c.modules.list != NULL, had_login = c.login != NULL;
    if (*generation < pool->void_below)
        old.handle = CK_INVALID_HANDLE; /* gone already, and its number may be another's by now */
    hf_hub_unlock();

    session->handle = CK_INVALID_HANDLE;
    hf_status status = connect_now(pool, &c, &old, session, prompt, why);
    if (status != HF_OK && session->handle != CK_INVALID_HANDLE) {
        (void)session->fn->C_CloseSession(session->handle);
        session->handle = CK_INVALID_HANDLE;
    }
    hf_hub_lock();
    bool ours = pool->connecting == session;
    if (ours) {
        commit(pool, &c, status, *generation != 0);
        *generation = pool->generation;
    }
    hf_hub_unlock();
    if (ours)
        return status;
    undo(&c, had_modules, had_login, session);
    return hf_why_set(why, HF_ERR_TIMEOUT, "the token's answer came too late: check that it is not overloaded");
}

hf_token hf_pool_token(hf_pool *pool, const hf_p11_session *session)
{
    hf_token token = {.session = *session};

    hf_hub_lock();
    token.slot = pool->slot;
    token.login = pool->login;
    hf_hub_unlock();
    return token;
}

/* Under no lock: what came of looking for the key, and of its first trials (NULL: there were none). Two threads may
 * have made these: a probe, and one that was given up and came back. */
static void settle(hf_member *member, const hf_member *tried, hf_status status, CK_OBJECT_HANDLE handle,
                   uint64_t generation)
{
    bool lost = status == HF_ERR_NOT_FOUND || status == HF_ERR_AMBIGUOUS || status == HF_ERR_KEY_MISMATCH ||
                status == HF_ERR_KEY_UNUSABLE || status == HF_ERR_KEY_UNSAFE;

    hf_hub_lock();
    if (status == HF_OK && tried && !member->ready) {
        member->usable = tried->usable;
        member->facts = tried->facts;
        member->decrypt = tried->decrypt;
        member->auth = tried->auth;
    }
    if (status == HF_OK) {
        member->handle = handle;
        member->generation = generation;
        member->lost = false;
        member->ready = true;
    } else if (lost) {
        member->lost = true;
        member->lost_status = status;
    }
    hf_hub_unlock();
}

/* Another key under the same name is never used. */
static hf_status compare(const hf_member *member, const hf_token *token, CK_OBJECT_HANDLE handle, const hf_why *why)
{
    const hf_pubkey *mine = &member->key->pub;
    char label[HF_HSM_LABEL_SIZE];
    hf_pubkey now = {.pkey = NULL};

    hf_status status = hf_pubkey_read(&token->session, handle, &now, why);
    if (status != HF_OK)
        return status;
    if (now.spki_len != mine->spki_len || memcmp(now.spki, mine->spki, mine->spki_len) != 0) {
        hf_slot_label(&token->slot, label);
        status = hf_why_set(why, HF_ERR_KEY_MISMATCH,
                            "the key in token \"%s\" is another one than that of %s: name the same key in every token",
                            label, member->key->label ? member->key->label : "the first token");
    }
    hf_pubkey_cleanup(&now);
    return status;
}

hf_status hf_member_find(hf_member *member, const hf_p11_session *session, uint64_t generation, const hf_why *why)
{
    hf_token token = hf_pool_token(member->pool, session);
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

    token.session.auth = member->facts.always_authenticate ? &member->auth : NULL;
    hf_status status = hf_token_find_key(&token, member->uri, &handle, why);
    if (status == HF_OK)
        status = compare(member, &token, handle, why);
    if (status == HF_OK)
        status = hf_token_prove_key(&token, handle, &member->key->pub, &member->usable, why);
    settle(member, NULL, status, handle, generation);
    return status;
}

/* The PIN must be at hand without anybody to type it. */
static hf_status prepare_auth(hf_member *member, hf_token *token, const hf_why *why)
{
    hf_pin pin;

    if (!member->facts.always_authenticate)
        return HF_OK;
    member->auth = (hf_key_auth){.login = token->login,
                                 .source = {.file = member->pool->pin_file,
                                            .uri_file = member->pool->pin_uri_file,
                                            .credential = "handfast-pin"},
                                 .pad = token->slot.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH};
    token->session.auth = &member->auth;
    if (!token->login)
        return hf_why_set(why, HF_ERR_KEY_UNUSABLE,
                          "the key wants its PIN for every operation (CKA_ALWAYS_AUTHENTICATE), and its token knows "
                          "none: use a key without it");
    if (member->auth.pad)
        return HF_OK;
    hf_status status =
        hf_pin_read(&member->auth.source,
                    "the key wants its PIN for every operation (CKA_ALWAYS_AUTHENTICATE): a file with it", &pin, why);
    if (status == HF_OK)
        hf_pin_cleanup(&pin);
    return status;
}

/* As the token was before our login, which has put the count back. */
static void tell_count_low(hf_hsm_key *k, const hf_slot *slot)
{
    char label[HF_HSM_LABEL_SIZE];
    char line[160];
    const hf_why why = {line, sizeof line};

    if (!(slot->info.flags & CKF_USER_PIN_COUNT_LOW) || !k->on_notice)
        return;
    hf_slot_label(slot, label);
    (void)hf_why_set(&why, HF_OK, "token \"%s\": a wrong PIN was tried since the last good login", label);
    if (!hf_hsm_key_enter(k)) /* a thread that hung, and comes back after the key's end */
        return;
    k->on_notice(k->arg, line);
    hf_hsm_key_leave(k);
}

hf_status hf_member_open(hf_member *member, const hf_p11_session *session, uint64_t generation, const hf_why *why)
{
    hf_hsm_key *k = member->key;
    hf_token token = hf_pool_token(member->pool, session);
    hf_member mine = {.key = k, .pool = member->pool};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    bool first = k->pub.spki == NULL;

    hf_status status = hf_token_find_key(&token, member->uri, &handle, why);
    if (status == HF_OK)
        status = hf_token_check_key(&token, handle, k->allow_extractable, &mine.facts, why);
    if (status == HF_OK)
        status = first ? hf_pubkey_read(&token.session, handle, &k->pub, why) : compare(&mine, &token, handle, why);
    if (status == HF_OK && first)
        status = hf_token_certs_read(&token, handle, &k->pub, &k->certs, why);
    if (status == HF_OK)
        status = prepare_auth(&mine, &token, why);
    if (status == HF_OK)
        status = hf_token_probe_key(&token, handle, &k->pub, &mine.usable, why);
    if (status == HF_OK && hf_decrypt_key_init(&mine.decrypt, &k->pub, mine.usable.decrypt) != HF_OK)
        status = hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot encrypt with the public half");
    if (status == HF_OK && !k->label && !(k->label = hf_uri_of_object(&token.slot, &token.session, handle)))
        status = hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    if (status == HF_OK)
        tell_count_low(k, &token.slot);
    if (status != HF_OK && first) {
        hf_token_certs_cleanup(&k->certs);
        hf_pubkey_cleanup(&k->pub);
        memset(&k->pub, 0, sizeof k->pub);
    }
    settle(member, &mine, status, handle, generation);
    return status;
}
