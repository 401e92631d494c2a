/* The table of who serves what: its default, its text, and the one in force.
 *
 * AES-GCM has one best provider whatever the size and the batch. AES-CBC with HMAC, AES-CCM and ChaCha20-Poly1305 have
 * two: one record is fastest where the code for one is tightest, and several where they fill the lanes of multi-buffer
 * code. */
#include "paths.h"

#include "cpu.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const size_t size_ends[HF_PATH_SIZES - 1] = {128, 512, 2048, 8192};
static const size_t batch_starts[HF_PATH_BATCHES] = {1, 2, 4, 8, 16, 32};
static const char *const directions[2] = {[HF_SEAL] = "seal", [HF_OPEN] = "open"};

size_t hf_path_size_class(size_t bytes)
{
    size_t i = 0;
    while (i < HF_PATH_SIZES - 1 && bytes > size_ends[i])
        i++;
    return i;
}

size_t hf_path_batch_class(size_t records)
{
    size_t i = 0;
    while (i < HF_PATH_BATCHES - 1 && records >= batch_starts[i + 1])
        i++;
    return i;
}

const hf_cipher *hf_provider_cipher(const hf_provider *provider, hf_cipher_id id)
{
    for (size_t i = 0; provider->ciphers && provider->ciphers[i]; i++)
        if (provider->ciphers[i]->id == id)
            return provider->ciphers[i];
    return NULL;
}

/* ---- The default ---- */

static bool can_serve(const hf_provider *provider, hf_cipher_id id)
{
    const char *why;
    return provider && hf_provider_cipher(provider, id) && (!provider->available || provider->available(&why));
}

/* How many records must be at hand, by their size, for the lanes of `ifma` to be the faster. */
static const char *known_best_chacha(size_t size, size_t batch)
{
    static const size_t least[HF_PATH_SIZES] = {1, 4, 2, 2, 2};

    return batch >= hf_path_batch_class(least[size]) ? "ifma" : "ipsecmb";
}

/* `shani` opens everything, and seals but where the 16 lanes of AVX-512 that ipsec-mb has are filled: how many records
 * that takes, by their size. Measured on Zen 5 (docs/kernels.md). */
static const char *known_best_cbc(const hf_cipher_spec *spec, hf_direction direction, size_t size, size_t batch)
{
    bool fast = spec->key_size == 16 && spec->mac_key_size == 32; /* where ours are nearest to them */
    size_t least = size <= hf_path_size_class(512) || fast ? 16 : 8;
    bool never = direction == HF_OPEN || size <= hf_path_size_class(128) || !hf_cpu_has("avx512f");

    return !never && batch >= hf_path_batch_class(least) ? "ipsecmb" : "shani";
}

/* Measured on Zen 4 (docs/benchmarks-zen4.md), CBC on Zen 5; elsewhere: handfast providers --measure. With the SHA
 * extensions ipsec-mb's narrow lanes pay from two records on, without them its wide ones from eight on. */
static const char *known_best(hf_cipher_id id, hf_direction direction, size_t size, size_t batch)
{
    const hf_cipher_spec *spec = hf_cipher_spec_of(id);

    if (id == HF_AES_128_CCM)
        return batch == 0 && size > hf_path_size_class(512) ? "libcrypto" : "ipsecmb";
    if (id == HF_CHACHA20_POLY1305)
        return known_best_chacha(size, batch);
    if (spec->block_size == 1)
        return NULL;
    if (can_serve(hf_provider_by_name("shani"), id))
        return known_best_cbc(spec, direction, size, batch);
    if (direction == HF_OPEN)
        return "ipsecmb";
    if (!strstr(hf_cpu_features(), "sha_ni"))
        return batch >= hf_path_batch_class(8) ? "ipsecmb" : "libcrypto";
    if (batch == 0 && !(size == 0 && spec->mac_key_size <= 32))
        return "libcrypto";
    return "ipsecmb";
}

void hf_path_table_default(hf_path_table *out)
{
    const hf_provider *const *list = hf_providers();

    memset(out, 0, sizeof *out);
    for (int id = 0; id < HF_CIPHER_COUNT; id++) {
        const hf_provider *first = NULL; /* in order of preference */
        for (size_t i = 0; list[i] && !first; i++)
            if (can_serve(list[i], (hf_cipher_id)id))
                first = list[i];
        for (size_t cell = 0; cell < 2 * HF_PATH_SIZES * HF_PATH_BATCHES; cell++) {
            size_t direction = cell / (HF_PATH_SIZES * HF_PATH_BATCHES);
            size_t size = cell / HF_PATH_BATCHES % HF_PATH_SIZES, batch = cell % HF_PATH_BATCHES;
            const char *name = known_best((hf_cipher_id)id, (hf_direction)direction, size, batch);
            const hf_provider *known = hf_provider_by_name(name);
            out->best[id][direction][size][batch] = can_serve(known, (hf_cipher_id)id) ? known : first;
        }
    }
}

/* ---- The table in force ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool settled;
static hf_path_table in_force; /* constant once settled */

hf_status hf_path_table_use(const hf_path_table *table)
{
    pthread_mutex_lock(&lock);
    hf_status status = settled ? HF_ERR_STATE : HF_OK;
    if (!settled)
        in_force = *table;
    settled = true;
    pthread_mutex_unlock(&lock);
    return status;
}

const hf_path_table *hf_paths(void)
{
    pthread_mutex_lock(&lock);
    if (!settled)
        hf_path_table_default(&in_force);
    settled = true;
    pthread_mutex_unlock(&lock);
    return &in_force;
}

void hf_path_pair(const hf_path_table *table, hf_cipher_id id, const hf_provider **out_first,
                  const hf_provider **out_second)
{
    const hf_provider *const *cells = &table->best[id][0][0][0];
    const hf_provider *seen[HF_PROVIDERS_MAX] = {NULL};
    size_t cells_of[HF_PROVIDERS_MAX] = {0}, n = 0;

    for (size_t i = 0; i < 2 * HF_PATH_SIZES * HF_PATH_BATCHES; i++) {
        size_t k = 0;
        while (k < n && seen[k] != cells[i])
            k++;
        if (!cells[i] || k == HF_PROVIDERS_MAX)
            continue;
        seen[k] = cells[i];
        cells_of[k]++;
        n = k < n ? n : k + 1;
    }
    *out_first = *out_second = NULL;
    size_t most = 0, next = 0;
    for (size_t k = 0; k < n; k++) {
        if (cells_of[k] > most) {
            *out_second = *out_first;
            next = most;
            *out_first = seen[k];
            most = cells_of[k];
        } else if (cells_of[k] > next) {
            *out_second = seen[k];
            next = cells_of[k];
        }
    }
}

/* ---- Text ---- */

void hf_path_table_line(const hf_path_table *table, hf_cipher_id id, hf_direction direction, size_t size_class,
                        char out[HF_PATH_LINE_MAX])
{
    const hf_provider *const *row = table->best[id][direction][size_class];
    char size[24] = "more";

    out[0] = '\0';
    if (!row[0])
        return;
    if (size_class < HF_PATH_SIZES - 1)
        (void)snprintf(size, sizeof size, "%zu", size_ends[size_class]);
    int used =
        snprintf(out, HF_PATH_LINE_MAX, "%-24s %-5s %5s ", hf_cipher_spec_of(id)->name, directions[direction], size);
    for (size_t i = 0; i < HF_PATH_BATCHES && used > 0 && used < HF_PATH_LINE_MAX; i++)
        used += snprintf(out + used, HF_PATH_LINE_MAX - (size_t)used, " %-10s", row[i] ? row[i]->name : "none");
}

/* A word of at most `max` - 1 bytes; false: none left on the line, or a longer one (*out empty then). */
static bool next_word(const char **at, const char *end, char *out, size_t max)
{
    size_t len = 0;

    out[0] = '\0';
    while (*at < end && (**at == ' ' || **at == '\t'))
        (*at)++;
    const char *start = *at;
    while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
        (*at)++;
    len = (size_t)(*at - start);
    if (len == 0 || len >= max)
        return false;
    memcpy(out, start, len);
    out[len] = '\0';
    return true;
}

static const char *parse_line(const char *at, const char *end, hf_path_table *table)
{
    char word[64];
    int id = 0;
    size_t direction, size = 0;

    if (!next_word(&at, end, word, sizeof word))
        return "a cipher's name is too long";
    while (id < HF_CIPHER_COUNT && strcmp(word, hf_cipher_spec_of((hf_cipher_id)id)->name) != 0)
        id++;
    if (id == HF_CIPHER_COUNT)
        return "no such cipher";
    if (!next_word(&at, end, word, sizeof word) || (strcmp(word, "seal") != 0 && strcmp(word, "open") != 0))
        return "seal or open must follow the cipher";
    direction = strcmp(word, "seal") == 0 ? HF_SEAL : HF_OPEN;
    if (!next_word(&at, end, word, sizeof word))
        return "a size must follow the direction";
    for (char text[24]; size < HF_PATH_SIZES - 1; size++) {
        (void)snprintf(text, sizeof text, "%zu", size_ends[size]);
        if (strcmp(word, text) == 0)
            break;
    }
    if (size == HF_PATH_SIZES - 1 && strcmp(word, "more") != 0)
        return "the size must be 128, 512, 2048, 8192 or more";
    for (size_t batch = 0; batch < HF_PATH_BATCHES; batch++) {
        const hf_provider *provider = next_word(&at, end, word, sizeof word) ? hf_provider_by_name(word) : NULL;
        if (!provider)
            return "six providers must follow the size (see: handfast providers)";
        if (provider == hf_provider_by_name("mixed") || !can_serve(provider, (hf_cipher_id)id))
            return "a provider cannot serve the cipher on this machine";
        table->best[id][direction][size][batch] = provider;
    }
    return next_word(&at, end, word, sizeof word) ? "more than six providers" : NULL;
}

hf_status hf_path_table_parse(const char *text, size_t len, hf_path_table *out, char *why, size_t why_max)
{
    const char *end = text + len;
    hf_path_table table;
    unsigned number = 0;

    hf_path_table_default(&table);
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = stop ? stop : end, *first = text;
        number++;
        while (first < line_end && (*first == ' ' || *first == '\t' || *first == '\r'))
            first++;
        const char *problem = first == line_end || *first == '#' ? NULL : parse_line(first, line_end, &table);
        if (problem) {
            if (why && why_max > 0)
                (void)snprintf(why, why_max, "line %u: %s", number, problem);
            return HF_ERR_INVALID;
        }
        text = stop ? stop + 1 : end;
    }
    if (why && why_max > 0)
        why[0] = '\0';
    *out = table;
    return HF_OK;
}
