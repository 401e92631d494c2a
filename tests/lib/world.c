/* The world behind world.h. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/providers.h"

/* ---- Composition and environment ---- */

static const char *forced;

void world_force_provider(const char *name)
{
    forced = name;
}

const hf_crypto *world_crypto(void)
{
    static hf_crypto crypto;
    static bool made;
    char why[256];
    if (!made)
        cr_assert_eq(hf_crypto_compose(forced, &crypto, NULL, NULL, why, sizeof why), HF_OK, "%s", why);
    made = true;
    return &crypto;
}

static void *env_alloc(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void env_free(void *arg, void *p, size_t size)
{
    (void)arg;
    (void)size;
    free(p);
}

static hf_status env_random(void *arg, uint8_t *out, size_t len)
{
    return hf_env_system()->random(arg, out, len);
}

static int64_t env_time(void *arg)
{
    (void)arg;
    return TEST_NOW;
}

const hf_env *world_env(void)
{
    static const hf_env env = {env_alloc, env_free, NULL, env_random, NULL, env_time, NULL};
    return &env;
}

/* ---- Certificates ---- */

const test_cert *world_ca(void)
{
    static test_cert *ca;
    if (!ca)
        ca = test_cert_new(&(test_cert_spec){.subject = "authority", .ca = true});
    return ca;
}

const test_cert *world_other_ca(void)
{
    static test_cert *ca;
    if (!ca)
        ca = test_cert_new(&(test_cert_spec){.subject = "stranger", .ca = true});
    return ca;
}

typedef struct kept {
    const char *key;
    bool server;
    test_cert *cert;
    hf_key *private_key;
} kept;

static kept shelf[32];
static size_t n_shelf;

static const test_cert *leaf(const char *key, bool server)
{
    for (size_t i = 0; i < n_shelf; i++)
        if (shelf[i].key && shelf[i].server == server && strcmp(shelf[i].key, key) == 0)
            return shelf[i].cert;
    cr_assert_lt(n_shelf, sizeof shelf / sizeof shelf[0]);
    bool rsa = strcmp(key, "RSA-2048") == 0;
    shelf[n_shelf] = (kept){.key = key,
                            .server = server,
                            .cert = test_cert_new(&(test_cert_spec){
                                .key = key,
                                .subject = server ? "server" : "client",
                                .san = server ? "DNS:" WORLD_NAME : NULL,
                                .eku = server ? "serverAuth" : "clientAuth",
                                .usage = rsa && server ? "digitalSignature,keyEncipherment" : "digitalSignature",
                                .issuer = world_ca()})};
    return shelf[n_shelf++].cert;
}

const test_cert *world_made(const test_cert_spec *spec)
{
    cr_assert_lt(n_shelf, sizeof shelf / sizeof shelf[0]);
    shelf[n_shelf] = (kept){.cert = test_cert_new(spec)};
    return shelf[n_shelf++].cert;
}

const test_cert *world_server(const char *key)
{
    return leaf(key, true);
}

const test_cert *world_client(const char *key)
{
    return leaf(key, false);
}

hf_key *world_key(const test_cert *cert)
{
    for (size_t i = 0; i < n_shelf; i++) {
        if (shelf[i].cert != cert)
            continue;
        if (!shelf[i].private_key)
            cr_assert_eq(hf_pem_key_new((const uint8_t *)cert->key_pem, strlen(cert->key_pem), "test key",
                                        &shelf[i].private_key),
                         HF_OK);
        return shelf[i].private_key;
    }
    cr_assert(false, "a certificate from elsewhere needs its key in side.key");
    return NULL;
}

/* ---- Configurations ---- */

static hf_status add_cert(hf_config *config, const side *s, const test_cert *cert, hf_key *key)
{
    const uint8_t *certs[] = {cert->der, s->issuer ? s->issuer->der : NULL};
    const size_t lens[] = {cert->der_len, s->issuer ? s->issuer->der_len : 0};
    hf_credential credential = {certs, lens, s->issuer ? 2 : 1, key ? key : world_key(cert)};
    return hf_config_add_credential(config, &credential);
}

static hf_status add_credentials(hf_config *config, const side *s, hf_role role)
{
    const test_cert *first = s->cert ? s->cert : role == HF_ROLE_SERVER ? world_server("RSA-2048") : NULL;
    hf_status status = first ? add_cert(config, s, first, s->key) : HF_OK;
    for (size_t i = 0; status == HF_OK && i < 4 && s->certs[i]; i++)
        status = add_cert(config, s, s->certs[i], NULL);
    return status;
}

static hf_status add_trust(hf_config *config, const side *s)
{
    const hf_pki *pki = world_crypto()->pki;
    const char *pem = (s->other_trust ? world_other_ca() : world_ca())->pem;
    hf_trust *trust;
    if (s->no_trust)
        return HF_OK;
    cr_assert_eq(pki->trust_new((const uint8_t *)pem, strlen(pem), &trust), HF_OK);
    hf_status status = hf_config_set_trust(config, trust);
    if (status != HF_OK)
        pki->trust_free(trust);
    return status;
}

static size_t count16(const uint16_t *ids, size_t max)
{
    size_t n = 0;
    while (n < max && ids[n])
        n++;
    return n;
}

static hf_status set_lists(hf_config *config, const side *s)
{
    size_t suites = count16(s->suites, 8), groups = count16(s->groups, 8), alpn = 0;
    while (alpn < 4 && s->alpn[alpn])
        alpn++;
    hf_status status = suites ? hf_config_set_suites(config, s->suites, suites) : HF_OK;
    if (status == HF_OK && groups)
        status = hf_config_set_groups(config, s->groups, groups);
    if (status == HF_OK && alpn)
        status = hf_config_set_alpn(config, s->alpn, alpn);
    return status;
}

static hf_status set_limits(hf_config *config, const side *s)
{
    hf_status status = hf_config_set_policy(config, s->policy);
    if (status == HF_OK && !s->tls13)
        status = hf_config_set_versions(config, HF_TLS12, HF_TLS12);
    if (status == HF_OK && s->record_padding)
        status = hf_config_set_record_padding(config, s->record_padding);
    if (status == HF_OK)
        status = hf_config_set_rekey_after(config, s->rekey_after);
    if (status == HF_OK && s->record_size_limit)
        status = hf_config_set_record_size_limit(config, s->record_size_limit);
    if (status == HF_OK && s->tickets)
        status = hf_config_set_tickets(config, s->tickets,
                                       s->n_tickets > 0    ? (unsigned)s->n_tickets
                                       : s->n_tickets == 0 ? HF_DEFAULT_TICKETS
                                                           : 0);
    if (status == HF_OK && s->cache)
        status = hf_config_set_session_cache(config, s->cache);
    if (status == HF_OK)
        status = hf_config_set_max_fragment_length(config, s->max_fragment_length);
    if (status == HF_OK)
        status = hf_config_set_client_auth(config, s->client_auth);
    if (status == HF_OK)
        status = hf_config_set_strict_sni(config, s->strict_sni);
    if (status == HF_OK)
        status = hf_config_set_exporters(config, s->exporters);
    if (status == HF_OK)
        status = hf_config_set_ocsp(config, s->ocsp);
    if (status == HF_OK)
        status = hf_config_set_insecure(config, s->insecure);
    return status == HF_OK ? hf_config_set_fallback(config, s->fallback) : status;
}

hf_status side_try(const side *s, hf_role role, hf_config **out)
{
    hf_config *config;
    char why[256] = "";
    hf_status status = hf_config_new(s->env ? s->env : world_env(), s->crypto ? s->crypto : world_crypto(), &config);
    if (status != HF_OK)
        return status;
    status = set_limits(config, s);
    if (status == HF_OK)
        status = set_lists(config, s);
    if (status == HF_OK)
        status = add_credentials(config, s, role);
    if (status == HF_OK)
        status = add_trust(config, s);
    if (status == HF_OK)
        status = hf_config_build(config, role, why, sizeof why);
    if (status != HF_OK) {
        hf_config_release(config);
        return status;
    }
    *out = config;
    return HF_OK;
}

hf_config *side_config(const side *s, hf_role role)
{
    hf_config *config = NULL;
    hf_status status = side_try(s, role, &config);
    cr_assert_eq(status, HF_OK, "configuration: %s", hf_status_text(status));
    return config;
}

/* ---- Pairs ---- */

void world_pair(pair *p, const side *client, const side *server)
{
    hf_config *c = side_config(client, HF_ROLE_CLIENT), *s = side_config(server, HF_ROLE_SERVER);
    const char *name = !client->name ? WORLD_NAME : client->name[0] ? client->name : NULL;
    p->offer = client->offer;
    p->keep = client->keep;
    cr_assert_eq(pair_start(p, c, s, name), HF_OK);
    hf_config_release(c);
    hf_config_release(s);
}

void world_run(pair *p, const side *client, const side *server)
{
    world_pair(p, client, server);
    pair_run(p);
}

void assert_refused(pair *p, end *e, hf_alert alert)
{
    end *peer = pair_peer(p, e);
    hf_status status = hf_conn_status(e->conn);
    cr_assert_eq(status, HF_SEND(alert), "%s (%s), not %s", hf_status_text(status), hf_conn_reason(e->conn),
                 hf_alert_name(alert));
    cr_assert_eq(e->n_alerts_sent, 1, "one alert is sent, not %zu", e->n_alerts_sent);
    cr_assert_eq(end_alert_sent(e), (int)alert);
    cr_assert(hf_conn_wants(e->conn) & HF_WANT_CLOSED);
    cr_assert_eq(end_alert_got(peer), (int)alert, "the peer got %d", end_alert_got(peer));
    cr_assert_eq(hf_conn_status(peer->conn), HF_GOT(alert));
}
