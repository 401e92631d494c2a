/* The command line of `handfast connect`. */
#include "connect_options.h"

#include <stdio.h>
#include <string.h>

#define GET_PATH_MAX 4096
#define TIMEOUT_MAX 86400
#define RESUME_MAX 10000

enum {
    OPT_CA = HF_OPT_OWN,
    OPT_NAME,
    OPT_INSECURE,
    OPT_GET,
    OPT_MAX_FRAGMENT_LENGTH,
    OPT_RECORD_SIZE_LIMIT,
    OPT_FALLBACK,
    OPT_OCSP,
    OPT_REQUIRE_OCSP,
    OPT_TIMEOUT,
    OPT_RESUME,
    OPT_QUIET
};

static const struct option long_options[] = {
    HF_TLS_LONG_OPTIONS,
    {"ca", required_argument, NULL, OPT_CA},
    {"name", required_argument, NULL, OPT_NAME},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"get", required_argument, NULL, OPT_GET},
    {"max-fragment-length", required_argument, NULL, OPT_MAX_FRAGMENT_LENGTH},
    {"record-size-limit", required_argument, NULL, OPT_RECORD_SIZE_LIMIT},
    {"fallback-scsv", no_argument, NULL, OPT_FALLBACK},
    {"ocsp", no_argument, NULL, OPT_OCSP},
    {"require-ocsp", no_argument, NULL, OPT_REQUIRE_OCSP},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"resume", required_argument, NULL, OPT_RESUME},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {NULL, 0, NULL, 0},
};

static void print_help(void)
{
    printf("usage: handfast connect HOST:PORT [options]\n"
           "\n"
           "A TLS client: standard input to the server, the server to standard output. The\n"
           "end of standard input closes our direction; the program ends when the server\n"
           "closes its own.\n"
           "\n"
           "  --ca FILE              trust anchors, PEM (default: the system's)\n"
           "  --name HOST            name that the certificate must carry (default: HOST)\n"
           "  --insecure             do not verify the server: for tests only\n"
           "  --get PATH             one HTTP/1.1 GET; the body goes to standard output;\n"
           "                         fails unless it is 2xx\n"
           "  --max-fragment-length N\n"
           "                         ask for records of 512, 1024, 2048 or 4096 bytes\n"
           "                         (RFC 6066)\n"
           "  --record-size-limit N  receive records of at most N bytes, 64..16384\n"
           "                         (RFC 8449)\n"
           "  --fallback-scsv        say that this is a retry below our highest version\n"
           "                         (RFC 7507)\n"
           "  --ocsp                 ask for a stapled OCSP response; one that is given must\n"
           "                         say that the certificate is good\n"
           "  --require-ocsp         the same, and one must be given\n"
           "  --resume N             connect N more times, each with the session of the\n"
           "                         connection before; fails when the server does not\n"
           "                         resume it\n"
           "  --timeout SECONDS      for the handshake, the response, and the server's close\n"
           "                         (default 15)\n"
           "  --quiet                no summary line on standard error\n"
           "%s\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
           hf_tls_options_help);
}

static int take_size(const char *name, const char *value, unsigned long min, unsigned long max, size_t *out)
{
    unsigned long n;
    if (!hf_cli_number(value, min, max, &n))
        return hf_cli_usage("connect", "--%s %s: not a number in %lu..%lu", name, value, min, max);
    *out = n;
    return HF_EXIT_DONE;
}

static int take_fragment_length(const char *value, size_t *out)
{
    int result = take_size("max-fragment-length", value, 512, 4096, out);
    if (result == HF_EXIT_DONE && (*out & (*out - 1)) != 0)
        return hf_cli_usage("connect", "--max-fragment-length %s: choose 512, 1024, 2048 or 4096", value);
    return result;
}

/* It stands in a request line: visible ASCII only. */
static int take_get(hf_connect_options *options, const char *value)
{
    if (value[0] != '/' || strlen(value) > GET_PATH_MAX)
        return hf_cli_usage("connect", "--get PATH starts with '/' and has at most %d bytes", GET_PATH_MAX);
    for (const char *c = value; *c; c++)
        if (*c <= 0x20 || *c >= 0x7f)
            return hf_cli_usage("connect", "--get PATH: percent-encode everything but visible ASCII");
    options->get_path = value;
    return HF_EXIT_DONE;
}

static int take(hf_connect_options *options, int opt, const char *value)
{
    size_t seconds = 0, times = 0;
    int result;
    switch (opt) {
    case OPT_CA:
        options->tls.trust = value;
        return HF_EXIT_DONE;
    case OPT_NAME:
        if (!value[0] || strlen(value) > HF_LIMIT_NAME)
            return hf_cli_usage("connect", "--name '%.40s': a host name of 1 to %d bytes, or an IP address", value,
                                HF_LIMIT_NAME);
        options->name = value;
        return HF_EXIT_DONE;
    case OPT_INSECURE:
        options->tls.insecure = true;
        return HF_EXIT_DONE;
    case OPT_GET:
        return take_get(options, value);
    case OPT_MAX_FRAGMENT_LENGTH:
        return take_fragment_length(value, &options->tls.max_fragment_length);
    case OPT_RECORD_SIZE_LIMIT:
        return take_size("record-size-limit", value, 64, 16384, &options->tls.record_size_limit);
    case OPT_FALLBACK:
        options->tls.fallback = true;
        return HF_EXIT_DONE;
    case OPT_OCSP:
        if (options->tls.ask_ocsp == HF_OCSP_OFF)
            options->tls.ask_ocsp = HF_OCSP_REQUEST;
        return HF_EXIT_DONE;
    case OPT_REQUIRE_OCSP:
        options->tls.ask_ocsp = HF_OCSP_REQUIRE;
        return HF_EXIT_DONE;
    case OPT_TIMEOUT:
        result = take_size("timeout", value, 1, TIMEOUT_MAX, &seconds);
        options->timeout = (unsigned)seconds;
        return result;
    case OPT_RESUME:
        result = take_size("resume", value, 1, RESUME_MAX, &times);
        options->resume = (unsigned)times;
        return result;
    case OPT_QUIET:
        options->quiet = true;
        return HF_EXIT_DONE;
    default:
        return hf_tls_options_take(&options->tls, opt, value, "connect");
    }
}

int hf_connect_options_parse(hf_connect_options *options, int argc, char **argv)
{
    memset(options, 0, sizeof *options);
    options->timeout = 15;
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (opt == HF_OPT_HELP) {
            print_help();
            options->help = true;
            return HF_EXIT_DONE;
        }
        if (opt == ':' || opt == '?')
            return hf_cli_usage("connect", "%s: %s", argv[optind - 1],
                                opt == ':' ? "a value is missing" : "unknown option");
        int result = take(options, opt, optarg);
        if (result != HF_EXIT_DONE)
            return result;
    }
    if (optind + 1 != argc)
        return hf_cli_usage("connect", optind == argc ? "HOST:PORT is missing" : "only one HOST:PORT is wanted");
    if (!hf_cli_host_port(argv[optind], &options->to) || !options->to.host[0] || strcmp(options->to.port, "0") == 0)
        return hf_cli_usage("connect", "%s: not HOST:PORT (an IPv6 address stands in brackets)", argv[optind]);
    if (!options->name)
        options->name = options->to.host;
    return hf_tls_options_check(&options->tls, "connect");
}
