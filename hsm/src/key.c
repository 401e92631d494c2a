/* Room `key`: a private key in one or several tokens as an hf_key.
 *
 * Opening goes: for each URI the pool of its token, session, login, find, check attributes, public half, trial
 * operations; then certificates, threads, the keeper. Releasing goes the other way. */
#include "key.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- The face ---- */

static void key_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    hf_hsm_submit(hf_hsm_key_of(key), op, done, arg);
}

static void key_cancel(hf_key *key, hf_key_done_fn *done, void *arg)
{
    hf_hsm_cancel(hf_hsm_key_of(key), done, arg);
}

static bool key_admits(const hf_key *key)
{
    return hf_hsm_admits(hf_hsm_key_of((hf_key *)(uintptr_t)key));
}

static void key_retain(hf_key *key)
{
    atomic_fetch_add_explicit(&hf_hsm_key_of(key)->refs, 1, memory_order_relaxed);
}

void hf_hsm_key_unhold(hf_hsm_key *k)
{
    if (--k->holds > 0)
        return;
    pthread_cond_destroy(&k->calm);
    hf_jobs_free_spent(k);
    if (k->wake_fd >= 0)
        close(k->wake_fd);
    for (size_t i = 0; i < k->n; i++)
        p11_kit_uri_free(k->members[i].uri);
    hf_token_certs_cleanup(&k->certs);
    hf_pubkey_cleanup(&k->pub);
    free(k->label);
    free(k);
}

static void end_by(hf_job *job, uint64_t by_us)
{
    if (by_us < job->deadline_us)
        job->deadline_us = by_us;
}

/* Under the lock: what still runs, though its operation may be over, ends by then. */
static void hurry(hf_hsm_key *k, uint64_t by_us)
{
    for (hf_job *job = k->first; job; job = job->after)
        end_by(job, by_us);
    for (size_t i = 0; i < k->n && k->members[i].pool; i++)
        for (hf_worker_thread *w = k->members[i].pool->workers; w; w = w->next)
            if (w->current && w->current->job->key == k)
                end_by(w->current->job, by_us);
    hf_keeper_by(k, by_us);
}

/* Takes no more, cancels what waits, and waits for what runs until its deadline, by_us at the latest: the keeper gives
 * up then on threads that have not come back. Once more is nothing. */
static void retire(hf_hsm_key *k, uint64_t by_us)
{
    hf_job *list = NULL;

    hf_hub_lock();
    k->closing = true;
    hf_errands_run(k, &list);
    hf_hsm_cancel_waiting(k, &list);
    hurry(k, by_us);
    for (size_t i = 0; i < k->n && k->listed; i++)
        hf_pool_remove_member(k->members[i].pool, &k->members[i]);
    k->listed = false;
    hf_hub_unlock();
    hf_jobs_deliver(list);
    hf_hub_lock();
    while (k->active > 0)
        hf_hub_wait(&k->calm, 0);
    hf_hub_unlock();
}

bool hf_hsm_key_enter(hf_hsm_key *k)
{
    hf_hub_lock();
    bool open = !k->closing;
    k->active += open;
    hf_hub_unlock();
    return open;
}

void hf_hsm_key_leave(hf_hsm_key *k)
{
    hf_hub_lock();
    if (--k->active == 0)
        pthread_cond_broadcast(&k->calm);
    hf_hub_unlock();
}

/* Gives the tokens back. A thread that hangs in a call holds the memory until it returns. */
static void key_free(hf_hsm_key *k)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000};

    retire(k, UINT64_MAX);
    while (atomic_load(&k->inside) > 0) /* a caller whose operation is over, on its way out */
        (void)nanosleep(&moment, NULL);
    hf_keeper_stop(k);
    for (size_t i = 0; i < k->n; i++)
        if (k->members[i].pool)
            hf_pool_put(k->members[i].pool);
    hf_job *none = NULL;
    hf_hub_lock();
    hf_errands_run(k, &none); /* cancellations of what is over */
    hf_hsm_key_unhold(k);
    hf_hub_unlock();
}

void hf_hsm_key_retire(hf_key *key, unsigned within_ms)
{
    hf_hsm_key *k = hf_hsm_key_of(key);

    if (k)
        retire(k, hf_now_us() + (uint64_t)within_ms * 1000);
}

static void *free_elsewhere(void *arg)
{
    hf_thread_alone();
    key_free(arg);
    return NULL;
}

static void key_release(hf_key *key)
{
    hf_hsm_key *k = hf_hsm_key_of(key);
    pthread_t thread;

    if (atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (!hf_thread_is_ours()) {
        key_free(k);
        return;
    }
    /* The last reference went inside a completion: a thread cannot wait for itself. Without another one the key is left
     * behind, idle; that is better than a hang. */
    (void)hf_thread_start(&thread, free_elsewhere, k);
}

static const hf_key_ops key_ops = {
    .submit = key_submit, .retain = key_retain, .release = key_release, .cancel = key_cancel, .admits = key_admits};

hf_hsm_key *hf_hsm_key_of(hf_key *key)
{
    return key && key->ops == &key_ops ? (hf_hsm_key *)(void *)key : NULL;
}

/* ---- Opening ---- */

/* Schemes of every token that is there: the engine chooses one before it knows which token will sign. */
static void common_usable(hf_hsm_key *k)
{
    bool first = true;

    for (size_t i = 0; i < k->n; i++) {
        const hf_member *m = &k->members[i];
        size_t kept = 0;
        if (!m->ready)
            continue;
        if (first) {
            k->usable = m->usable;
            k->facts = m->facts;
        }
        for (size_t s = 0; !first && k->usable.schemes[s]; s++)
            for (size_t o = 0; m->usable.schemes[o]; o++)
                if (m->usable.schemes[o] == k->usable.schemes[s])
                    k->usable.schemes[kept++] = m->usable.schemes[o];
        if (!first)
            memset(k->usable.schemes + kept, 0, (HF_KEY_SCHEMES_MAX - kept) * sizeof *k->usable.schemes);
        if (m->usable.decrypt == HF_DECRYPT_NONE)
            k->usable.decrypt = HF_DECRYPT_NONE;
        first = false;
    }
}

static void set_face(hf_hsm_key *k)
{
    k->face.ops = &key_ops;
    k->face.label = k->label;
    k->face.where = "token";
    k->face.type = k->pub.type;
    k->face.bits = k->pub.bits;
    k->face.group = k->pub.group;
    memcpy(k->face.schemes, k->usable.schemes, sizeof k->face.schemes);
    k->face.can_decrypt = k->usable.decrypt != HF_DECRYPT_NONE;
    k->face.spki = k->pub.spki;
    k->face.spki_len = k->pub.spki_len;
}

static hf_status init_member(hf_hsm_key *k, const hf_hsm_options *options, const char *text, const hf_why *why)
{
    static uint64_t ids; /* hub */
    hf_member *m = &k->members[k->n];

    hf_status status = hf_uri_parse(text, &m->uri, why);
    if (status != HF_OK)
        return status;
    m->key = k;
    m->index = k->n++;
    m->pool = hf_pool_get(options, m->uri);
    hf_hub_lock();
    m->id = ++ids;
    hf_hub_unlock();
    if (!m->pool)
        return hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < m->index; i++)
        if (k->members[i].pool == m->pool)
            return hf_why_set(why, HF_ERR_INVALID, "the same token twice: name each token once for a key");
    return HF_OK;
}

/* On a session of one of the pool's threads. */
static hf_status open_borrowing(hf_member *m, const hf_why *why)
{
    const hf_token token = hf_pool_token(m->pool, &(hf_p11_session){.handle = CK_INVALID_HANDLE});
    char label[HF_HSM_LABEL_SIZE];
    hf_p11_session session;
    uint64_t generation;

    hf_slot_label(&token.slot, label);
    if (!hf_pool_borrow(m->pool, &session, &generation))
        return hf_why_set(why, HF_ERR_TIMEOUT,
                          "token \"%s\": this program has all sessions that it gives, and none was free in time",
                          label);
    hf_status status = hf_member_open(m, &session, generation, why);
    hf_pool_return(m->pool);
    return status;
}

/* One token: connected, its key looked at, its threads started. */
static hf_status open_member(hf_member *m, bool prompt, const hf_why *why)
{
    hf_p11_session session = {.handle = CK_INVALID_HANDLE};
    uint64_t generation = 0;

    if (hf_pool_is_full(m->pool))
        return open_borrowing(m, why);
    hf_status status = hf_connect(m->pool, &session, &generation, prompt, why);
    if (status != HF_OK && hf_pool_is_full(m->pool)) /* which was not known before */
        return open_borrowing(m, why);
    if (status == HF_OK)
        status = hf_member_open(m, &session, generation, why);
    if (status == HF_OK)
        return hf_pool_start(m->pool, &session, generation, why);
    if (session.handle != CK_INVALID_HANDLE) {
        hf_hub_lock();
        bool kept = m->pool->spare.handle == CK_INVALID_HANDLE && !m->pool->workers; /* else others keep the login */
        if (kept)
            m->pool->spare = session;
        hf_hub_unlock();
        if (!kept)
            (void)session.fn->C_CloseSession(session.handle);
    }
    return status;
}

/* What another token may make up for. All else is a mistake that the operator should hear of. */
static bool is_absence(hf_status status)
{
    return status == HF_ERR_TOKEN_ABSENT || status == HF_ERR_TOKEN || status == HF_ERR_MODULE ||
           status == HF_ERR_TIMEOUT;
}

/* Opens each; those that are away are started as such, in the hope that they come. */
static hf_status open_members(hf_hsm_key *k, bool prompt, const hf_why *why)
{
    char first[512] = "";
    char text[512];
    const hf_why mine = {text, sizeof text};
    hf_status first_status = HF_OK;
    size_t there = 0;

    for (size_t i = 0; i < k->n; i++) {
        text[0] = 0;
        hf_status status = open_member(&k->members[i], prompt, k->n == 1 ? why : &mine);
        if (k->n == 1 || (status != HF_OK && !is_absence(status)))
            return k->n == 1 ? status : hf_why_set(why, status, "%s", text);
        there += status == HF_OK;
        if (status != HF_OK && first_status == HF_OK) {
            first_status = status;
            memcpy(first, text, sizeof first);
        }
        if (text[0])
            hf_why_add(why, "%s%s%s", why->text && why->text[0] ? "; " : "",
                       status == HF_OK ? "" : "not there now, and tried again in the background: ", text);
    }
    if (there == 0)
        return hf_why_set(why, first_status, "%s", first);
    for (size_t i = 0; i < k->n; i++) {
        hf_p11_session none = {.handle = CK_INVALID_HANDLE};
        if (!k->members[i].ready && hf_pool_start(k->members[i].pool, &none, 0, NULL) != HF_OK)
            return hf_why_set(why, HF_ERR_LIMIT, "no thread can be started: raise the limit on processes");
    }
    return HF_OK;
}

static hf_status open_key(hf_hsm_key *k, const hf_hsm_options *options, const char *const *uris, size_t n,
                          const hf_why *why)
{
    hf_status status = HF_OK;

    for (size_t i = 0; i < n && status == HF_OK; i++)
        status = init_member(k, options, uris[i], why);
    if (status == HF_OK)
        status = open_members(k, options->prompt, why);
    if (status != HF_OK)
        return status;
    common_usable(k);
    if (!k->usable.schemes[0] && k->usable.decrypt == HF_DECRYPT_NONE)
        return hf_why_set(why, HF_ERR_KEY_UNUSABLE, "the tokens have no signature scheme for the key in common");
    if (EVP_Digest(k->pub.spki, k->pub.spki_len, k->spki_sha256, NULL, EVP_sha256(), NULL) != 1)
        return hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot hash");
    set_face(k);
    hf_hub_lock();
    for (size_t i = 0; i < k->n; i++)
        hf_pool_add_member(k->members[i].pool, &k->members[i]);
    k->listed = true;
    hf_hub_unlock();
    return hf_keeper_start(k, why);
}

static hf_hsm_key *make(const hf_hsm_options *options)
{
    hf_hsm_key *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    unsigned timeout_ms = options->operation_timeout_ms ? options->operation_timeout_ms : HF_HSM_OPERATION_TIMEOUT_MS;
    k->timeout_us = (uint64_t)timeout_ms * 1000;
    k->allow_extractable = options->allow_extractable;
    k->hedge_percentile = options->hedge_percentile;
    k->on_use = options->on_use;
    k->on_notice = options->on_notice;
    k->arg = options->arg;
    k->holds = 1;
    atomic_init(&k->refs, 1);
    atomic_init(&k->errands, NULL);
    atomic_init(&k->spent, NULL);
    atomic_init(&k->inside, 0);
    atomic_init(&k->admits, true);
    atomic_init(&k->refused, 0);
    hf_hub_cond_init(&k->calm);
    k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return k;
}

static hf_status check_options(const hf_hsm_options *options, size_t n, const hf_why *why)
{
    if (n < 1 || n > HF_HSM_TOKENS_MAX)
        return hf_why_set(why, HF_ERR_INVALID, "a key in %zu tokens: 1 to %d are possible", n, HF_HSM_TOKENS_MAX);
    if (options->threads > HF_HSM_THREADS_MAX)
        return hf_why_set(why, HF_ERR_INVALID, "more than %d threads for one key", HF_HSM_THREADS_MAX);
    if (options->operation_timeout_ms > HF_HSM_OPERATION_TIMEOUT_MAX_MS)
        return hf_why_set(why, HF_ERR_INVALID, "a deadline of more than %d ms for an operation",
                          HF_HSM_OPERATION_TIMEOUT_MAX_MS);
    if (options->hedge_percentile && (options->hedge_percentile < 50 || options->hedge_percentile > 99))
        return hf_why_set(why, HF_ERR_INVALID, "a hedge percentile of %u: 50 to 99 are possible, 0 is off",
                          options->hedge_percentile);
    return HF_OK;
}

hf_status hf_hsm_key_open_any(const hf_hsm_options *options, const char *const *uris, size_t n, hf_key **out,
                              char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};

    *out = NULL;
    hf_why_set(&why, HF_OK, "%s", "");
    hf_status status = check_options(options, n, &why);
    if (status != HF_OK)
        return status;
    hf_hsm_key *k = make(options);
    if (!k)
        return hf_why_set(&why, HF_ERR_NO_MEMORY, "out of memory");
    status = open_key(k, options, uris, n, &why);
    if (status == HF_OK)
        *out = &k->face;
    else
        key_free(k);
    return status;
}

hf_status hf_hsm_key_open(const hf_hsm_options *options, const char *uri, hf_key **out, char *why, size_t why_max)
{
    return hf_hsm_key_open_any(options, &uri, 1, out, why, why_max);
}

/* ---- Looking at it ---- */

hf_status hf_hsm_key_stats(hf_key *key, hf_hsm_stats *out)
{
    hf_hsm_key *k = hf_hsm_key_of(key);

    memset(out, 0, sizeof *out);
    if (!k)
        return HF_ERR_INVALID;
    hf_hub_lock();
    out->refused = atomic_load(&k->refused);
    out->n = k->n;
    for (size_t i = 0; i < k->n; i++)
        hf_pool_snapshot(k->members[i].pool, &out->tokens[i]);
    hf_hub_unlock();
    return HF_OK;
}

hf_status hf_hsm_key_certs(hf_key *key, hf_status (*each)(void *arg, const uint8_t *der, size_t len), void *arg)
{
    hf_hsm_key *k = hf_hsm_key_of(key);

    if (!k)
        return HF_ERR_INVALID;
    if (k->certs.n == 0)
        return HF_ERR_NOT_FOUND;
    for (size_t i = 0; i < k->certs.n; i++) {
        hf_status status = each(arg, k->certs.der[i], k->certs.len[i]);
        if (status != HF_OK)
            return status;
    }
    return HF_OK;
}

hf_status hf_hsm_key_borrow(hf_hsm_key *k, bool write, hf_token *out, CK_OBJECT_HANDLE *out_handle, const hf_why *why)
{
    const hf_p11_session none = {.handle = CK_INVALID_HANDLE};
    hf_member *m = &k->members[0];
    hf_p11_session session;

    for (size_t i = 1; i < k->n && !m->ready; i++)
        m = &k->members[i];
    *out = hf_pool_token(m->pool, &none);
    CK_RV rv = hf_token_session(out, write, &session);
    if (rv != CKR_OK)
        return hf_why_set(why, hf_rv_status(rv), "the token gives no session: it says %s", hf_rv_name(rv));
    session.auth = m->facts.always_authenticate ? &m->auth : NULL;
    out->session = session;
    hf_hub_lock();
    *out_handle = m->handle;
    hf_hub_unlock();
    return HF_OK;
}

void hf_hsm_key_give_back(hf_token *token)
{
    (void)token->session.fn->C_CloseSession(token->session.handle);
}
