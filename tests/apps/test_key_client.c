/* The network process's keys and the key process's service, joined by their sockets. See key_world.h. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "key_world.h"

static hf_status see_cert(void *arg, const uint8_t *der, size_t len)
{
    *(size_t *)arg += len;
    return memcmp(der, "a certificate", 13) == 0 ? HF_OK : HF_ERR_DECODE;
}

Test(key_client, signs_and_shows_the_key)
{
    world w;
    asked a;
    size_t certs = 0;
    set_up(&w, 0);
    cr_assert_str_eq(w.key->label, "test key");
    cr_assert_eq(w.key->spki_len, w.h.inner->spki_len);
    cr_assert_arr_eq(w.key->spki, w.h.inner->spki, w.key->spki_len);
    cr_assert(w.key->can_decrypt);
    cr_assert_eq(hf_key_client_certs(w.key, see_cert, &certs), HF_OK);
    cr_assert_eq(certs, 13);
    for (int i = 0; i < 20; i++) {
        ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
        expect(&a, HF_OK);
    }
    tear_down(&w);
}

Test(key_client, the_service_refuses_what_is_none_of_its_business)
{
    world w;
    asked a;
    set_up(&w, 0);
    ask(&a, w.key, HF_ECDSA_SECP256R1_SHA256, 32); /* not a scheme of this key */
    expect(&a, HF_ERR_INVALID);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 31); /* not a digest */
    expect(&a, HF_ERR_INVALID);
    ask(&a, w.key, 0, 32);
    expect(&a, HF_ERR_INVALID);
    tear_down(&w);
}

Test(key_client, rate)
{
    world w;
    asked a[4];
    bool refused = false;
    set_up(&w, 3);
    for (int tries = 0; tries < 100 && !refused; tries++) { /* on a slow machine four may take more than a third */
        for (int i = 0; i < 4; i++)
            ask(&a[i], w.key, HF_RSA_PKCS1_SHA256, 32);
        for (int i = 0; i < 3 && tries == 0; i++)
            expect(&a[i], HF_OK);
        for (int i = 0; i < 4; i++) {
            await_done(&a[i]);
            refused = refused || a[i].op.status == HF_ERR_BUSY;
        }
    }
    cr_assert(refused, "more than three in a second");
    cr_assert_geq(atomic_load(&w.p.service.refused_rate), 1);
    tear_down(&w);
}

Test(key_client, death_takes_what_was_sent_and_nothing_else)
{
    world w;
    asked sent[3], later[3];
    process second;
    hf_key_client_state state;
    set_up(&w, 0);
    w.h.closed = true;
    for (int i = 0; i < 3; i++)
        ask(&sent[i], w.key, HF_RSA_PKCS1_SHA256, 32);
    await_waiting(&w, 3);
    process_kill(&w.p);
    for (int i = 0; i < 3; i++)
        expect(&sent[i], HF_ERR_TOKEN);
    for (int i = 0; i < 3; i++)
        ask(&later[i], w.key, HF_RSA_PKCS1_SHA256, 32); /* they wait for the next one */
    hf_key_client_get_state(w.client, &state);
    cr_assert_eq(state.pending, 3);
    cr_assert_not(state.connected);
    holder_open(&w.h);
    process_start(&second, &w.h, w.control[1], 0);
    for (int i = 0; i < 3; i++)
        expect(&later[i], HF_OK);
    hf_key_client_get_state(w.client, &state);
    cr_assert_eq(state.restarts, 1);
    cr_assert_eq(state.lost, 3);
    process_kill(&second);
    process_end(&second);
    tear_down(&w);
}

Test(key_client, gives_up_with_its_supervisor)
{
    world w;
    asked a;
    set_up(&w, 0);
    shutdown(w.control[1], SHUT_RDWR);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32); /* the process that is there goes on */
    expect(&a, HF_OK);
    process_kill(&w.p);
    hf_key_client_state state = {.connected = true};
    for (int i = 0; i < WAIT_STEPS && (state.connected || !state.given_up); i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_ERR_TOKEN_ABSENT);
    cr_assert_not(w.key->ops->admits(w.key));
    tear_down(&w);
}

static void await_gone(world *w, hf_key_client_state *state)
{
    hf_key_client_get_state(w->client, state);
    for (int i = 0; i < WAIT_STEPS && state->connected; i++) {
        usleep(10000);
        hf_key_client_get_state(w->client, state);
    }
    cr_assert_not(state->connected);
}

/* Its socket came, and there was no descriptor left for it. */
Test(key_client, a_key_process_whose_socket_is_lost_is_followed_by_another)
{
    world w;
    asked a;
    process second;
    hf_key_client_state state;
    set_up(&w, 0);
    cr_assert(hf_control_send(w.control[1], &(hf_control){.kind = HF_CONTROL_KEY}, -1));
    await_gone(&w, &state);
    cr_assert_not(state.given_up);
    process_start(&second, &w.h, w.control[1], 0);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    process_kill(&second);
    process_end(&second);
    tear_down(&w);
}

static void note_number(void *arg, uint32_t number, bool staples)
{
    if (!staples)
        atomic_store((atomic_uint *)arg, number);
}

Test(key_client, hears_of_a_reload_when_there_are_no_key_processes_any_more)
{
    world w;
    atomic_uint heard = 0;
    hf_key_client_state state = {.connected = false};
    set_up(&w, 0);
    hf_key_client_on_reload(w.client, note_number, &heard);
    process_kill(&w.p);
    cr_assert(hf_control_send(w.control[1], &(hf_control){.kind = HF_CONTROL_NO_KEY}, -1));
    for (int i = 0; i < WAIT_STEPS && (state.connected || !state.given_up); i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    cr_assert(hf_control_send(w.control[1], &(hf_control){.kind = HF_CONTROL_RELOAD, .number = 1}, -1));
    for (int i = 0; i < WAIT_STEPS && atomic_load(&heard) != 1; i++)
        usleep(10000);
    cr_assert_eq(heard, 1);
    cr_assert_eq(hf_key_client_reload(w.client, 1), HF_KEY_CLIENT_NO_PROCESS);
    hf_key_client_settle(w.client, 1, false);
    tear_down(&w);
}

Test(key_client, another_key_is_not_taken)
{
    world w;
    asked a;
    holder other;
    process second;
    set_up(&w, 0);
    holder_init(&other);
    process_kill(&w.p);
    process_start(&second, &other, w.control[1], 0);
    pthread_join(second.thread, NULL); /* its socket was closed */
    process_end(&second);
    hf_key_client_state state;
    hf_key_client_get_state(w.client, &state);
    cr_assert_not(state.connected);
    shutdown(w.control[1], SHUT_RDWR);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_ERR_TOKEN_ABSENT);
    holder_cleanup(&other);
    tear_down(&w);
}

Test(key_client, cancel)
{
    world w;
    asked a, b;
    set_up(&w, 0);
    w.h.closed = true;
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    ask(&b, w.key, HF_RSA_PKCS1_SHA256, 32);
    await_waiting(&w, 2);
    w.key->ops->cancel(w.key, came_back, &a); /* in the token's queue */
    expect(&a, HF_ERR_CANCELED);
    cr_assert_eq(w.h.canceled, 1);
    cr_assert_eq(b.done, 0);
    holder_open(&w.h);
    expect(&b, HF_OK);
    process_kill(&w.p);
    hf_key_client_state state = {.connected = true};
    for (int i = 0; i < WAIT_STEPS && state.connected; i++) {
        usleep(10000);
        hf_key_client_get_state(w.client, &state);
    }
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    ask(&b, w.key, HF_RSA_PKCS1_SHA256, 32);
    w.key->ops->cancel(w.key, came_back, &b); /* waiting for a process: the last of the line, then the only one */
    expect(&b, HF_ERR_CANCELED);
    cr_assert_eq(a.done, 0);
    w.key->ops->cancel(w.key, came_back, &a);
    expect(&a, HF_ERR_CANCELED);
    tear_down(&w);
}

Test(key_client, reluctance_is_told)
{
    world w;
    asked a;
    set_up(&w, 0);
    cr_assert(w.key->ops->admits(w.key));
    w.h.reluctant = true;
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    cr_assert_not(w.key->ops->admits(w.key));
    w.h.reluctant = false;
    for (int i = 0; i < WAIT_STEPS && !w.key->ops->admits(w.key); i++)
        usleep(10000);
    cr_assert(w.key->ops->admits(w.key), "it is reluctant for ever");
    tear_down(&w);
}

Test(key_client, report)
{
    world w;
    char text[64];
    unsigned serving = 0;
    set_up(&w, 0);
    size_t len = 0;
    for (int tries = 0; tries < 60 && len == 0; tries++) /* it waits for a second each time */
        len = hf_key_client_report(w.client, text, sizeof text, &serving);
    cr_assert_eq(len, 6);
    cr_assert_arr_eq(text, "up 1\n?", 6);
    cr_assert_eq(serving, 1);
    process_kill(&w.p);
    cr_assert_eq(hf_key_client_report(w.client, text, sizeof text, &serving), 0);
    cr_assert_eq(serving, 0);
    tear_down(&w);
}

/* ---- A key process that answers what it likes ---- */

static uint64_t next_request(int fd)
{
    uint8_t data[HF_WIRE_HEAD + 16 + HF_PREMASTER_SIZE + HF_WIRE_INPUT_MAX];
    hf_wire_head head;
    ssize_t got = recv(fd, data, sizeof data, 0);
    cr_assert_gt(got, 0);
    cr_assert(hf_wire_head_read(data, (size_t)got, &head));
    cr_assert_eq(head.type, HF_WIRE_SIGN);
    return head.id;
}

static void answer_with(int fd, uint64_t id, uint8_t byte)
{
    uint8_t result[256], message[HF_WIRE_HEAD + 4 + sizeof result];
    memset(result, byte, sizeof result);
    hf_wire_body body = {.number = HF_OK, .data = result, .len = sizeof result};
    size_t len = hf_wire_put_body(message, sizeof message, HF_WIRE_RESULT, id, &body);
    cr_assert_eq(send(fd, message, len, 0), (ssize_t)len);
}

/* The next operation gets the slot of the one before: an answer that comes twice must not be its answer. */
Test(key_client, an_answer_that_comes_twice_is_not_the_next_ones)
{
    world w = {.client = NULL};
    asked a, b;
    int pair[2];
    holder_init(&w.h);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w.control), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    w.client = hf_key_client_new(w.control[0]);
    cr_assert(w.client);
    w.p.keys[0] = &w.h.face;
    hf_key_service_init(&w.p.service, pair[1], 0);
    cr_assert(hf_key_service_open_set(&w.p.service, 0, w.p.keys, 1));
    cr_assert(hf_key_service_introduce(&w.p.service, NULL));
    hand_over(w.control[1], pair[0], 0);
    cr_assert(hf_key_client_wait(w.client));
    cr_assert(hf_key_client_start(w.client));
    w.key = hf_key_client_key(w.client, 0);

    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    uint64_t first = next_request(pair[1]);
    answer_with(pair[1], first, 1);
    expect(&a, HF_OK);
    ask(&b, w.key, HF_RSA_PKCS1_SHA256, 32);
    uint64_t second = next_request(pair[1]);
    cr_assert_eq((uint32_t)first, (uint32_t)second, "another slot: this test would not see the mistake");
    answer_with(pair[1], first, 2); /* once more */
    answer_with(pair[1], second, 3);
    expect(&b, HF_OK);
    cr_assert_eq(b.op.result[0], 3, "an old answer was taken");
    cr_assert_eq(a.op.result[0], 1);

    w.key->ops->release(w.key);
    hf_key_client_free(w.client);
    hf_key_service_cleanup(&w.p.service);
    close(pair[1]);
    close(w.control[0]);
    close(w.control[1]);
    holder_cleanup(&w.h);
}

/* ---- Bytes of an intruder ---- */

Test(key_service, survives_any_bytes)
{
    world w;
    asked a;
    set_up(&w, 0);
    uint32_t seed = 12345;
    unsigned sent = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t data[300];
        size_t len = 0;
        for (; len < sizeof data; len++) {
            seed = seed * 1664525 + 1013904223;
            data[len] = (uint8_t)(seed >> 24);
        }
        len = 1 + seed % (sizeof data - 1);
        if (i % 2) { /* a good head before a bad body */
            memset(data, 0, HF_WIRE_HEAD);
            data[1] = HF_WIRE_VERSION;
            data[8] = 0x80; /* no id of the client's: it would take the answer for that of its own operation */
            data[3] = (uint8_t)(1 + seed % 8);
            len = len < HF_WIRE_HEAD ? HF_WIRE_HEAD : len;
            data[6] = (uint8_t)((len - HF_WIRE_HEAD) >> 8);
            data[7] = (uint8_t)(len - HF_WIRE_HEAD);
        }
        hf_key_service_take(&w.p.service, data, len);
        for (size_t j = 0; j < len; j++)
            cr_assert_eq(data[j], 0, "a message was not wiped");
        sent++;
    }
    cr_assert_geq(atomic_load(&w.p.service.malformed), 15000);
    ask(&a, w.key, HF_RSA_PKCS1_SHA256, 32);
    expect(&a, HF_OK);
    tear_down(&w);
}
