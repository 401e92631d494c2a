/* Options of `handfast token` (getopt_long). */
#include "token_args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token_load.h"

enum {
    OPT_MODULE = 256,
    OPT_MODULE_ARGS,
    OPT_TOKEN,
    OPT_PIN_SOURCE,
    OPT_SO_PIN_SOURCE,
    OPT_ID,
    OPT_LABEL,
    OPT_SUBJECT,
    OPT_SAN,
    OPT_DAYS,
    OPT_CA,
    OPT_OUT,
    OPT_CERT,
    OPT_KEY,
    OPT_ALLOW_EXTRACTABLE,
    OPT_LOAD
};

#define DAYS_DEFAULT 365

static const struct option options[] = {
    {"module", required_argument, NULL, OPT_MODULE},
    {"module-args", required_argument, NULL, OPT_MODULE_ARGS},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"pin-source", required_argument, NULL, OPT_PIN_SOURCE},
    {"so-pin-source", required_argument, NULL, OPT_SO_PIN_SOURCE},
    {"id", required_argument, NULL, OPT_ID},
    {"label", required_argument, NULL, OPT_LABEL},
    {"subject", required_argument, NULL, OPT_SUBJECT},
    {"san", required_argument, NULL, OPT_SAN},
    {"days", required_argument, NULL, OPT_DAYS},
    {"ca", no_argument, NULL, OPT_CA},
    {"out", required_argument, NULL, OPT_OUT},
    {"cert", required_argument, NULL, OPT_CERT},
    {"key", required_argument, NULL, OPT_KEY},
    {"allow-extractable", no_argument, NULL, OPT_ALLOW_EXTRACTABLE},
    {"load", optional_argument, NULL, OPT_LOAD},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool read_id(const char *text, hf_token_args *out)
{
    size_t n = strlen(text);

    if (n == 0 || n % 2 != 0 || n / 2 > HF_HSM_ID_MAX)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->id[i] = (uint8_t)(high << 4 | low);
    }
    out->id_len = n / 2;
    return true;
}

static bool read_number(const char *text, unsigned max, unsigned *out)
{
    char *end = NULL;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || value == 0 || value > max)
        return false;
    *out = (unsigned)value;
    return true;
}

static bool wrong(const char *trouble, const char *what)
{
    fputs("handfast token: ", stderr);
    fprintf(stderr, "%s: %s: see `handfast token --help`\n", trouble, what);
    return false;
}

static bool take_value(int option, char *value, hf_token_args *out)
{
    switch (option) {
    case OPT_ID:
        return read_id(value, out) || wrong("--id is not 1 to 64 bytes in hexadecimal", value);
    case OPT_DAYS:
        return read_number(value, HF_HSM_DAYS_MAX, &out->days) ||
               wrong("--days is not a number from 1 to 36500", value);
    case OPT_LOAD:
        out->load = TOKEN_LOAD_DEFAULT;
        return !value || read_number(value, TOKEN_LOAD_MAX, &out->load) ||
               wrong("--load is not a number from 1 to 256", value);
    case OPT_SAN:
        if (out->sans_n == HF_HSM_SANS_MAX)
            return wrong("too many --san", value);
        out->sans[out->sans_n++] = value;
        return true;
    case OPT_CA:
        out->ca = true;
        return true;
    case OPT_ALLOW_EXTRACTABLE:
        out->hsm.allow_extractable = true;
        return true;
    case 'h':
        out->help = true;
        return true;
    default:
        return false;
    }
}

static const char **text_option(int option, hf_token_args *out)
{
    switch (option) {
    case OPT_MODULE:
        return &out->hsm.module;
    case OPT_MODULE_ARGS:
        return &out->hsm.module_args;
    case OPT_TOKEN:
        return &out->token;
    case OPT_PIN_SOURCE:
        return &out->hsm.pin_source;
    case OPT_SO_PIN_SOURCE:
        return &out->so_pin_source;
    case OPT_LABEL:
        return &out->label;
    case OPT_SUBJECT:
        return &out->subject;
    case OPT_OUT:
        return &out->out_file;
    case OPT_CERT:
        return &out->cert_file;
    case OPT_KEY:
        return &out->key_file;
    default:
        return NULL;
    }
}

/* A positional URI stands for itself; else one is made of --token, --label and --id. */
static bool make_uris(hf_token_args *out)
{
    const char *uri = out->positional && strncmp(out->positional, "pkcs11:", 7) == 0 ? out->positional : NULL;

    if (uri && (out->token || out->label || out->id_len))
        return wrong("a URI and --token, --label or --id exclude each other", uri);
    if (uri && strlen(uri) > HF_HSM_URI_MAX)
        return wrong("the URI is too long", "pkcs11:...");
    if (uri) {
        memcpy(out->token_uri, uri, strlen(uri) + 1);
        memcpy(out->key_uri, uri, strlen(uri) + 1);
        return true;
    }
    if (hf_hsm_uri_make(out->token, NULL, NULL, 0, NULL, out->token_uri, sizeof out->token_uri) != HF_OK ||
        hf_hsm_uri_make(out->token, out->label, out->id, out->id_len, "private", out->key_uri, sizeof out->key_uri) !=
            HF_OK)
        return wrong("--token has 1 to 32 bytes", out->token ? out->token : "");
    return true;
}

bool hf_token_args_read(int argc, char **argv, hf_token_args *out)
{
    int option;

    memset(out, 0, sizeof *out);
    out->days = DAYS_DEFAULT;
    out->hsm.prompt = true;
    optind = 0; /* the program has used getopt before: start anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        const char **text = text_option(option, out);
        if (option == '?')
            return wrong("unknown option", argv[optind - 1]);
        if (option == ':')
            return wrong("the option needs a value", argv[optind - 1]);
        if (text)
            *text = optarg;
        else if (!take_value(option, optarg, out))
            return false;
    }
    if (optind < argc)
        out->positional = argv[optind++];
    if (optind < argc)
        return wrong("too many arguments", argv[optind]);
    return make_uris(out);
}

char *hf_token_read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    char *data = file ? calloc(1, TOKEN_FILE_MAX + 1) : NULL;
    const char *trouble = NULL;

    *out_len = 0;
    if (!file) {
        trouble = strerror(errno);
    } else if (!data) {
        trouble = "out of memory";
    } else {
        *out_len = fread(data, 1, TOKEN_FILE_MAX + 1, file);
        if (ferror(file))
            trouble = "it cannot be read";
        else if (*out_len > TOKEN_FILE_MAX)
            trouble = "it is larger than 1 MiB";
    }
    if (file)
        (void)fclose(file);
    if (!trouble)
        return data;
    fprintf(stderr, "handfast token: file %s: %s: check the path\n", path, trouble);
    free(data);
    return NULL;
}
