/* What Handfast is measured beside, as packaged by Debian: nginx, HAProxy, and the load generator wrk. */
#ifndef HF_BENCH_PEERS_H
#define HF_BENCH_PEERS_H

#include "server.h"

#define HF_PEER_VERSION_MAX 96

/* The path of an installed program ("nginx", "haproxy", "wrk") in the usual places or PATH; false when it is not there.
 */
bool hf_peer_find(const char *name, char *out, size_t max);
/* One line about its version, "unknown" when it does not tell. */
void hf_peer_version(const char *path, const char *option, char *out, size_t max);
/* OpenSSL's engine for PKCS#11 keys (libp11), that nginx needs for a key in a token; NULL: not installed. */
const char *hf_peer_engine(void);

/* nginx with one worker and TLS; options->key_in_file or a token's key through the engine; HF_WORK_FILES, or
 * HF_WORK_ECHO for an answer without a file. One process, so that its processor time is all there is. */
bool hf_peer_nginx_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out);
/* nginx without TLS: the backend behind the servers that forward. */
bool hf_peer_backend_start(const char *program, const char *root, int cpu, const hf_token_bed *bed, hf_server *out);
/* HAProxy with one thread, forwarding TCP. */
bool hf_peer_haproxy_start(const hf_server_options *options, const hf_token_bed *bed, hf_server *out);

/* What wrk saw. */
typedef struct hf_wrk_result {
    double requests, seconds, requests_per_s, client_cpu_s, p50_ms, p99_ms;
} hf_wrk_result;

/* wrk with one thread on `cpu` for whole seconds, reading https://127.0.0.1:port/path over kept-alive connections.
 * False after a message, also when any answer was not 2xx. */
bool hf_wrk_run(const char *program, int cpu, const hf_token_bed *bed, const hf_server *server, const char *path,
                unsigned connections, unsigned seconds, hf_wrk_result *out);

#endif
