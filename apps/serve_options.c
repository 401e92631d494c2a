/* The command line of `handfast serve`. */
#include "serve_options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "key_service.h"
#include "loop.h"

#define CONNECTIONS_MAX 1000000
#define SECONDS_MAX 86400

enum {
    OPT_LISTEN = HF_OPT_OWN,
    OPT_ROOT,
    OPT_BACKEND,
    OPT_ECHO,
    OPT_CLIENT_AUTH,
    OPT_CLIENT_CA,
    OPT_STRICT_SNI,
    OPT_OCSP,
    OPT_OCSP_CHECK,
    OPT_TICKETS,
    OPT_TICKET_LIFETIME,
    OPT_TICKET_KEY,
    OPT_SESSION_CACHE,
    OPT_THREADS,
    OPT_HANDSHAKE_TIMEOUT,
    OPT_IDLE_TIMEOUT,
    OPT_MAX_CONNECTIONS,
    OPT_PID_FILE,
    OPT_USER,
    OPT_ISOLATE,
    OPT_NO_ISOLATE,
    OPT_KEY_USER,
    OPT_KEY_SANDBOX,
    OPT_KEY_RATE,
    OPT_AUDIT,
    OPT_AUDIT_FULL,
    OPT_METRICS,
    OPT_RECORD_SIZE
};

static const struct option long_options[] = {
    HF_TLS_LONG_OPTIONS,
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"root", required_argument, NULL, OPT_ROOT},
    {"backend", required_argument, NULL, OPT_BACKEND},
    {"echo", no_argument, NULL, OPT_ECHO},
    {"client-auth", required_argument, NULL, OPT_CLIENT_AUTH},
    {"client-ca", required_argument, NULL, OPT_CLIENT_CA},
    {"strict-sni", no_argument, NULL, OPT_STRICT_SNI},
    {"ocsp", required_argument, NULL, OPT_OCSP},
    {"ocsp-check", required_argument, NULL, OPT_OCSP_CHECK},
    {"tickets", required_argument, NULL, OPT_TICKETS},
    {"ticket-lifetime", required_argument, NULL, OPT_TICKET_LIFETIME},
    {"ticket-key", required_argument, NULL, OPT_TICKET_KEY},
    {"session-cache", required_argument, NULL, OPT_SESSION_CACHE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"handshake-timeout", required_argument, NULL, OPT_HANDSHAKE_TIMEOUT},
    {"idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT},
    {"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
    {"pid-file", required_argument, NULL, OPT_PID_FILE},
    {"user", required_argument, NULL, OPT_USER},
    {"isolate", no_argument, NULL, OPT_ISOLATE},
    {"no-isolate", no_argument, NULL, OPT_NO_ISOLATE},
    {"key-user", required_argument, NULL, OPT_KEY_USER},
    {"key-sandbox", required_argument, NULL, OPT_KEY_SANDBOX},
    {"key-rate", required_argument, NULL, OPT_KEY_RATE},
    {"audit", required_argument, NULL, OPT_AUDIT},
    {"audit-full", required_argument, NULL, OPT_AUDIT_FULL},
    {"metrics", required_argument, NULL, OPT_METRICS},
    {"record-size", required_argument, NULL, OPT_RECORD_SIZE},
    {NULL, 0, NULL, 0},
};

/* What was said, where the default depends on it. */
typedef struct given {
    bool auth, isolate, no_isolate;
} given;

static void print_help(void)
{
    printf("usage: handfast serve --listen HOST:PORT --cert FILE --key URI-or-FILE\n"
           "                      (--backend HOST:PORT | --root DIR | --echo) [options]\n"
           "\n"
           "A TLS server whose private key may live in a PKCS#11 token. Prints \"listening on\n"
           "ADDRESS:PORT\" when it is ready; ends cleanly on SIGTERM or SIGINT. SIGHUP: reads\n"
           "certificates, keys, trust anchors and OCSP responses again, for new connections.\n"
           "\n"
           "  --listen HOST:PORT     where to listen; port 0: any free port; no host: all\n"
           "                         IPv4 addresses; [::]: all IPv6 and IPv4 addresses\n"
           "  --backend HOST:PORT    forward the plaintext to this TCP service\n"
           "  --root DIR             serve the files of this folder over HTTP/1.1; those up\n"
           "                         to 16 KiB are kept in memory, and a change of them is\n"
           "                         seen after a second\n"
           "  --echo                 send back what comes in\n"
           "  --client-auth MODE     none (default), request, optional, required\n"
           "  --client-ca FILE       trust anchors for client certificates, PEM; alone it\n"
           "                         means: required\n"
           "  --strict-sni           refuse a client that asks for a name which no\n"
           "                         certificate carries\n"
           "  --ocsp FILE            OCSP response (DER) to staple to the --cert (or --key)\n"
           "                         before it; sent until it expires\n"
           "  --ocsp-check S         seconds between looks at the files of --ocsp: one that\n"
           "                         changed is read (default 60)\n"
           "  --tickets N|off        tickets after a TLS 1.3 handshake, 1..8 (default 2),\n"
           "                         and tickets in TLS 1.2\n"
           "  --ticket-lifetime S    how long a session may be resumed, seconds, 1..604800\n"
           "                         (default 7200)\n"
           "  --ticket-key URI       an HMAC or AES key in the token that the ticket keys\n"
           "                         come from: servers that share it resume each other's\n"
           "                         sessions; see: handfast token keygen hmac\n"
           "  --session-cache N      TLS 1.2 sessions kept here for clients that take no\n"
           "                         tickets (default: none)\n"
           "  --threads N            threads, each with its own loop (default: one for each\n"
           "                         CPU)\n"
           "  --handshake-timeout S  seconds for a handshake (default 15)\n"
           "  --idle-timeout S       seconds without a byte before a connection is closed\n"
           "                         (default 300)\n"
           "  --max-connections N    connections at once (default 10000)\n"
           "  --record-size SIZE     bytes of content in a record: auto (default: %d at a\n"
           "                         start, then %d) or %d..%d\n"
           "  --pid-file FILE        write the process id to FILE while running\n"
           "  --user NAME            become this user once everything is open (needs root);\n"
           "                         means --isolate\n"
           "  --isolate              keys, module and PIN in a process of their own; the\n"
           "                         network's one is confined\n"
           "  --no-isolate           all in one process, even with --user\n"
           "  --key-user NAME        the key process becomes this user (needs root)\n"
           "  --key-sandbox MODE     of the key process: local (default: no network, no\n"
           "                         programs), network, off\n"
           "  --key-rate N           private-key operations per second that the key process\n"
           "                         does at most\n"
           "  --audit FILE           a line of JSON for each use of a key, chained by\n"
           "                         hashes; SIGHUP opens it anew\n"
           "  --audit-full MODE      no line can be written: refuse (default; no key is\n"
           "                         used), continue (and count)\n"
           "  --metrics HOST:PORT    plain HTTP for Prometheus: /metrics, /healthz; a\n"
           "                         loopback or management address\n"
           "%s\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
           HF_SIZE_SMALL, HF_PLAINTEXT_MAX, HF_RECORD_SIZE_MIN, HF_PLAINTEXT_MAX, hf_tls_options_help);
}

static int take_app(hf_serve_options *options, const hf_app *app)
{
    if (options->app && options->app != app)
        return hf_cli_usage("serve", "choose one of --backend, --root and --echo");
    options->app = app;
    return HF_EXIT_DONE;
}

static int take_number(const char *name, const char *value, unsigned long max, unsigned long *out)
{
    if (!hf_cli_number(value, 1, max, out))
        return hf_cli_usage("serve", "--%s %s: not a number in 1..%lu", name, value, max);
    return HF_EXIT_DONE;
}

static int take_small(const char *name, const char *value, unsigned max, unsigned *out)
{
    unsigned long n = *out;
    int result = take_number(name, value, max, &n);
    *out = (unsigned)n;
    return result;
}

static int take_record_size(const char *value, size_t *out)
{
    unsigned long n = 0;
    if (strcmp(value, "auto") != 0 && !hf_cli_number(value, HF_RECORD_SIZE_MIN, HF_PLAINTEXT_MAX, &n))
        return hf_cli_usage("serve", "--record-size %s: neither auto nor a number in %d..%d", value, HF_RECORD_SIZE_MIN,
                            HF_PLAINTEXT_MAX);
    *out = n;
    return HF_EXIT_DONE;
}

static int take_address(const char *name, const char *value, hf_host_port *out)
{
    if (!hf_cli_host_port(value, out))
        return hf_cli_usage("serve", "--%s %s: not HOST:PORT (an IPv6 address stands in brackets)", name, value);
    return HF_EXIT_DONE;
}

/* Whoever says it twice wants both, and would wonder about the one that is not there. */
static int take_listen(hf_serve_options *options, const char *value)
{
    if (options->listen.port[0])
        return hf_cli_usage("serve", "--listen %s: only one is possible; [::]:PORT is every IPv6 and IPv4 address",
                            value);
    return take_address("listen", value, &options->listen);
}

static int take_backend(hf_serve_options *options, const char *value)
{
    int result = take_address("backend", value, &options->backend);
    if (result == HF_EXIT_DONE && strcmp(options->backend.port, "0") == 0)
        result = hf_cli_usage("serve", "--backend %s: no service has port 0", value);
    options->backend_name = value;
    return result == HF_EXIT_DONE ? take_app(options, &hf_app_backend) : result;
}

static int take_client_auth(hf_serve_options *options, const char *value)
{
    static const char *const names[] = {
        [HF_CLIENT_AUTH_NONE] = "none",
        [HF_CLIENT_AUTH_REQUEST] = "request",
        [HF_CLIENT_AUTH_OPTIONAL] = "optional",
        [HF_CLIENT_AUTH_REQUIRED] = "required",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], value) == 0) {
            options->tls.client_auth = (hf_client_auth)i;
            return HF_EXIT_DONE;
        }
    }
    return hf_cli_usage("serve", "--client-auth %s: choose none, request, optional or required", value);
}

/* It belongs to the credential that was begun last. */
static int take_ocsp(hf_serve_options *options, const char *value)
{
    hf_tls_options *tls = &options->tls;
    size_t begun = tls->n_certs > tls->n_keys ? tls->n_certs : tls->n_keys;
    if (begun == 0)
        return hf_cli_usage("serve", "--ocsp %s stands before the --cert it belongs to", value);
    if (tls->ocsp[begun - 1])
        return hf_cli_usage("serve", "--ocsp %s: the certificate before it has one already", value);
    tls->ocsp[begun - 1] = value;
    return HF_EXIT_DONE;
}

static int take_tickets(hf_serve_options *options, const char *value)
{
    unsigned long n = 0;
    if (strcmp(value, "off") != 0 && !hf_cli_number(value, 1, HF_LIMIT_TICKETS, &n))
        return hf_cli_usage("serve", "--tickets %s: neither off nor a number in 1..%d", value, HF_LIMIT_TICKETS);
    options->tls.tickets = (unsigned)n;
    return HF_EXIT_DONE;
}

static int take_ticket_key(hf_serve_options *options, const char *value)
{
    if (!hf_tls_key_is_uri(value))
        return hf_cli_usage("serve", "--ticket-key %s: a pkcs11: URI is needed; the key stays in the token", value);
    options->tls.ticket_key = value;
    return HF_EXIT_DONE;
}

static int take_sandbox(hf_sandbox *out, const char *value)
{
    static const char *const names[] = {
        [HF_SANDBOX_LOCAL] = "local", [HF_SANDBOX_NETWORK] = "network", [HF_SANDBOX_OFF] = "off"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], value) == 0) {
            *out = (hf_sandbox)i;
            return HF_EXIT_DONE;
        }
    }
    return hf_cli_usage("serve", "--key-sandbox %s: choose local, network or off", value);
}

static int take_audit_full(hf_audit_full *out, const char *value)
{
    bool refuse = strcmp(value, "refuse") == 0;
    if (!refuse && strcmp(value, "continue") != 0)
        return hf_cli_usage("serve", "--audit-full %s: choose refuse or continue", value);
    *out = refuse ? HF_AUDIT_REFUSE : HF_AUDIT_CONTINUE;
    return HF_EXIT_DONE;
}

/* Options about who does what with the keys (docs/security.md, "Isolation"; docs/operations.md). */
static int take_isolation(hf_serve_options *options, int opt, const char *value, given *also)
{
    switch (opt) {
    case OPT_USER:
        return hf_user_find(value, &options->user) ? HF_EXIT_DONE : HF_EXIT_USAGE;
    case OPT_KEY_USER:
        return hf_user_find(value, &options->key_user) ? HF_EXIT_DONE : HF_EXIT_USAGE;
    case OPT_KEY_SANDBOX:
        return take_sandbox(&options->key_sandbox, value);
    case OPT_KEY_RATE:
        return take_small("key-rate", value, HF_KEY_RATE_MAX, &options->key_rate);
    case OPT_AUDIT:
        options->audit = value;
        return HF_EXIT_DONE;
    case OPT_AUDIT_FULL:
        return take_audit_full(&options->audit_full, value);
    default:
        *(opt == OPT_ISOLATE ? &also->isolate : &also->no_isolate) = true;
        return HF_EXIT_DONE;
    }
}

static int take(hf_serve_options *options, int opt, const char *value, given *also)
{
    switch (opt) {
    case OPT_LISTEN:
        return take_listen(options, value);
    case OPT_BACKEND:
        return take_backend(options, value);
    case OPT_ROOT:
        options->root = value;
        return take_app(options, &hf_app_static);
    case OPT_ECHO:
        return take_app(options, &hf_app_echo);
    case OPT_CLIENT_AUTH:
        also->auth = true;
        return take_client_auth(options, value);
    case OPT_CLIENT_CA:
        options->tls.trust = value;
        return HF_EXIT_DONE;
    case OPT_STRICT_SNI:
        options->tls.strict_sni = true;
        return HF_EXIT_DONE;
    case OPT_OCSP:
        return take_ocsp(options, value);
    case OPT_OCSP_CHECK:
        return take_small("ocsp-check", value, SECONDS_MAX, &options->ocsp_check);
    case OPT_TICKETS:
        return take_tickets(options, value);
    case OPT_TICKET_LIFETIME:
        return take_small("ticket-lifetime", value, HF_LIMIT_SESSION_LIFETIME, &options->tls.ticket_lifetime);
    case OPT_TICKET_KEY:
        return take_ticket_key(options, value);
    case OPT_SESSION_CACHE:
        return take_number("session-cache", value, HF_LIMIT_SESSION_CACHE, &options->tls.session_cache);
    case OPT_THREADS:
        return take_small("threads", value, HF_THREADS_MAX, &options->threads);
    case OPT_HANDSHAKE_TIMEOUT:
        return take_small("handshake-timeout", value, SECONDS_MAX, &options->handshake_timeout);
    case OPT_IDLE_TIMEOUT:
        return take_small("idle-timeout", value, SECONDS_MAX, &options->idle_timeout);
    case OPT_MAX_CONNECTIONS:
        return take_number("max-connections", value, CONNECTIONS_MAX, &options->max_connections);
    case OPT_RECORD_SIZE:
        return take_record_size(value, &options->record_size);
    case OPT_PID_FILE:
        options->pid_file = value;
        return HF_EXIT_DONE;
    case OPT_METRICS:
        return take_address("metrics", value, &options->metrics);
    case OPT_USER:
    case OPT_ISOLATE:
    case OPT_NO_ISOLATE:
    case OPT_KEY_USER:
    case OPT_KEY_SANDBOX:
    case OPT_KEY_RATE:
    case OPT_AUDIT:
    case OPT_AUDIT_FULL:
        return take_isolation(options, opt, value, also);
    default:
        return hf_tls_options_take(&options->tls, opt, value, "serve");
    }
}

static int check_isolation(hf_serve_options *options, const given *also)
{
    if (also->isolate && also->no_isolate)
        return hf_cli_usage("serve", "--isolate and --no-isolate exclude each other");
    options->isolate = also->isolate || (options->user.name && !also->no_isolate);
    if (!options->isolate && (options->key_user.name || options->key_rate || options->key_sandbox != HF_SANDBOX_LOCAL))
        return hf_cli_usage("serve", "--key-user, --key-rate and --key-sandbox need --isolate");
    if ((options->user.name || options->key_user.name) && geteuid() != 0)
        return hf_cli_usage("serve", "--user and --key-user need root");
    return HF_EXIT_DONE;
}

static int check(hf_serve_options *options, const given *also)
{
    if (!options->listen.port[0])
        return hf_cli_usage("serve", "--listen HOST:PORT is missing");
    if (!options->app)
        return hf_cli_usage("serve", "one of --backend, --root and --echo is missing");
    if (options->tls.n_keys == 0)
        return hf_cli_usage("serve", "--key URI-or-FILE is missing");
    if (options->tls.ticket_key && options->tls.tickets == 0)
        return hf_cli_usage("serve", "--ticket-key and --tickets off exclude each other");
    if (options->tls.trust && !also->auth)
        options->tls.client_auth = HF_CLIENT_AUTH_REQUIRED;
    if (options->tls.client_auth >= HF_CLIENT_AUTH_OPTIONAL && !options->tls.trust)
        return hf_cli_usage("serve", "--client-auth optional and required need --client-ca FILE");
    int result = check_isolation(options, also);
    return result == HF_EXIT_DONE ? hf_tls_options_check(&options->tls, "serve") : result;
}

static unsigned default_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > HF_THREADS_MAX ? HF_THREADS_MAX : (unsigned)n;
}

int hf_serve_options_parse(hf_serve_options *options, int argc, char **argv)
{
    given also = {.auth = false};
    memset(options, 0, sizeof *options);
    options->threads = default_threads();
    options->tls.tickets = HF_DEFAULT_TICKETS;
    options->ocsp_check = 60;
    options->handshake_timeout = 15;
    options->idle_timeout = 300;
    options->max_connections = 10000;
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (opt == HF_OPT_HELP) {
            print_help();
            options->help = true;
            return HF_EXIT_DONE;
        }
        if (opt == ':' || opt == '?')
            return hf_cli_usage("serve", "%s: %s", argv[optind - 1],
                                opt == ':' ? "a value is missing" : "unknown option");
        int result = take(options, opt, optarg, &also);
        if (result != HF_EXIT_DONE)
            return result;
    }
    if (optind < argc)
        return hf_cli_usage("serve", "%s: no such argument", argv[optind]);
    return check(options, &also);
}
