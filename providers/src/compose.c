/* Which providers exist, and which of them serves each algorithm.
 *
 * `auto` takes the first implementation in an order of preference that is available and passes its self-test:
 *
 *   cipher  as the table of paths says (paths.c): "mixed" where two providers share a cipher, else the one that the
 *           table names; after that in the order of the list.
 *   hash    x86, libcrypto, portable. A handshake hashes short messages and clones states all the time, where EVP and
 *           the allocator take as long as hashing itself: x86 needs half of libcrypto's time for the PRF calls of a
 *           handshake, and is no slower on long messages. It has SHA-1 and SHA-256 only, and needs the SHA extensions.
 *           Where it does not serve, libcrypto's assembler makes up for its calls: it is a sixth faster than portable
 *           on short messages of SHA-384 and SHA-512, a quarter with SHA-256, and nearly twice as fast on long ones.
 *   check   of our own signatures: p256, for keys on P-256; for all other keys, and where that is not there, what the
 *           pki has.
 *
 * The rest is libcrypto's. */
#include "compose.h"

#include <stdio.h>
#include <string.h>

#include "builtin.h"
#include "paths.h"

static const hf_provider *const all[] = {
#if HF_HAVE_VAES
    &hf_provider_vaes,
#endif
#if HF_HAVE_IFMA
    &hf_provider_ifma,
#endif
#if HF_HAVE_SHANI
    &hf_provider_shani,
#endif
#if HF_HAVE_IPSECMB
    &hf_provider_ipsecmb,
#endif
    &hf_provider_libcrypto,
    &hf_provider_portable,
#if HF_HAVE_X86
    &hf_provider_x86,
#endif
#if HF_HAVE_P256
    &hf_provider_p256,
#endif
    &hf_provider_mixed, /* last: it serves where the table says so, and never because another is missing */
    NULL,
};
_Static_assert(sizeof all / sizeof all[0] - 1 <= HF_PROVIDERS_MAX, "all of them have a place in a table");

/* The one that goes first for hashes: it stands last because it has no record ciphers. */
#define FIRST_FOR_HASH "x86"

static const struct {
    uint16_t id;
    const char *name;
} groups[] = {
    {HF_GROUP_X25519, "X25519"},
    {HF_GROUP_P256, "P-256"},
    {HF_GROUP_P384, "P-384"},
    {HF_GROUP_P521, "P-521"},
};

static const char *const hash_names[HF_HASH_COUNT] = {"SHA-1", "SHA-256", "SHA-384", "SHA-512"};

/* One run of hf_crypto_compose. */
typedef struct composing {
    const hf_provider *const *list;
    const hf_provider *forced; /* NULL: auto */
    hf_crypto crypto;
    hf_choice choices[HF_CHOICES_MAX];
    size_t n;
} composing;

/* What became of the search for one algorithm, to word the reason. */
typedef struct search {
    unsigned seen, unavailable, failed;
} search;

const hf_provider *const *hf_providers(void)
{
    return all;
}

static const hf_provider *by_name(const hf_provider *const *list, const char *name)
{
    for (size_t i = 0; name && list[i]; i++)
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    return NULL;
}

const hf_provider *hf_provider_by_name(const char *name)
{
    return by_name(all, name);
}

static bool is_available(const hf_provider *provider, const char **why)
{
    *why = "";
    return !provider->available || provider->available(why);
}

static const hf_hash *find_hash(const hf_provider *provider, hf_hash_id id)
{
    for (size_t i = 0; provider->hashes && provider->hashes[i]; i++)
        if (provider->hashes[i]->id == id)
            return provider->hashes[i];
    return NULL;
}

static const hf_group *find_group(const hf_provider *provider, uint16_t id)
{
    for (size_t i = 0; provider->groups && provider->groups[i]; i++)
        if (provider->groups[i]->id == id)
            return provider->groups[i];
    return NULL;
}

static const char *reason_of(const search *s, const hf_provider *chosen)
{
    if (!chosen && s->failed > 0)
        return "failed its self-test";
    if (!chosen)
        return s->unavailable > 0 ? "not available on this machine" : "not offered";
    if (s->failed > 0)
        return "a preferred one failed its self-test";
    if (s->unavailable > 0)
        return "a preferred one is not available on this machine";
    return "first in preference that passed its self-test";
}

static void note(composing *c, const char *kind, const char *algorithm, const hf_provider *chosen, const char *reason)
{
    if (c->n == HF_CHOICES_MAX)
        return;
    c->choices[c->n++] =
        (hf_choice){.kind = kind, .algorithm = algorithm, .provider = chosen ? chosen->name : NULL, .reason = reason};
}

/* Whether `provider` may be asked at all; counts it for the reason. */
static bool usable(search *s, const hf_provider *provider, bool offers)
{
    const char *why;
    if (!offers)
        return false;
    s->seen++;
    if (is_available(provider, &why))
        return true;
    s->unavailable++;
    return false;
}

/* Takes the cipher of `provider` when it offers one that can run and passes. */
static const hf_cipher *try_cipher(search *s, const hf_provider *provider, hf_cipher_id id)
{
    const hf_cipher *cipher = hf_provider_cipher(provider, id);

    if (!usable(s, provider, cipher != NULL))
        return NULL;
    if (hf_self_test_cipher(cipher) == HF_OK)
        return cipher;
    s->failed++;
    return NULL;
}

/* Who goes first for a cipher: by the table of paths, for the built-in providers. */
static const hf_provider *first_for(const composing *c, hf_cipher_id id)
{
    const hf_provider *first, *second;
    const char *why;

    if (c->list != all)
        return NULL;
    hf_path_pair(hf_paths(), id, &first, &second);
    if (second && is_available(&hf_provider_mixed, &why) && hf_provider_cipher(&hf_provider_mixed, id))
        return &hf_provider_mixed;
    return first;
}

static void choose_cipher(composing *c, const hf_cipher_spec *spec)
{
    const hf_provider *first = first_for(c, spec->id);
    const hf_cipher *chosen = NULL;
    search s = {0};

    if (first)
        chosen = try_cipher(&s, first, spec->id);
    for (size_t i = 0; c->list[i] && !chosen; i++)
        if (c->list[i] != first)
            chosen = try_cipher(&s, c->list[i], spec->id);
    c->crypto.ciphers[spec->id] = chosen;
    bool mixed = chosen && chosen->provider == &hf_provider_mixed;
    note(c, "cipher", spec->name, chosen ? chosen->provider : NULL,
         mixed ? "two serve it, by size and batch: see paths" : reason_of(&s, chosen ? chosen->provider : NULL));
}

static hf_status force_cipher(composing *c, const hf_cipher_spec *spec)
{
    const hf_cipher *cipher = hf_provider_cipher(c->forced, spec->id);

    if (cipher) {
        hf_status status = hf_self_test_cipher(cipher);
        if (status != HF_OK)
            return status;
    }
    c->crypto.ciphers[spec->id] = cipher;
    note(c, "cipher", spec->name, cipher ? c->forced : NULL,
         cipher ? "forced" : "the forced provider does not offer it");
    return HF_OK;
}

/* As try_cipher. */
static const hf_hash *try_hash(search *s, const hf_provider *provider, hf_hash_id id)
{
    const hf_hash *hash = find_hash(provider, id);

    if (!usable(s, provider, hash != NULL))
        return NULL;
    if (hf_self_test_hash(hash) == HF_OK)
        return hash;
    s->failed++;
    return NULL;
}

static void choose_hash(composing *c, hf_hash_id id)
{
    const hf_provider *first = by_name(c->list, FIRST_FOR_HASH);
    search s = {0};
    const hf_hash *chosen = first ? try_hash(&s, first, id) : NULL;

    for (size_t i = 0; c->list[i] && !chosen; i++)
        if (c->list[i] != first)
            chosen = try_hash(&s, c->list[i], id);
    c->crypto.hashes[id] = chosen;
    note(c, "hash", hash_names[id], chosen ? chosen->provider : NULL, reason_of(&s, chosen ? chosen->provider : NULL));
}

static void choose_group(composing *c, size_t at, size_t *n)
{
    const hf_group *chosen = NULL;
    search s = {0};

    for (size_t i = 0; c->list[i] && !chosen; i++) {
        const hf_group *group = find_group(c->list[i], groups[at].id);
        if (!usable(&s, c->list[i], group != NULL))
            continue;
        if (hf_self_test_group(group) == HF_OK)
            chosen = group;
        else
            s.failed++;
    }
    if (chosen)
        c->crypto.groups[(*n)++] = chosen;
    note(c, "group", groups[at].name, chosen ? chosen->provider : NULL,
         reason_of(&s, chosen ? chosen->provider : NULL));
}

static void choose_pki(composing *c)
{
    search s = {0};

    for (size_t i = 0; c->list[i] && !c->crypto.pki; i++)
        if (usable(&s, c->list[i], c->list[i]->pki != NULL))
            c->crypto.pki = c->list[i]->pki;
    const hf_provider *chosen = c->crypto.pki ? c->crypto.pki->provider : NULL;
    note(c, "pki", "X.509", chosen, chosen && s.seen == 1 ? "only one that offers it" : reason_of(&s, chosen));
}

static const hf_verifier *find_verifier(const hf_provider *provider, uint16_t group)
{
    for (size_t i = 0; provider->verifiers && provider->verifiers[i]; i++)
        if (provider->verifiers[i]->group == group)
            return provider->verifiers[i];
    return NULL;
}

/* Where there is no verifier, pki does it. */
static void choose_verifier(composing *c)
{
    const hf_provider *provider = c->crypto.pki ? c->crypto.pki->provider : NULL;
    const hf_verifier *chosen = NULL;
    search s = {0};

    for (size_t i = 0; c->list[i] && !chosen; i++) {
        const hf_verifier *verifier = find_verifier(c->list[i], HF_GROUP_P256);
        if (!usable(&s, c->list[i], verifier != NULL))
            continue;
        if (hf_self_test_verifier(verifier) == HF_OK)
            chosen = verifier;
        else
            s.failed++;
    }
    if (chosen)
        provider = chosen->provider;
    c->crypto.verifiers[0] = chosen;
    note(c, "check", "own ECDSA P-256", provider, s.seen > 0 ? reason_of(&s, provider) : "as signatures of peers");
}

/* Looks the forced provider up and checks that it can run; *why_text gets the reason when not. */
static hf_status look_up(const hf_provider *const *list, const char *name, const hf_provider **out,
                         const char **why_text)
{
    *out = by_name(list, name);
    if (!*out) {
        *why_text = "this build has no such provider";
        return HF_ERR_NOT_FOUND;
    }
    if (!is_available(*out, why_text))
        return HF_ERR_UNSUPPORTED;
    if (!(*out)->ciphers || !(*out)->ciphers[0]) {
        *why_text = "it offers no record cipher";
        return HF_ERR_UNSUPPORTED;
    }
    return HF_OK;
}

static hf_status choose_ciphers(composing *c, const char **why_text, const char **which)
{
    for (int id = 0; id < HF_CIPHER_COUNT; id++) {
        const hf_cipher_spec *spec = hf_cipher_spec_of((hf_cipher_id)id);
        if (!c->forced) {
            choose_cipher(c, spec);
            continue;
        }
        hf_status status = force_cipher(c, spec);
        if (status != HF_OK) {
            *why_text = hf_status_text(status);
            *which = spec->name;
            return status;
        }
    }
    for (int id = 0; id < HF_CIPHER_COUNT; id++)
        if (c->crypto.ciphers[id])
            return HF_OK;
    *why_text = "no provider has a usable record cipher";
    return HF_ERR_UNSUPPORTED;
}

hf_status hf_compose_among(const hf_provider *const *list, const char *force, hf_crypto *out, hf_choice *choices,
                           size_t *out_n, char *why, size_t why_max)
{
    composing c = {.list = list};
    const char *name = force ? force : "auto";
    const char *why_text = "";
    const char *which = "";
    hf_status status = HF_OK;

    if (strcmp(name, "auto") != 0)
        status = look_up(list, name, &c.forced, &why_text);
    if (status == HF_OK)
        status = choose_ciphers(&c, &why_text, &which);
    if (status != HF_OK) {
        if (why && why_max > 0)
            (void)snprintf(why, why_max, "provider '%s'%s%s: %s", name, *which ? ", " : "", which, why_text);
        return status;
    }
    for (int id = 0; id < HF_HASH_COUNT; id++)
        choose_hash(&c, (hf_hash_id)id);
    size_t group_count = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        choose_group(&c, i, &group_count);
    choose_pki(&c);
    choose_verifier(&c);

    *out = c.crypto;
    if (choices)
        memcpy(choices, c.choices, c.n * sizeof choices[0]);
    if (out_n)
        *out_n = c.n;
    if (why && why_max > 0)
        why[0] = '\0';
    return HF_OK;
}

hf_status hf_crypto_compose(const char *force, hf_crypto *out, hf_choice *choices, size_t *out_n, char *why,
                            size_t why_max)
{
    return hf_compose_among(all, force, out, choices, out_n, why, why_max);
}
