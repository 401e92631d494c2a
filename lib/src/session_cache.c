/* Session IDs of TLS 1.2 (RFC 5246 section 7.3): a table by ID, and a list from the most to the least recently used.
 *
 * IDs are made by our own random generator, so their first bytes spread by themselves. Sessions are counted objects:
 * the lock covers a few pointers, and one that is in use outlives its removal.
 */
#include <string.h>

#include "lock.h"
#include "session.h"

typedef struct entry {
    struct entry *next_in_bucket; /* also links the unused ones */
    struct entry *newer, *older;
    hf_session *session;
    uint8_t id[HF_CACHE_ID_SIZE];
} entry;

struct hf_session_cache {
    atomic_uint references;
    hf_env env;
    uint32_t lifetime_s;
    size_t capacity, n_buckets, count; /* n_buckets: a power of two */
    size_t size;                       /* as allocated, entries and buckets behind it included */
    hf_lock lock;
    entry *newest, *oldest, *unused;
    entry *entries;
    entry **buckets;
};

hf_status hf_session_cache_new(const hf_env *env, size_t capacity, uint32_t lifetime_s, hf_session_cache **out)
{
    size_t n_buckets = 1;

    lifetime_s = lifetime_s ? lifetime_s : HF_DEFAULT_TICKET_LIFETIME;
    if (capacity < 1 || capacity > HF_LIMIT_SESSION_CACHE || lifetime_s > HF_LIMIT_SESSION_LIFETIME)
        return HF_ERR_INVALID;
    while (n_buckets < capacity)
        n_buckets *= 2;
    size_t size = sizeof(hf_session_cache) + capacity * sizeof(entry) + n_buckets * sizeof(entry *);
    hf_session_cache *cache = env->alloc(env->alloc_arg, size);
    if (!cache)
        return HF_ERR_NO_MEMORY;
    memset(cache, 0, size);
    atomic_init(&cache->references, 1);
    cache->env = *env;
    cache->lifetime_s = lifetime_s;
    cache->capacity = capacity;
    cache->n_buckets = n_buckets;
    cache->size = size;
    cache->entries = (entry *)(void *)(cache + 1);
    cache->buckets = (entry **)(void *)(cache->entries + capacity);
    for (size_t i = capacity; i > 0; i--) {
        cache->entries[i - 1].next_in_bucket = cache->unused;
        cache->unused = &cache->entries[i - 1];
    }
    if (!hf_lock_init(&cache->lock)) {
        env->free(env->alloc_arg, cache, size);
        return HF_ERR_NO_MEMORY;
    }
    *out = cache;
    return HF_OK;
}

void hf_session_cache_retain(hf_session_cache *cache)
{
    atomic_fetch_add_explicit(&cache->references, 1, memory_order_relaxed);
}

void hf_session_cache_release(hf_session_cache *cache)
{
    if (!cache || atomic_fetch_sub_explicit(&cache->references, 1, memory_order_acq_rel) != 1)
        return;
    hf_env env = cache->env;
    size_t size = cache->size;
    for (entry *e = cache->newest; e; e = e->older)
        hf_session_free(e->session);
    hf_lock_cleanup(&cache->lock);
    hf_wipe(cache, size);
    env.free(env.alloc_arg, cache, size);
}

uint32_t hf_session_cache_lifetime(const hf_session_cache *cache)
{
    return cache->lifetime_s;
}

/* ---- Under the lock ---- */

static entry **bucket_of(hf_session_cache *cache, const uint8_t *id)
{
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    return &cache->buckets[hash & (cache->n_buckets - 1)];
}

static entry *find(hf_session_cache *cache, const uint8_t *id)
{
    for (entry *e = *bucket_of(cache, id); e; e = e->next_in_bucket)
        if (memcmp(e->id, id, HF_CACHE_ID_SIZE) == 0)
            return e;
    return NULL;
}

static void link_newest(hf_session_cache *cache, entry *e)
{
    e->newer = NULL;
    e->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = e;
    cache->newest = e;
}

static void take_off_list(hf_session_cache *cache, entry *e)
{
    *(e->newer ? &e->newer->older : &cache->newest) = e->older;
    *(e->older ? &e->older->newer : &cache->oldest) = e->newer;
}

/* Takes an entry out; what it held is the caller's to free, after the lock. */
static hf_session *take_out(hf_session_cache *cache, entry *e)
{
    hf_session *session = e->session;
    entry **at = bucket_of(cache, e->id);

    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    take_off_list(cache, e);
    hf_wipe(e, sizeof *e);
    e->next_in_bucket = cache->unused;
    cache->unused = e;
    cache->count--;
    return session;
}

/* ---- The calls ---- */

void hf_session_cache_put(hf_session_cache *cache, const uint8_t id[HF_CACHE_ID_SIZE], hf_session *session)
{
    hf_session *gone = NULL;

    hf_session_retain(session);
    hf_lock_take(&cache->lock);
    entry *e = find(cache, id);
    if (e)
        gone = take_out(cache, e);
    else if (!cache->unused)
        gone = take_out(cache, cache->oldest);
    e = cache->unused;
    cache->unused = e->next_in_bucket;
    entry **bucket = bucket_of(cache, id);
    memcpy(e->id, id, HF_CACHE_ID_SIZE);
    e->session = session;
    e->next_in_bucket = *bucket;
    *bucket = e;
    link_newest(cache, e);
    cache->count++;
    hf_lock_give(&cache->lock);
    hf_session_free(gone);
}

hf_session *hf_session_cache_get(hf_session_cache *cache, const uint8_t id[HF_CACHE_ID_SIZE], int64_t now)
{
    hf_session *found = NULL, *gone = NULL;

    hf_lock_take(&cache->lock);
    entry *e = find(cache, id);
    if (e && now - e->session->state.created >= (int64_t)e->session->state.lifetime_s) {
        gone = take_out(cache, e);
    } else if (e) {
        take_off_list(cache, e);
        link_newest(cache, e);
        found = hf_session_retain(e->session);
    }
    hf_lock_give(&cache->lock);
    hf_session_free(gone);
    return found;
}

void hf_session_cache_remove(hf_session_cache *cache, const uint8_t id[HF_CACHE_ID_SIZE])
{
    hf_session *gone = NULL;

    hf_lock_take(&cache->lock);
    entry *e = find(cache, id);
    if (e)
        gone = take_out(cache, e);
    hf_lock_give(&cache->lock);
    hf_session_free(gone);
}

size_t hf_session_cache_count(hf_session_cache *cache)
{
    hf_lock_take(&cache->lock);
    size_t count = cache->count;
    hf_lock_give(&cache->lock);
    return count;
}
