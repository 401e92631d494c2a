/* Configurations: what the setters take, what build demands, what is fixed afterwards. */
#include <criterion/criterion.h>
#include <string.h>

#include "faulty.h"
#include "world.h"

TestSuite(config, .timeout = 600);

static hf_config *empty(void)
{
    hf_config *config;
    cr_assert_eq(hf_config_new(world_env(), world_crypto(), &config), HF_OK);
    return config;
}

static hf_trust *anchors(void)
{
    hf_trust *trust;
    const char *pem = world_ca()->pem;
    cr_assert_eq(world_crypto()->pki->trust_new((const uint8_t *)pem, strlen(pem), &trust), HF_OK);
    return trust;
}

Test(config, ranges)
{
    hf_config *c = empty();
    uint16_t ids[40] = {0};
    static char name[HF_LIMIT_ALPN_SIZE + 2];
    const char *names[HF_LIMIT_ALPN_PROTOCOLS + 1];
    cr_assert_eq(hf_config_set_policy(c, (hf_policy_id)99), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_suites(c, ids, 0), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_suites(c, ids, 1), HF_ERR_NOT_FOUND);
    cr_assert_eq(hf_config_set_groups(c, ids, 0), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_groups(c, ids, 9), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_record_size_limit(c, 63), HF_ERR_INVALID);
    cr_assert_eq(hf_config_set_record_size_limit(c, 64), HF_OK);
    cr_assert_eq(hf_config_set_record_size_limit(c, 16384), HF_OK);
    cr_assert_eq(hf_config_set_record_size_limit(c, 16385), HF_ERR_INVALID);
    for (size_t bytes = 0; bytes <= 5000; bytes++)
        cr_assert_eq(hf_config_set_max_fragment_length(c, bytes),
                     bytes == 0 || bytes == 512 || bytes == 1024 || bytes == 2048 || bytes == 4096 ? HF_OK
                                                                                                   : HF_ERR_INVALID,
                     "%zu", bytes);
    cr_assert_eq(hf_config_set_client_auth(c, (hf_client_auth)4), HF_ERR_INVALID);
    memset(name, 'a', sizeof name - 1);
    for (size_t i = 0; i <= HF_LIMIT_ALPN_PROTOCOLS; i++)
        names[i] = "h2";
    cr_assert_eq(hf_config_set_alpn(c, names, HF_LIMIT_ALPN_PROTOCOLS + 1), HF_ERR_LIMIT);
    names[1] = "";
    cr_assert_eq(hf_config_set_alpn(c, names, 2), HF_ERR_INVALID);
    names[1] = name;
    cr_assert_eq(hf_config_set_alpn(c, names, 2), HF_ERR_INVALID);
    name[HF_LIMIT_ALPN_SIZE] = 0;
    cr_assert_eq(hf_config_set_alpn(c, names, 2), HF_OK);
    hf_config_release(c);
    hf_config_release(NULL);
}

Test(config, credentials)
{
    hf_config *c = empty();
    const test_cert *cert = world_server("P-256");
    const uint8_t *ders[HF_CHAIN_MAX + 1];
    size_t lens[HF_CHAIN_MAX + 1];
    hf_key *key = world_key(cert);
    for (size_t i = 0; i <= HF_CHAIN_MAX; i++) {
        ders[i] = cert->der;
        lens[i] = cert->der_len;
    }
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, 0, key}), HF_ERR_INVALID);
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, 1, NULL}), HF_ERR_INVALID);
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, HF_CHAIN_MAX + 1, key}), HF_ERR_INVALID);
    lens[0]--;
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, 1, key}), HF_ERR_DECODE);
    lens[0] = 0;
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, 1, key}), HF_ERR_DECODE);
    lens[0] = cert->der_len;
    for (size_t i = 0; i < HF_LIMIT_CREDENTIALS; i++)
        cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, HF_CHAIN_MAX, key}), HF_OK);
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, lens, 1, key}), HF_ERR_LIMIT);
    hf_config_release(c);
}

static void fails_to_build(const side *s, hf_role role, hf_status want)
{
    hf_config *config;
    hf_status status = side_try(s, role, &config);
    cr_assert_eq(status, want, "%s", hf_status_text(status));
}

Test(config, what_build_demands)
{
    char why[200] = "unset";
    hf_conn *conn;
    hf_config *c = empty();
    cr_assert_eq(hf_conn_new(c, NULL, &conn), HF_ERR_STATE, "not built");
    cr_assert_eq(hf_config_build(c, HF_ROLE_SERVER, why, sizeof why), HF_ERR_INVALID);
    cr_assert_not_null(strstr(why, "certificate"), "%s", why);
    cr_assert_eq(hf_config_build(c, HF_ROLE_CLIENT, why, sizeof why), HF_ERR_INVALID);
    cr_assert_not_null(strstr(why, "trust"), "%s", why);
    cr_assert_eq(hf_config_build(c, HF_ROLE_CLIENT, NULL, 0), HF_ERR_INVALID);
    cr_assert_eq(hf_config_build(c, HF_ROLE_CLIENT, why, 5), HF_ERR_INVALID);
    cr_assert_eq(strlen(why), 4, "always terminated");
    cr_assert_eq(hf_config_set_trust(c, anchors()), HF_OK); /* corrected */
    cr_assert_eq(hf_config_build(c, HF_ROLE_CLIENT, why, sizeof why), HF_OK);
    hf_config_release(c);
    fails_to_build(&(side){.no_trust = true, .client_auth = HF_CLIENT_AUTH_OPTIONAL}, HF_ROLE_SERVER, HF_ERR_INVALID);
    fails_to_build(&(side){.no_trust = true, .client_auth = HF_CLIENT_AUTH_REQUIRED}, HF_ROLE_SERVER, HF_ERR_INVALID);
    fails_to_build(&(side){.suites = {0x009c}}, HF_ROLE_SERVER, HF_ERR_UNSUPPORTED); /* outside of the policy */
    fails_to_build(&(side){.suites = {0xc013}}, HF_ROLE_CLIENT, HF_ERR_UNSUPPORTED);
    fails_to_build(&(side){.groups = {0x3a3a}}, HF_ROLE_CLIENT, HF_ERR_UNSUPPORTED);
}

Test(config, is_immutable_once_built)
{
    hf_config *c = side_config(&(side){0}, HF_ROLE_SERVER);
    const uint16_t id = 0xc02f;
    const char *name = "h2";
    const test_cert *cert = world_server("P-256");
    const uint8_t *ders[] = {cert->der};
    hf_trust *trust = anchors();
    cr_assert_eq(hf_config_set_policy(c, HF_POLICY_COMPATIBLE), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_suites(c, &id, 1), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_groups(c, &id, 1), HF_ERR_STATE);
    cr_assert_eq(hf_config_add_credential(c, &(hf_credential){ders, &cert->der_len, 1, world_key(cert)}), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_trust(c, trust), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_client_auth(c, HF_CLIENT_AUTH_REQUEST), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_insecure(c, true), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_alpn(c, &name, 1), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_record_size_limit(c, 1000), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_max_fragment_length(c, 512), HF_ERR_STATE);
    cr_assert_eq(hf_config_set_fallback(c, true), HF_ERR_STATE);
    cr_assert_eq(hf_config_build(c, HF_ROLE_SERVER, NULL, 0), HF_ERR_STATE);
    world_crypto()->pki->trust_free(trust);
    hf_config_release(c);
}

/* A reload swaps the pointer: connections go on with what they were made of. */
Test(config, outlives_its_owner)
{
    pair p = {0};
    world_pair(&p, &(side){0}, &(side){0}); /* releases both configurations */
    pair_run(&p);
    cr_assert(pair_connected(&p));
    cr_assert(pair_send(&p, &p.client, "still", 5));
    cr_assert_eq(wire_len(&p.server.plain), 5);
    pair_cleanup(&p);
}

Test(config, names_of_connections)
{
    hf_config *c = side_config(&(side){0}, HF_ROLE_CLIENT);
    char name[HF_LIMIT_NAME + 2];
    hf_conn *conn = NULL;
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    cr_assert_eq(hf_conn_new(c, &(hf_conn_options){.server_name = name}, &conn), HF_ERR_INVALID);
    cr_assert_eq(hf_conn_new(c, &(hf_conn_options){.server_name = ""}, &conn), HF_ERR_INVALID);
    cr_assert_null(conn);
    name[HF_LIMIT_NAME] = 0;
    cr_assert_eq(hf_conn_new(c, &(hf_conn_options){.server_name = name}, &conn), HF_OK);
    hf_conn_free(conn);
    hf_conn_free(NULL);
    hf_config_release(c);
}

/* ---- Names and lists ---- */

Test(config, policies_by_name)
{
    hf_policy_id id = HF_POLICY_COMPATIBLE;
    cr_assert(hf_policy_by_name("modern", &id) == HF_OK && id == HF_POLICY_MODERN);
    cr_assert(hf_policy_by_name("intermediate", &id) == HF_OK && id == HF_POLICY_INTERMEDIATE);
    cr_assert(hf_policy_by_name("compatible", &id) == HF_OK && id == HF_POLICY_COMPATIBLE);
    cr_assert(hf_policy_by_name("old", &id) == HF_ERR_NOT_FOUND && id == HF_POLICY_COMPATIBLE);
}

Test(config, suites_are_listed)
{
    const hf_suite_info *info;
    size_t n = 0;
    for (; (info = hf_suite_at(n)) != NULL; n++) {
        cr_assert_str_eq(hf_suite_name(info->id), info->name);
        cr_assert_eq(strncmp(info->name, "TLS_", 4), 0);
        for (size_t i = 0; i < n; i++)
            cr_assert_neq(hf_suite_at(i)->id, info->id);
    }
    cr_assert_eq(n, 24);
    cr_assert_null(hf_suite_at(SIZE_MAX));
    cr_assert_null(hf_suite_name(0x1234));
    cr_assert_str_eq(hf_scheme_name(HF_RSA_PSS_RSAE_SHA256), "rsa_pss_rsae_sha256");
    cr_assert_str_eq(hf_scheme_name(0x3a3a), "unknown");
    cr_assert_str_eq(hf_group_name(HF_GROUP_X25519), "X25519");
    cr_assert_str_eq(hf_group_name(0x3a3a), "unknown");
    cr_assert_str_eq(hf_message_name(HF_MESSAGE_CHANGE_CIPHER_SPEC), "ChangeCipherSpec");
    cr_assert_str_eq(hf_message_name(1), "ClientHello");
    cr_assert_str_eq(hf_message_name(99), "unknown");
}

/* A list that did not fit is as if it had not been given. */
Test(config, application_protocols_while_memory_fails)
{
    static const char *const names[] = {"h2", "http/1.1", "x"};
    faulty f;
    hf_config *c;
    faulty_init(&f);
    cr_assert_eq(hf_config_new(&f.env, world_crypto(), &c), HF_OK);
    size_t held = f.live_bytes;
    for (size_t n = 1; n <= 3; n++) {
        f.fail_alloc = f.allocs + n;
        cr_assert_eq(hf_config_set_alpn(c, names, 3), HF_ERR_NO_MEMORY);
        cr_assert_eq(f.live_bytes, held);
    }
    f.fail_alloc = 0;
    cr_assert_eq(hf_config_set_alpn(c, names, 3), HF_OK);
    hf_config_release(c);
    cr_assert_eq(f.live, 0);
}
