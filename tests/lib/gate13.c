/* The gate behind gate13.h. */
#include "gate13.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

static gate13 *gates; /* those that listen to key logs */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "gate13: %s\n", what);
    abort();
}

/* ---- Secrets ---- */

enum { CLIENT_HS, SERVER_HS, CLIENT_AP, SERVER_AP };

static uint8_t *secret_at(secrets13 *s, unsigned which)
{
    return which == CLIENT_HS   ? s->client_hs
           : which == SERVER_HS ? s->server_hs
           : which == CLIENT_AP ? s->client_ap
                                : s->server_ap;
}

static void on_key_log(void *user, const char *label, const uint8_t client_random[32], const uint8_t *secret,
                       size_t secret_len)
{
    static const char *const labels[] = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                                         "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"};
    (void)client_random;
    for (gate13 *g = gates; g; g = g->next)
        for (unsigned i = 0; i < 4; i++) {
            if (strcmp(label, labels[i]) != 0)
                continue;
            secrets13 *s = user == g->from ? &g->of_from : &g->of_to;
            if (user != g->from && user != g->to)
                continue;
            memcpy(secret_at(s, i), secret, secret_len);
            s->have |= 1u << i;
        }
}

void gate13_init(gate13 *g, pair *p, end *from)
{
    *g = (gate13){.p = p, .from = from, .to = pair_peer(p, from), .next = gates};
    gates = g;
    from->held_out = true;
    p->client.conn->options.on_key_log = p->server.conn->options.on_key_log = on_key_log;
}

/* ---- Keys ---- */

static void lane_clear(lane13 *lane)
{
    if (lane->cipher)
        lane->cipher->key_cleanup(lane->state);
    free(lane->block);
    *lane = (lane13){0};
}

static void lane_set(gate13 *g, lane13 *lane, hf_direction direction, const uint8_t *secret)
{
    const hf_conn *conn = lane == &g->in ? g->from->conn : g->to->conn;
    const hf_suite *suite = hf_suite_by_id(conn->suite_id);
    uint8_t key[HF_CIPHER_KEY_MAX], iv[HF_CIPHER_IV_MAX];
    lane13 made = {0};
    must(suite != NULL, "the suite is settled");
    made.cipher = conn->config->crypto.ciphers[suite->cipher];
    made.hash = conn->config->crypto.hashes[suite->prf_hash];
    memcpy(made.secret, secret, made.hash->size);
    must(hf_expand_label(made.hash, secret, "key", (hf_slice){0}, key, hf_cipher_spec_of(suite->cipher)->key_size) ==
             HF_OK,
         "a key");
    must(hf_expand_label(made.hash, secret, "iv", (hf_slice){0}, iv, sizeof iv) == HF_OK, "an iv");
    made.block = malloc(made.cipher->key_state_size + HF_RECORD_KEY_ALIGN);
    must(made.block != NULL, "out of memory");
    made.state = (void *)(((uintptr_t)made.block + HF_RECORD_KEY_ALIGN - 1) & ~(uintptr_t)(HF_RECORD_KEY_ALIGN - 1));
    hf_record_keys keys = {.mode = HF_RECORD_TLS13, .direction = direction, .key = key, .iv = iv};
    must(made.cipher->key_init(made.state, &keys) == HF_OK, "a key state");
    lane_clear(lane);
    *lane = made;
}

/* The secret of our direction; NULL: the end has not told it. */
static const uint8_t *secret_of(gate13 *g, secrets13 *s, bool application)
{
    unsigned which = (application ? CLIENT_AP : CLIENT_HS) + (g->from == &g->p->server);
    return s->have & 1u << which ? secret_at(s, which) : NULL;
}

/* The receiver takes protected records from the moment it knows the secrets. */
static void follow_receiver(gate13 *g)
{
    const uint8_t *secret = secret_of(g, &g->of_to, false);
    if (!g->out.cipher && secret && hf_conn_status(g->to->conn) == HF_OK)
        lane_set(g, &g->out, HF_SEAL, secret);
}

static void lane_update(gate13 *g, lane13 *lane, hf_direction direction)
{
    uint8_t next[HF_HASH_SIZE_MAX];
    must(lane->cipher != NULL, "there are keys");
    must(hf_expand_label(lane->hash, lane->secret, "traffic upd", (hf_slice){0}, next, lane->hash->size) == HF_OK,
         "the next secret");
    lane_set(g, lane, direction, next);
}

void gate13_update(gate13 *g)
{
    lane_update(g, &g->out, HF_SEAL);
}

void gate13_cleanup(gate13 *g)
{
    gate13 **at = &gates;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    lane_clear(&g->in);
    lane_clear(&g->out);
    free(g->handshake.data);
    *g = (gate13){0};
}

/* ---- Out of the sender ---- */

/* Opens one protected record of the sender into *out, header with the inner type in front. */
static void open_record(gate13 *g, const uint8_t *record, size_t len, unit *out)
{
    if (!g->in.cipher) {
        const uint8_t *secret = secret_of(g, &g->of_from, false);
        must(secret != NULL, "the sender told its handshake secret");
        lane_set(g, &g->in, HF_OPEN, secret);
    }
    hf_record_job job = {.key = g->in.state,
                         .sequence = g->in.sequence++,
                         .in = record + HF_RECORD_HEADER_SIZE,
                         .in_len = len - HF_RECORD_HEADER_SIZE,
                         .out = out->bytes + HF_RECORD_HEADER_SIZE,
                         .out_max = UNIT_MAX - HF_RECORD_HEADER_SIZE,
                         .content_type = HF_CONTENT_APPLICATION_DATA};
    hf_worker_run(g->from->worker, g->in.cipher, HF_OPEN, &job, 1);
    must(job.status == HF_OK, "the sender's record opens");
    size_t n = job.out_len;
    while (n > 0 && out->bytes[HF_RECORD_HEADER_SIZE + n - 1] == 0)
        n--;
    must(n > 0, "it has a type");
    out->bytes[0] = out->bytes[HF_RECORD_HEADER_SIZE + n - 1];
    out->len = HF_RECORD_HEADER_SIZE + n - 1;
}

static bool cut_message(gate13 *g, unit *out)
{
    size_t have = wire_len(&g->handshake);
    const uint8_t *p = have ? wire_data(&g->handshake) : NULL;
    if (have < HF_MSG_HEADER_SIZE)
        return false;
    size_t len = HF_MSG_HEADER_SIZE + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
    if (have < len)
        return false;
    unit_of_message(out, p, len);
    wire_drop(&g->handshake, len);
    if (out->message == HF_MSG_FINISHED) {
        const uint8_t *secret = secret_of(g, &g->of_from, true);
        must(secret != NULL, "the sender told its application secret");
        lane_set(g, &g->in, HF_OPEN, secret);
    }
    if (out->message == HF_MSG_KEY_UPDATE)
        lane_update(g, &g->in, HF_OPEN);
    return true;
}

bool gate13_next(gate13 *g, unit *out)
{
    pair_run(g->p);
    follow_receiver(g);
    for (;;) {
        if (cut_message(g, out))
            return true;
        if (wire_len(&g->from->out) < HF_RECORD_HEADER_SIZE)
            return false;
        const uint8_t *p = wire_data(&g->from->out);
        size_t len = HF_RECORD_HEADER_SIZE + ((size_t)p[3] << 8 | p[4]);
        must(wire_len(&g->from->out) >= len, "the sender sends whole records");
        out->len = len;
        if (p[0] == HF_CONTENT_APPLICATION_DATA)
            open_record(g, p, len, out);
        else
            memcpy(out->bytes, p, len);
        wire_drop(&g->from->out, len);
        if (out->bytes[0] == HF_CONTENT_HANDSHAKE) {
            wire_put(&g->handshake, out->bytes + HF_RECORD_HEADER_SIZE, out->len - HF_RECORD_HEADER_SIZE);
            continue;
        }
        out->message =
            out->bytes[0] == HF_CONTENT_CHANGE_CIPHER_SPEC ? (unsigned)HF_MESSAGE_CHANGE_CIPHER_SPEC : UNIT_OTHER;
        return true;
    }
}

/* ---- Into the receiver ---- */

void gate13_put_raw(gate13 *g, const void *bytes, size_t len)
{
    wire_put(&g->to->injected, bytes, len);
    pair_run(g->p);
    follow_receiver(g);
}

static void put_record(gate13 *g, uint8_t type, const uint8_t *body, size_t len)
{
    const uint8_t header[HF_RECORD_HEADER_SIZE] = {type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    wire_put(&g->to->injected, header, sizeof header);
    gate13_put_raw(g, body, len);
}

void gate13_put_plain(gate13 *g, uint8_t type, const void *content, size_t len)
{
    put_record(g, type, content, len);
}

void gate13_put_padded(gate13 *g, uint8_t type, const void *content, size_t len, size_t padding)
{
    static const uint8_t none[1];
    const uint8_t *bytes = len ? content : none;
    if (!g->out.cipher) {
        put_record(g, type, bytes, len);
        return;
    }
    size_t size = hf_record_sealed_size(hf_cipher_spec_of(g->out.cipher->id), HF_RECORD_TLS13, len, padding);
    uint8_t *body = malloc(size);
    must(body != NULL, "out of memory");
    hf_record_job job = {.key = g->out.state,
                         .sequence = g->out.sequence++,
                         .in = bytes,
                         .in_len = len,
                         .out = body,
                         .out_max = size,
                         .padding = padding,
                         .content_type = type};
    hf_worker_run(g->to->worker, g->out.cipher, HF_SEAL, &job, 1);
    must(job.status == HF_OK, "the record is sealed");
    put_record(g, HF_CONTENT_APPLICATION_DATA, body, job.out_len);
    free(body);
}

void gate13_put(gate13 *g, uint8_t type, const void *content, size_t len)
{
    gate13_put_padded(g, type, content, len, 0);
}

void gate13_put_message(gate13 *g, uint8_t type, const void *body, size_t len)
{
    uint8_t *message = malloc(HF_MSG_HEADER_SIZE + len);
    must(message != NULL, "out of memory");
    message[0] = type;
    message[1] = (uint8_t)(len >> 16);
    message[2] = (uint8_t)(len >> 8);
    message[3] = (uint8_t)len;
    if (len)
        memcpy(message + HF_MSG_HEADER_SIZE, body, len);
    gate13_put(g, HF_CONTENT_HANDSHAKE, message, HF_MSG_HEADER_SIZE + len);
    free(message);
}

void gate13_pass(gate13 *g, const unit *u)
{
    uint8_t type = u->bytes[0];
    if (type == HF_CONTENT_CHANGE_CIPHER_SPEC) {
        gate13_put_raw(g, u->bytes, u->len);
        return;
    }
    gate13_put(g, type, u->bytes + HF_RECORD_HEADER_SIZE, u->len - HF_RECORD_HEADER_SIZE);
    const uint8_t *secret = secret_of(g, &g->of_to, true);
    if (u->message == HF_MSG_FINISHED && secret && hf_conn_status(g->to->conn) == HF_OK)
        lane_set(g, &g->out, HF_SEAL, secret);
    if (u->message == HF_MSG_KEY_UPDATE && hf_conn_status(g->to->conn) == HF_OK)
        gate13_update(g);
}

bool gate13_until(gate13 *g, unsigned message, unit *out)
{
    while (gate13_next(g, out)) {
        if (out->message == message)
            return true;
        gate13_pass(g, out);
    }
    return false;
}

void gate13_pass_all(gate13 *g)
{
    unit *u = malloc(sizeof *u);
    must(u != NULL, "out of memory");
    while (gate13_next(g, u))
        gate13_pass(g, u);
    free(u);
}
