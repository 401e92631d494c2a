/* nginx and HAProxy as servers under test; see peers.h.
 *
 * They are set up as an operator would who wants them fast: open files cached, no access log, large TLS records,
 * keep-alive without end. */
#include "peers.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"

#define CONFIG_MAX 8192
#define PORT_FIRST 12000
#define PORTS 16000
#define PORT_TRIES 100

bool hf_peer_find(const char *name, char *out, size_t max)
{
    const char *path = getenv("PATH");
    char places[4096];
    char *save = NULL;

    (void)snprintf(places, sizeof places, "%s:/usr/sbin:/usr/local/sbin:/usr/bin", path ? path : "");
    for (char *place = strtok_r(places, ":", &save); place; place = strtok_r(NULL, ":", &save))
        if ((size_t)snprintf(out, max, "%s/%s", place, name) < max && access(out, X_OK) == 0)
            return true;
    return false;
}

void hf_peer_version(const char *path, const char *option, char *out, size_t max)
{
    char command[HF_BED_PATH_MAX + 32];

    (void)snprintf(out, max, "unknown");
    (void)snprintf(command, sizeof command, "'%s' %s 2>&1 </dev/null", path, option);
    FILE *pipe = strchr(path, '\'') ? NULL : popen(command, "re");
    if (!pipe)
        return;
    if (!fgets(out, (int)max, pipe))
        (void)snprintf(out, max, "unknown");
    (void)pclose(pipe);
    out[strcspn(out, "\n")] = 0;
}

const char *hf_peer_engine(void)
{
    static const char *const places[] = {
        "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so",
        "/usr/lib/aarch64-linux-gnu/engines-3/pkcs11.so",
        "/usr/lib64/engines-3/pkcs11.so",
        "/usr/lib/engines-3/pkcs11.so",
    };

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

/* A port that was free a moment ago: these servers cannot tell which one they took. It lies below those that systems
 * give to clients and to port 0, so that nobody is likely to come between. */
static bool take_port(hf_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool good = false;

    for (int tries = 0; !good && tries < PORT_TRIES; tries++) {
        uint16_t number = 0;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (getrandom(&number, sizeof number, 0) == sizeof number) {
            address.sin_port = htons((uint16_t)(PORT_FIRST + number % PORTS));
            good = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
        }
        if (fd >= 0)
            close(fd);
    }
    if (!good)
        hf_bench_fail("no port is free between %d and %d", PORT_FIRST, PORT_FIRST + PORTS - 1);
    server->address = address;
    return good;
}

/* A configuration while it is put together. */
typedef struct config {
    char text[CONFIG_MAX];
    size_t len;
} config;

static void put(config *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(config *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(c->text + c->len, sizeof c->text - c->len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof c->text - c->len)
        c->len += (size_t)n;
}

/* The parts that nginx has with and without TLS. */
static void put_nginx_head(config *c, const hf_token_bed *bed, const char *name)
{
    static const char *const temp[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};

    if (geteuid() == 0)
        put(c, "user root;\n");
    put(c,
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid %s/%s.pid;\nerror_log stderr error;\n"
        "events { worker_connections 16384; }\nhttp {\naccess_log off;\nsendfile on;\ntcp_nodelay on;\n"
        "keepalive_requests 1000000;\nkeepalive_timeout 300;\n"
        "open_file_cache max=64 inactive=300s;\nopen_file_cache_valid 300s;\n",
        bed->folder, name);
    for (size_t i = 0; i < sizeof temp / sizeof temp[0]; i++)
        put(c, "%s_temp_path %s/%s-%s;\n", temp[i], bed->folder, name, temp[i]);
}

/* The key's URI with its PIN's file, as libp11 wants it: no type, which it would take for something else. */
static void put_token_key(config *c, const hf_token_bed *bed, hf_bed_key which)
{
    put(c, "ssl_certificate_key \"engine:pkcs11:pkcs11:token=%s;object=%s;type=private;pin-source=%s\";\n",
        HF_BED_TOKEN, hf_bed_labels[which], bed->pin_file);
}

static void put_nginx_tls(config *c, const hf_server_options *o, const hf_token_bed *bed)
{
    if (o->tls13_only)
        put(c,
            "ssl_protocols TLSv1.3;\nssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;\nssl_ecdh_curve X25519;\n");
    else
        put(c, "ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers "
               "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256;\nssl_ecdh_curve "
               "X25519:prime256v1;\n");
    put(c, "ssl_session_tickets %s;\nssl_buffer_size 16k;\n", o->resume ? "on" : "off");
    for (int which = 0; which < HF_BED_KEYS; which++) {
        if (!o->keys[which])
            continue;
        put(c, "ssl_certificate %s;\n", bed->cert_file[which]);
        if (o->key_in_file)
            put(c, "ssl_certificate_key %s;\n", bed->key_file[which]);
        else
            put_token_key(c, bed, (hf_bed_key)which);
    }
}

static bool start_with(hf_server *out, const hf_token_bed *bed, const char *program, const char *option,
                       const config *c, int cpu)
{
    char name[64], path[HF_BED_PATH_MAX];

    (void)snprintf(name, sizeof name, "%s.conf", out->name);
    if (!hf_token_bed_file(bed, name, c->text, c->len, path))
        return false;
    const char *const nginx[] = {out->name, "-p", bed->folder, option, path, NULL};
    const char *const haproxy[] = {out->name, "-db", option, path, NULL};
    return hf_server_spawn(out, bed, program, strcmp(option, "-c") == 0 ? nginx : haproxy, cpu, NULL) &&
           hf_server_wait(out);
}

/* OpenSSL's configuration for the engine: nginx loads keys from it, but does not initialise it. */
static bool write_engine_config(const hf_server_options *o, const hf_token_bed *bed, char *out_path)
{
    config c = {.len = 0};

    put(&c,
        "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\nengine_id = pkcs11\n"
        "dynamic_path = %s\nMODULE_PATH = %s\ninit = 1\n",
        hf_peer_engine(), o->module ? o->module : bed->module);
    return hf_token_bed_file(bed, "openssl.cnf", c.text, c.len, out_path);
}

bool hf_peer_nginx_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out)
{
    char engine[HF_BED_PATH_MAX];
    config c = {.len = 0};

    memset(out, 0, sizeof *out);
    out->name = options->key_in_file && options->work == HF_WORK_ECHO ? "nginx-file-key" : "nginx";
    if (!take_port(out))
        return false;
    if (!options->key_in_file)
        put(&c, "env SOFTHSM2_CONF;\n\nenv HANDFAST_FAULT_CONF;\n");
    put_nginx_head(&c, bed, out->name);
    put(&c, "server {\nlisten 127.0.0.1:%u ssl backlog=4096;\n", ntohs(out->address.sin_port));
    put_nginx_tls(&c, options, bed);
    if (options->work == HF_WORK_FILES)
        put(&c, "root %s;\n", options->root);
    else
        put(&c, "return 204;\n");
    put(&c, "}\n}\n");
    if (options->key_in_file)
        return start_with(out, bed, options->program, "-c", &c, options->cpu);
    bool good = write_engine_config(options, bed, engine) && setenv("OPENSSL_CONF", engine, 1) == 0 &&
                start_with(out, bed, options->program, "-c", &c, options->cpu);
    (void)unsetenv("OPENSSL_CONF"); /* it is for this child alone */
    return good;
}

bool hf_peer_backend_start(const char *program, const char *root, int cpu, const hf_token_bed *bed, hf_server *out)
{
    config c = {.len = 0};

    memset(out, 0, sizeof *out);
    out->name = "backend";
    if (!take_port(out))
        return false;
    put_nginx_head(&c, bed, out->name);
    put(&c, "server {\nlisten 127.0.0.1:%u backlog=4096;\nroot %s;\n}\n}\n", ntohs(out->address.sin_port), root);
    return start_with(out, bed, program, "-c", &c, cpu);
}

bool hf_peer_haproxy_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out)
{
    static const char name[] = "haproxy-bundle.pem";
    char path[HF_BED_PATH_MAX], bundle[32768];
    config c = {.len = 0};
    size_t len = 0;

    memset(out, 0, sizeof *out);
    out->name = "haproxy";
    for (int part = 0; part < 2; part++) { /* it wants certificate and key in one file */
        FILE *file = fopen(part ? bed->key_file[HF_BED_P256] : bed->cert_file[HF_BED_P256], "re");
        len += file ? fread(bundle + len, 1, sizeof bundle - len, file) : 0;
        if (file)
            (void)fclose(file);
    }
    bool good = take_port(out) && hf_token_bed_file(bed, name, bundle, len, path);
    hf_wipe(bundle, sizeof bundle);
    if (!good)
        return false;
    put(&c,
        "global\n nbthread 1\n maxconn %u\ndefaults\n mode tcp\n timeout connect 10s\n timeout client 300s\n"
        " timeout server 300s\nfrontend f\n bind 127.0.0.1:%u ssl crt %s ssl-min-ver TLSv1.3 ciphersuites "
        "TLS_AES_128_GCM_SHA256 curves X25519\n default_backend b\nbackend b\n server s 127.0.0.1:%u\n",
        options->max_connections, ntohs(out->address.sin_port), path, options->backend);
    return start_with(out, bed, options->program, "-f", &c, options->cpu);
}
