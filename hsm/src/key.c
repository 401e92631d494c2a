/* Room `key`: a private key in a token as an hf_key.
 *
 * Opening goes: module, token, session, login, find, check attributes, public half, trial operations, certificates,
 * worker threads. Releasing goes the other way. Afterwards only the workers talk to the token. */
#include "key.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_DEFAULT_MAX 8

static void key_submit(hf_key *key, hf_key_op *op, hf_key_done_fn *done, void *arg)
{
    hf_token_pool_submit(hf_hsm_key_of(key)->pool, op, done, arg);
}

static void key_retain(hf_key *key)
{
    atomic_fetch_add_explicit(&hf_hsm_key_of(key)->refs, 1, memory_order_relaxed);
}

static void key_free(hf_hsm_key *k)
{
    hf_token_pool_free(k->pool);
    hf_token_certs_cleanup(&k->certs);
    hf_pubkey_cleanup(&k->pub);
    hf_token_close(&k->token);
    free(k->label);
    free(k);
}

static void *free_elsewhere(void *arg)
{
    key_free(arg);
    return NULL;
}

static void key_release(hf_key *key)
{
    hf_hsm_key *k = hf_hsm_key_of(key);
    pthread_t thread;

    if (atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (!hf_token_pool_is_worker(k->pool)) {
        key_free(k);
        return;
    }
    /* The last reference went inside a completion: a worker cannot wait for itself. Without a thread the key is left
     * behind, idle; that is better than a hang. */
    if (pthread_create(&thread, NULL, free_elsewhere, k) == 0)
        (void)pthread_detach(thread);
}

static const hf_key_ops key_ops = {.submit = key_submit, .retain = key_retain, .release = key_release};

hf_hsm_key *hf_hsm_key_of(hf_key *key)
{
    return key && key->ops == &key_ops ? (hf_hsm_key *)(void *)key : NULL;
}

static unsigned choose_threads(unsigned wanted)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (wanted)
        return wanted;
    return cpus < 1 ? 1 : cpus > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX : (unsigned)cpus;
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

static hf_status open_key(hf_hsm_key *k, const hf_hsm_options *options, P11KitUri *uri, const hf_why *why)
{
    hf_status status = hf_token_open(options, uri, false, true, &k->token, why);
    if (status == HF_OK)
        status = hf_token_find_key(&k->token, uri, &k->handle, why);
    if (status == HF_OK)
        status = hf_token_check_key(&k->token, k->handle, options->allow_extractable, why);
    if (status == HF_OK)
        status = hf_pubkey_read(&k->token.session, k->handle, &k->pub, why);
    if (status == HF_OK)
        status = hf_token_certs_read(&k->token, k->handle, &k->pub, &k->certs, why);
    if (status == HF_OK)
        status = hf_token_probe_key(&k->token, k->handle, &k->pub, &k->usable, why);
    if (status == HF_OK && !(k->label = hf_uri_of_object(&k->token.slot, &k->token.session, k->handle)))
        status = hf_why_set(why, HF_ERR_NO_MEMORY, "out of memory");
    if (status == HF_OK && EVP_Digest(k->pub.spki, k->pub.spki_len, k->spki_sha256, NULL, EVP_sha256(), NULL) != 1)
        status = hf_why_set(why, HF_ERR_CRYPTO, "libcrypto cannot hash");
    if (status != HF_OK)
        return status;
    hf_pool_watch watch = {
        .on_use = options->on_use, .arg = options->arg, .key = k->label, .spki_sha256 = k->spki_sha256};
    hf_slot_label(&k->token.slot, watch.token);
    return hf_token_pool_new(&k->token, k->handle, &k->pub, k->usable.decrypt, choose_threads(options->threads), &watch,
                             &k->pool, why);
}

hf_status hf_hsm_key_open(const hf_hsm_options *options, const char *text, hf_key **out, char *why_text, size_t why_max)
{
    const hf_why why = {.text = why_text, .max = why_max};
    P11KitUri *uri = NULL;

    *out = NULL;
    hf_why_set(&why, HF_OK, "%s", "");
    if (options->threads > HF_HSM_THREADS_MAX)
        return hf_why_set(&why, HF_ERR_INVALID, "more than %d threads for one key", HF_HSM_THREADS_MAX);
    hf_status status = hf_uri_parse(text, &uri, &why);
    if (status != HF_OK)
        return status;
    hf_hsm_key *k = calloc(1, sizeof *k);
    if (!k)
        status = hf_why_set(&why, HF_ERR_NO_MEMORY, "out of memory");
    else
        status = open_key(k, options, uri, &why);
    p11_kit_uri_free(uri);
    if (status == HF_OK) {
        set_face(k);
        atomic_init(&k->refs, 1);
        *out = &k->face;
    } else if (k) {
        key_free(k);
    }
    return status;
}

hf_status hf_hsm_key_open_any(const hf_hsm_options *options, const char *const *uris, size_t n, hf_key **out, char *why,
                              size_t why_max)
{
    if (n != 1) {
        *out = NULL;
        return hf_why_set(&(hf_why){why, why_max}, HF_ERR_UNSUPPORTED, "one key in several tokens is not there yet");
    }
    return hf_hsm_key_open(options, uris[0], out, why, why_max);
}

hf_status hf_hsm_key_stats(hf_key *key, hf_hsm_stats *out)
{
    hf_hsm_key *k = hf_hsm_key_of(key);

    memset(out, 0, sizeof *out);
    if (!k)
        return HF_ERR_INVALID;
    out->n = 1;
    hf_token_pool_stats(k->pool, &out->tokens[0]);
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
