/* `handfast token`: the thin command line over handfast/provision.h. */
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/secret.h"
#include "token_load.h"

static const char help[] = "usage: handfast token ACTION [options]\n"
                           "\n"
                           "  init --module PATH --token LABEL\n"
                           "            make a token in the module's first free slot\n"
                           "  keygen ALGORITHM --token LABEL --label NAME\n"
                           "            make a key pair in the token: rsa:2048 rsa:3072 rsa:4096 ec:p256\n"
                           "            ec:p384 ec:p521 ed25519; hmac: a secret key for serve --ticket-key\n"
                           "  list [URI]\n"
                           "            keys and certificates with the URI to use\n"
                           "  selfsign [URI] --subject CN=NAME [--san dns:NAME]...\n"
                           "            a certificate signed in the token, stored there\n"
                           "  csr [URI] --subject CN=NAME [--san dns:NAME]...\n"
                           "            a certificate request (PKCS#10)\n"
                           "  import --cert FILE\n"
                           "            a certificate chain beside its key\n"
                           "  import --key FILE --label NAME\n"
                           "            a private key from PEM\n"
                           "  check [URI] [--cert FILE] [--load[=N]]\n"
                           "            sign, decrypt, compare with the certificate; --load: then use it\n"
                           "            for 3 s, N operations at once (default 8)\n"
                           "\n"
                           "which token and key: a PKCS#11 URI (RFC 7512), or\n"
                           "  --token LABEL          the token's label\n"
                           "  --label NAME           the object's label\n"
                           "  --id HEX               the object's id\n"
                           "options:\n"
                           "  --module PATH          PKCS#11 module; without it the system's configured\n"
                           "                         modules\n"
                           "  --module-args TEXT     what the module gets in C_Initialize, e.g. NSS:\n"
                           "                         \"configdir='sql:FOLDER'\"\n"
                           "  --pin-source FILE      file with the PIN in its first line, mode 600; without\n"
                           "                         it pin-source of the URI, the systemd credential\n"
                           "                         \"handfast-pin\", or the terminal\n"
                           "  --so-pin-source FILE   the same for the security officer's PIN (init)\n"
                           "  --subject NAME         \"CN=host.example,O=Name\"\n"
                           "  --san NAME             dns:host.example or ip:192.0.2.1; may be repeated\n"
                           "  --days N               validity, 1 to 36500 (default 365)\n"
                           "  --ca                   the certificate may issue others\n"
                           "  --out FILE             where the PEM goes (default: standard output)\n"
                           "  --allow-extractable    accept a key that can leave the token\n"
                           "\n"
                           "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static int fail(const char *action, hf_status status, const char *why)
{
    fprintf(stderr, "handfast token %s: %s\n", action, why[0] ? why : hf_status_text(status));
    return TOKEN_FAILED;
}

static int misuse(const char *action, const char *what)
{
    fprintf(stderr, "handfast token %s: %s: see `handfast token --help`\n", action, what);
    return TOKEN_USAGE;
}

static int finish_output(const char *action)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return TOKEN_DONE;
    return fail(action, HF_ERR_IO, "standard output cannot be written");
}

/* ---- init, keygen, import ------------------------------------------------------------------------ */

static int do_init(const hf_token_args *a, char *why)
{
    if (!a->token || !a->hsm.module || a->positional)
        return misuse("init", "it needs --module PATH and --token LABEL");
    hf_status status = hf_hsm_token_init(&a->hsm, a->token, a->so_pin_source, why, TOKEN_WHY_MAX);
    if (status != HF_OK)
        return fail("init", status, why);
    printf("%s\n", a->token_uri);
    return finish_output("init");
}

static hf_hsm_new_key new_key(const hf_token_args *a)
{
    return (hf_hsm_new_key){
        .token_uri = a->token_uri, .label = a->label, .id = a->id_len ? a->id : NULL, .id_len = a->id_len};
}

static int do_keygen(const hf_token_args *a, char *why)
{
    const hf_hsm_new_key key = new_key(a);
    char uri[HF_HSM_URI_MAX + 1];

    if (!a->positional || strncmp(a->positional, "pkcs11:", 7) == 0 || !a->label)
        return misuse("keygen", "it needs an algorithm (e.g. rsa:2048) and --label NAME");
    hf_status status = hf_hsm_keygen(&a->hsm, &key, a->positional, uri, why, TOKEN_WHY_MAX);
    if (status != HF_OK)
        return fail("keygen", status, why);
    printf("%s\n", uri);
    return finish_output("keygen");
}

static int import_key(const hf_token_args *a, char *why)
{
    const hf_hsm_new_key key = new_key(a);
    char uri[HF_HSM_URI_MAX + 1];
    size_t len = 0;
    char *pem = hf_token_read_file(a->key_file, &len);

    if (!pem)
        return TOKEN_FAILED;
    hf_status status = hf_hsm_import_key(&a->hsm, &key, pem, len, uri, why, TOKEN_WHY_MAX);
    hf_wipe(pem, len);
    free(pem);
    if (status != HF_OK)
        return fail("import", status, why);
    printf("%s\n", uri);
    return finish_output("import");
}

static int import_certs(const hf_token_args *a, char *why)
{
    size_t len = 0;
    size_t stored = 0;
    char *pem = hf_token_read_file(a->cert_file, &len);

    if (!pem)
        return TOKEN_FAILED;
    hf_status status = hf_hsm_import_certs(&a->hsm, a->token_uri, pem, len, &stored, why, TOKEN_WHY_MAX);
    free(pem);
    if (status != HF_OK)
        return fail("import", status, why);
    printf("%zu certificate%s stored\n", stored, stored == 1 ? "" : "s");
    return finish_output("import");
}

static int do_import(const hf_token_args *a, char *why)
{
    if (!a->cert_file == !a->key_file)
        return misuse("import", "it needs --cert FILE, or --key FILE with --label NAME");
    if (a->key_file && !a->label)
        return misuse("import", "a key needs --label NAME");
    return a->key_file ? import_key(a, why) : import_certs(a, why);
}

/* ---- list ---------------------------------------------------------------------------------------- */

static void print_id(const hf_hsm_object *o)
{
    for (size_t i = 0; i < o->id_len; i++)
        printf("%02x", o->id[i]);
}

/* Labels and names come from the token: no control characters reach the terminal. */
static void print_clean(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static hf_status print_object(void *arg, const hf_hsm_object *o)
{
    static const char *const names[] = {[HF_HSM_PRIVATE_KEY] = "private key",
                                        [HF_HSM_PUBLIC_KEY] = "public key",
                                        [HF_HSM_CERTIFICATE] = "certificate",
                                        [HF_HSM_SECRET_KEY] = "secret key"};
    size_t *n = arg;

    printf("%s%-12s %-9s \"", (*n)++ ? "\n" : "", names[o->class_], o->type);
    print_clean(o->label);
    printf("\"\n  id          ");
    print_id(o);
    printf("\n");
    if (o->class_ == HF_HSM_PRIVATE_KEY || o->class_ == HF_HSM_SECRET_KEY) {
        printf("  protection  %s%s, %s%s\n", o->sensitive ? "sensitive" : "NOT SENSITIVE",
               o->always_sensitive ? " (always)" : "", o->extractable ? "EXTRACTABLE" : "not extractable",
               o->never_extractable ? " (never extractable)" : "");
        printf("  may        %s%s%s%s\n", o->sign ? " sign" : "", o->decrypt ? " decrypt" : "",
               o->unwrap ? " unwrap" : "", o->sign || o->decrypt || o->unwrap ? "" : " nothing");
    }
    if (o->class_ == HF_HSM_CERTIFICATE) {
        printf("  subject     ");
        print_clean(o->subject);
        printf("\n  until       %s\n", o->not_after);
    }
    printf("  URI         %s\n", o->uri);
    return HF_OK;
}

static int do_list(const hf_token_args *a, char *why)
{
    size_t n = 0;
    hf_status status = hf_hsm_list(&a->hsm, a->token_uri, print_object, &n, why, TOKEN_WHY_MAX);

    if (status != HF_OK)
        return fail("list", status, why);
    if (n == 0)
        printf("the token is empty\n");
    return finish_output("list");
}

/* ---- selfsign, csr, check ------------------------------------------------------------------------ */

static int write_pem(const char *action, const char *path, const char *pem)
{
    if (!path || strcmp(path, "-") == 0) {
        fputs(pem, stdout);
        return finish_output(action);
    }
    FILE *file = fopen(path, "wb");
    bool good = file && fputs(pem, file) >= 0;
    if (file && fclose(file) != 0)
        good = false;
    if (good)
        return TOKEN_DONE;
    fprintf(stderr, "handfast token %s: file %s: %s: check --out\n", action, path, strerror(errno));
    return TOKEN_FAILED;
}

static int make_pem(const hf_token_args *a, char *why, bool request)
{
    const char *action = request ? "csr" : "selfsign";
    const hf_hsm_cert_spec spec = {
        .subject = a->subject, .sans = a->sans, .sans_n = a->sans_n, .days = a->days, .ca = a->ca};
    char *pem = NULL;

    if (!a->subject)
        return misuse(action, "it needs --subject CN=NAME");
    hf_status status = request ? hf_hsm_csr(&a->hsm, a->key_uri, &spec, &pem, why, TOKEN_WHY_MAX)
                               : hf_hsm_selfsign(&a->hsm, a->key_uri, &spec, &pem, why, TOKEN_WHY_MAX);
    if (status != HF_OK)
        return fail(action, status, why);
    int code = write_pem(action, a->out_file, pem);
    free(pem);
    return code;
}

static int do_selfsign(const hf_token_args *a, char *why)
{
    return make_pem(a, why, false);
}

static int do_csr(const hf_token_args *a, char *why)
{
    return make_pem(a, why, true);
}

static void print_check(void *arg, bool good, const char *line)
{
    (void)arg;
    printf("%-6s  ", good ? "ok" : "FAILED");
    print_clean(line);
    printf("\n");
}

static int do_check(const hf_token_args *a, char *why)
{
    size_t len = 0;
    char *pem = a->cert_file ? hf_token_read_file(a->cert_file, &len) : NULL;

    if (a->cert_file && !pem)
        return TOKEN_FAILED;
    hf_status status = hf_hsm_check(&a->hsm, a->key_uri, pem, len, print_check, NULL, why, TOKEN_WHY_MAX);
    free(pem);
    if (status != HF_OK)
        return fail("check", status, why);
    return a->load ? hf_token_load(a, why) : finish_output("check");
}

/* ---- dispatch ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int (*run)(const hf_token_args *a, char *why);
    bool takes_word; /* that is no URI: the algorithm */
} actions[] = {
    {"init", do_init, false},         {"keygen", do_keygen, true}, {"list", do_list, false},
    {"selfsign", do_selfsign, false}, {"csr", do_csr, false},      {"import", do_import, false},
    {"check", do_check, false},
};

int hf_token_main(int argc, char **argv)
{
    char why[TOKEN_WHY_MAX] = "";
    hf_token_args args;

    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(help, stdout);
        return finish_output("--help");
    }
    if (argc < 2) {
        fputs("handfast token: name an action: init, keygen, list, selfsign, csr, import or check: see `handfast token "
              "--help`\n",
              stderr);
        return TOKEN_USAGE;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[1], actions[i].name) != 0)
            continue;
        if (!hf_token_args_read(argc - 1, argv + 1, &args))
            return TOKEN_USAGE;
        if (args.help) {
            fputs(help, stdout);
            return finish_output("--help");
        }
        if (args.positional && !actions[i].takes_word && strncmp(args.positional, "pkcs11:", 7) != 0)
            return misuse(argv[1], "only a pkcs11: URI may stand without an option");
        return actions[i].run(&args, why);
    }
    return misuse(argv[1], "no such action");
}
