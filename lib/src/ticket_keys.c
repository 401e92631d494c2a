/* The secrets that seal tickets: one for each period, made or installed, found by name, wiped when their time is over.
 *
 * The lock is held for copies of a few bytes only; neither hashing nor the generator runs under it.
 */
#include <string.h>

#include "lock.h"
#include "schedule13.h"
#include "session.h"

#define NAME_LABEL "handfast ticket name"

typedef struct slot {
    bool used;
    uint64_t epoch;
    hf_ticket_secret key;
} slot;

struct hf_ticket_keys {
    atomic_uint references;
    hf_env env;
    const hf_hash *hash;
    uint32_t period_s, lifetime_s;
    bool installed;
    size_t size; /* as allocated */
    hf_lock lock;
    uint64_t oldest; /* nothing older is held */
    size_t n;
    slot slots[]; /* an epoch stands at epoch % n */
};

hf_status hf_ticket_keys_new(const hf_env *env, const hf_crypto *crypto, const hf_ticket_options *options,
                             hf_ticket_keys **out)
{
    hf_ticket_options o = options ? *options : (hf_ticket_options){0};

    o.period_s = o.period_s ? o.period_s : HF_DEFAULT_TICKET_PERIOD;
    o.lifetime_s = o.lifetime_s ? o.lifetime_s : HF_DEFAULT_TICKET_LIFETIME;
    /* The current one, one ahead, and those before that a ticket of their last second reaches out of. */
    size_t n = ((size_t)o.lifetime_s + o.period_s - 1) / o.period_s + 2;
    if (o.lifetime_s > HF_LIMIT_SESSION_LIFETIME || n > HF_LIMIT_TICKET_KEYS)
        return HF_ERR_INVALID;
    if (!crypto->hashes[HF_SHA256])
        return HF_ERR_UNSUPPORTED;
    size_t size = sizeof(hf_ticket_keys) + n * sizeof(slot);
    hf_ticket_keys *keys = env->alloc(env->alloc_arg, size);
    if (!keys)
        return HF_ERR_NO_MEMORY;
    memset(keys, 0, size);
    atomic_init(&keys->references, 1);
    keys->env = *env;
    keys->hash = crypto->hashes[HF_SHA256];
    keys->period_s = o.period_s;
    keys->lifetime_s = o.lifetime_s;
    keys->installed = o.installed;
    keys->size = size;
    keys->n = n;
    if (!hf_lock_init(&keys->lock)) {
        env->free(env->alloc_arg, keys, size);
        return HF_ERR_NO_MEMORY;
    }
    *out = keys;
    return HF_OK;
}

void hf_ticket_keys_retain(hf_ticket_keys *keys)
{
    atomic_fetch_add_explicit(&keys->references, 1, memory_order_relaxed);
}

void hf_ticket_keys_release(hf_ticket_keys *keys)
{
    if (!keys || atomic_fetch_sub_explicit(&keys->references, 1, memory_order_acq_rel) != 1)
        return;
    hf_env env = keys->env;
    size_t size = keys->size;
    hf_lock_cleanup(&keys->lock);
    hf_wipe(keys, size);
    env.free(env.alloc_arg, keys, size);
}

uint32_t hf_ticket_keys_lifetime(const hf_ticket_keys *keys)
{
    return keys->lifetime_s;
}

uint64_t hf_ticket_keys_epoch(const hf_ticket_keys *keys, int64_t unix_time)
{
    return unix_time > 0 ? (uint64_t)unix_time / keys->period_s : 0;
}

/* ---- Under the lock ---- */

/* Wipes what is older than any ticket that may still come. What is ahead stays: a thread may ask with a time that it
 * took before another one made the next secret. */
static void sweep(hf_ticket_keys *keys, uint64_t now)
{
    uint64_t kept = keys->n - 1; /* the current one and those behind it */

    keys->oldest = now + 1 > kept ? now + 1 - kept : 0;
    for (size_t i = 0; i < keys->n; i++)
        if (keys->slots[i].used && keys->slots[i].epoch < keys->oldest)
            hf_wipe(&keys->slots[i], sizeof keys->slots[i]);
}

static slot *slot_of(hf_ticket_keys *keys, uint64_t epoch)
{
    slot *s = &keys->slots[epoch % keys->n];
    return s->used && s->epoch == epoch ? s : NULL;
}

static void put(hf_ticket_keys *keys, uint64_t epoch, const hf_ticket_secret *key)
{
    slot *s = &keys->slots[epoch % keys->n];
    s->used = true;
    s->epoch = epoch;
    s->key = *key;
}

/* ---- The calls ---- */

static hf_status name_of(const hf_ticket_keys *keys, hf_ticket_secret *key)
{
    return hf_hkdf_expand(keys->hash, key->secret, sizeof key->secret, (const uint8_t *)NAME_LABEL, strlen(NAME_LABEL),
                          key->name, sizeof key->name);
}

static bool copy_of(hf_ticket_keys *keys, uint64_t epoch, hf_ticket_secret *out)
{
    hf_lock_take(&keys->lock);
    sweep(keys, epoch);
    slot *s = slot_of(keys, epoch);
    if (s)
        *out = s->key;
    hf_lock_give(&keys->lock);
    return s != NULL;
}

hf_status hf_ticket_keys_current(hf_ticket_keys *keys, int64_t now, hf_ticket_secret *out)
{
    uint64_t epoch = hf_ticket_keys_epoch(keys, now);
    hf_ticket_secret made;

    if (copy_of(keys, epoch, out))
        return HF_OK;
    if (keys->installed)
        return HF_ERR_NOT_FOUND;
    hf_status status = keys->env.random(keys->env.random_arg, made.secret, sizeof made.secret);
    if (status == HF_OK)
        status = name_of(keys, &made);
    if (status == HF_OK) {
        hf_lock_take(&keys->lock);
        if (!slot_of(keys, epoch)) /* another thread may have been faster */
            put(keys, epoch, &made);
        *out = slot_of(keys, epoch)->key;
        hf_lock_give(&keys->lock);
    }
    hf_wipe(&made, sizeof made);
    return status;
}

hf_status hf_ticket_keys_find(hf_ticket_keys *keys, int64_t now, const uint8_t name[HF_TICKET_NAME_SIZE],
                              hf_ticket_secret *out)
{
    hf_status status = HF_ERR_NOT_FOUND;

    hf_lock_take(&keys->lock);
    sweep(keys, hf_ticket_keys_epoch(keys, now));
    for (size_t i = 0; i < keys->n && status != HF_OK; i++) {
        if (!keys->slots[i].used || memcmp(keys->slots[i].key.name, name, HF_TICKET_NAME_SIZE) != 0)
            continue;
        *out = keys->slots[i].key;
        status = HF_OK;
    }
    hf_lock_give(&keys->lock);
    return status;
}

hf_status hf_ticket_keys_install(hf_ticket_keys *keys, uint64_t epoch, const uint8_t secret[HF_TICKET_SECRET_SIZE])
{
    uint64_t now = hf_ticket_keys_epoch(keys, keys->env.unix_time(keys->env.time_arg));
    hf_ticket_secret key;

    if (!keys->installed)
        return HF_ERR_STATE;
    memcpy(key.secret, secret, sizeof key.secret);
    hf_status status = name_of(keys, &key);
    if (status == HF_OK) {
        hf_lock_take(&keys->lock);
        sweep(keys, now);
        if (epoch < keys->oldest || epoch > now + 1)
            status = HF_ERR_STALE;
        else
            put(keys, epoch, &key);
        hf_lock_give(&keys->lock);
    }
    hf_wipe(&key, sizeof key);
    return status;
}

bool hf_ticket_keys_has(hf_ticket_keys *keys, uint64_t epoch)
{
    uint64_t now = hf_ticket_keys_epoch(keys, keys->env.unix_time(keys->env.time_arg));

    hf_lock_take(&keys->lock);
    sweep(keys, now);
    bool has = slot_of(keys, epoch) != NULL;
    hf_lock_give(&keys->lock);
    return has;
}
