/* Small values of the command line. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli.h"
#include "tls_options.h"

Test(cli, numbers)
{
    unsigned long n = 7;
    cr_assert(hf_cli_number("12", 1, 12, &n));
    cr_assert_eq(n, 12);
    static const char *const bad[] = {"", "0", "13", "-1", "+1", " 1", "1 ", "1x", "0x1", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(hf_cli_number(bad[i], 1, 12, &n), "%s", bad[i]);
    cr_assert_not(hf_cli_number(NULL, 1, 12, &n));
    cr_assert_eq(n, 12, "unchanged on error");
}

Test(cli, label_to_export)
{
    static const struct {
        const char *text, *label;
        size_t len;
    } good[] = {{"EXPORTER-x", "EXPORTER-x", 32},
                {"EXPORTER-x:1", "EXPORTER-x", 1},
                {"EXPORTER-x:255", "EXPORTER-x", 255},
                {"a:b", "a:b", 32},
                {"a:b:16", "a:b", 16},
                {"a:", "a:", 32}};
    hf_export out = {.len = 7};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(hf_export_parse(&out, good[i].text), "%s", good[i].text);
        cr_assert_str_eq(out.label, good[i].label);
        cr_assert_eq(out.len, good[i].len);
    }
    char lengthy[300];
    memset(lengthy, 'a', sizeof lengthy);
    lengthy[HF_LIMIT_EXPORT_LABEL + 1] = '\0';
    const char *const bad[] = {"", ":1", "a:0", "a:256", "a:99999999999999999999", lengthy};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(hf_export_parse(&out, bad[i]), "%s", bad[i]);
    lengthy[HF_LIMIT_EXPORT_LABEL] = '\0';
    cr_assert(hf_export_parse(&out, lengthy));
}

Test(cli, host_and_port)
{
    static const struct {
        const char *text, *host, *port;
    } good[] = {{"localhost:443", "localhost", "443"},
                {"192.0.2.1:0", "192.0.2.1", "0"},
                {"[2001:db8::1]:65535", "2001:db8::1", "65535"},
                {":80", "", "80"},
                {"*:80", "", "80"}};
    hf_host_port out;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(hf_cli_host_port(good[i].text, &out), "%s", good[i].text);
        cr_assert_str_eq(out.host, good[i].host);
        cr_assert_str_eq(out.port, good[i].port);
    }
    static const char *const bad[] = {"", "localhost", "localhost:", "localhost:65536", "::1:443", "a:b:1", "a:1x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(hf_cli_host_port(bad[i], &out), "%s", bad[i]);
    char lengthy[400];
    memset(lengthy, 'a', sizeof lengthy);
    memcpy(lengthy + sizeof lengthy - 5, ":443", 5);
    cr_assert_not(hf_cli_host_port(lengthy, &out));
}

Test(cli, text_of_peers_is_cleaned)
{
    char out[8];
    hf_cli_clean(out, sizeof out, "a\x1b\n\x7f\xc3z too long");
    cr_assert_str_eq(out, "a????z ");
    hf_cli_clean(out, sizeof out, NULL);
    cr_assert_str_eq(out, "");
}

static bool collect(void *arg, const char *item)
{
    strcat(strcat(arg, item), "|");
    return strcmp(item, "stop") != 0;
}

Test(cli, lists)
{
    char got[64] = "";
    cr_assert(hf_cli_list("h2,http/1.1:x", collect, got));
    cr_assert_str_eq(got, "h2|http/1.1|x|");
    static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "stop,a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        got[0] = 0;
        cr_assert_not(hf_cli_list(bad[i], collect, got), "%s", bad[i]);
    }
}

Test(cli, suites_and_groups_by_name)
{
    uint16_t ids[3];
    size_t n = 0;
    cr_assert(hf_tls_groups_parse("P-256,x25519,secp384r1", ids, 3, &n));
    cr_assert(n == 3 && ids[0] == HF_GROUP_P256 && ids[1] == HF_GROUP_X25519 && ids[2] == HF_GROUP_P384);
    cr_assert_not(hf_tls_groups_parse("P-256,P-256,P-256,P-256", ids, 3, &n), "more than there is room for");
    cr_assert_not(hf_tls_groups_parse("P-255", ids, 3, &n));
    cr_assert(hf_tls_suites_parse("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ids, 3, &n));
    cr_assert(n == 1 && ids[0] == 0xc02f);
    cr_assert_not(hf_tls_suites_parse("TLS_RSA_WITH_NULL_MD5", ids, 3, &n));
}

Test(cli, keys_in_tokens_are_uris)
{
    cr_assert(hf_tls_key_is_uri("pkcs11:token=a"));
    cr_assert(hf_tls_key_is_uri("PKCS11:token=a"));
    cr_assert_not(hf_tls_key_is_uri("key.pem"));
    cr_assert_not(hf_tls_key_is_uri("./pkcs11:x"));
}

/* Options as on a command line: "c" is --cert, "k" --key in a token, "f" --key in a file. */
static int take_keys(hf_tls_options *options, const char *kinds)
{
    static const char *const uris[] = {"pkcs11:object=0", "pkcs11:object=1", "pkcs11:object=2", "pkcs11:object=3"};
    memset(options, 0, sizeof *options);
    for (size_t i = 0; kinds[i]; i++) {
        int opt = kinds[i] == 'c' ? HF_OPT_CERT : HF_OPT_KEY;
        const char *value = kinds[i] == 'k' ? uris[options->n_keys % 4] : "file.pem";
        cr_assert_eq(hf_tls_options_take(options, opt, value, "test"), HF_EXIT_DONE);
    }
    return hf_tls_options_check(options, "test");
}

Test(cli, keys_of_certificates)
{
    hf_tls_options o;
    static const char *const pairs[] = {"ck", "kc", "cckk", "ckck", "kkcc", "cf", "ckcf", "k", "kk"};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        cr_assert_eq(take_keys(&o, pairs[i]), HF_EXIT_DONE, "%s", pairs[i]);
        for (size_t k = 0; k < o.n_keys; k++)
            cr_assert_eq(o.n_more_keys[k], 0, "%s", pairs[i]);
    }
    cr_assert_eq(take_keys(&o, "ckkck"), HF_EXIT_DONE);
    cr_assert_eq(o.n_keys, 2);
    cr_assert_str_eq(o.keys[0], "pkcs11:object=0");
    cr_assert_eq(o.n_more_keys[0], 1);
    cr_assert_str_eq(o.more_keys[0][0], "pkcs11:object=1");
    cr_assert_str_eq(o.keys[1], "pkcs11:object=2");
    cr_assert_eq(o.n_more_keys[1], 0);
    static const char *const bad[] = {"c", "f", "cck", "kck", "cff", "ckf", "cfk", "cckkk", "ckkkkkkkkk"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(take_keys(&o, bad[i]), HF_EXIT_USAGE, "%s", bad[i]);
}
