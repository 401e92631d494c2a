/* Ticket secrets between the two processes: which hours may be asked for, and how often the token is. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "key_tickets.h"
#include "key_world.h"
#include "resumption.h"

#define HOUR 500000
#define NOW (HOUR * 3600ll + 100)

/* A token that can be made to fail. */
typedef struct token {
    atomic_uint uses;
    hf_status status;
} token;

static hf_status derive(void *arg, uint64_t hour, uint8_t out[HF_HSM_SECRET_SIZE])
{
    token *t = arg;
    atomic_fetch_add(&t->uses, 1);
    if (t->status == HF_OK)
        memset(out, (int)(hour & 0xff), HF_HSM_SECRET_SIZE);
    return t->status;
}

typedef struct desk {
    hf_key_service service;
    hf_key_tickets *tickets;
    token token;
    int fd;
} desk;

static void open_desk(desk *d, uint32_t lifetime_s)
{
    int pair[2];
    memset(d, 0, sizeof *d);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    d->fd = pair[1];
    hf_key_service_init(&d->service, pair[0], 0);
    d->tickets = hf_key_tickets_start(&d->service, derive, &d->token, lifetime_s);
    cr_assert(d->tickets);
}

static void close_desk(desk *d)
{
    cr_assert(hf_key_tickets_stop(d->tickets));
    close(d->service.fd);
    close(d->fd);
    hf_key_service_cleanup(&d->service);
}

/* Asks and reads the answer. */
static hf_status ask_for(desk *d, uint64_t hour, int64_t now, uint8_t *out)
{
    uint8_t message[200];
    hf_wire_head head;
    hf_wire_body body;
    hf_key_tickets_ask(d->tickets, hour, now);
    ssize_t got = recv(d->fd, message, sizeof message, 0);
    cr_assert_gt(got, 0);
    cr_assert(hf_wire_head_read(message, (size_t)got, &head));
    cr_assert_eq(head.type, HF_WIRE_TICKET_SECRET);
    cr_assert_eq(head.id, hour);
    cr_assert(hf_wire_body_read(message, &head, &body));
    cr_assert_eq(body.len, body.number == HF_OK ? HF_HSM_SECRET_SIZE : 0);
    if (body.number == HF_OK)
        memcpy(out, body.data, body.len);
    return (hf_status)body.number;
}

Test(key_tickets, window)
{
    hf_resumption_window w = hf_resumption_window_at(7200, NOW);
    cr_assert_eq(w.first, HOUR - 2);
    cr_assert_eq(w.last, HOUR);
    w = hf_resumption_window_at(7201, HOUR * 3600ll + 3600 - HF_RESUMPTION_AHEAD_S);
    cr_assert_eq(w.first, HOUR - 3);
    cr_assert_eq(w.last, HOUR + 1);
    w = hf_resumption_window_at(7200, HOUR * 3600ll + 3600 - HF_RESUMPTION_AHEAD_S - 1);
    cr_assert_eq(w.last, HOUR);
    w = hf_resumption_window_at(HF_LIMIT_SESSION_LIFETIME, 3600);
    cr_assert_eq(w.first, 0);
    w = hf_resumption_window_at(HF_LIMIT_SESSION_LIFETIME, HOUR * 3600ll + 3599);
    cr_assert_leq(w.last - w.first + 2, HF_KEY_TICKETS_MAX, "no place for each hour");
}

Test(key_tickets, each_hour_is_derived_once)
{
    desk d;
    uint8_t secret[HF_HSM_SECRET_SIZE];
    open_desk(&d, 7200);
    for (int i = 0; i < 50; i++)
        for (uint64_t hour = HOUR - 2; hour <= HOUR; hour++) {
            cr_assert_eq(ask_for(&d, hour, NOW, secret), HF_OK);
            for (size_t k = 0; k < sizeof secret; k++)
                cr_assert_eq(secret[k], hour & 0xff);
        }
    cr_assert_eq(d.token.uses, 3, "the token was used %u times", d.token.uses);
    cr_assert_eq(ask_for(&d, HOUR + 3, NOW + 3 * 3600, secret), HF_OK);
    cr_assert_eq(ask_for(&d, HOUR, NOW + 3 * 3600, secret), HF_OK); /* who looked at the clock just before */
    cr_assert_eq(d.token.uses, 4);
    close_desk(&d);
}

Test(key_tickets, no_other_hours)
{
    desk d;
    uint8_t secret[HF_HSM_SECRET_SIZE];
    open_desk(&d, 7200);
    const uint64_t wrong[] = {0, 1, HOUR - 1000, HOUR - 4, HOUR + 1, HOUR + 2, HOUR + HF_KEY_TICKETS_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(ask_for(&d, wrong[i], NOW, secret), HF_ERR_INVALID, "hour %llu", (unsigned long long)wrong[i]);
    cr_assert_eq(d.token.uses, 0);
    cr_assert_eq(ask_for(&d, HOUR, NOW, secret), HF_OK);
    cr_assert_eq(ask_for(&d, HOUR, NOW + 4 * 3600, secret), HF_ERR_INVALID, "an old secret is still there");
    cr_assert_eq(ask_for(&d, HOUR, NOW, secret), HF_OK);
    cr_assert_eq(d.token.uses, 2, "it was not wiped");
    close_desk(&d);
}

Test(key_tickets, a_token_that_fails_is_not_asked_all_the_time)
{
    desk d;
    uint8_t secret[HF_HSM_SECRET_SIZE] = {9};
    open_desk(&d, 7200);
    d.token.status = HF_ERR_TOKEN_ABSENT;
    time_t began = time(NULL);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(ask_for(&d, HOUR, NOW, secret), HF_ERR_TOKEN_ABSENT);
    cr_assert_leq(d.token.uses, 2 + (unsigned)(time(NULL) - began) * 1000 / HF_KEY_TICKETS_PAUSE_MS);
    cr_assert_eq(secret[0], 9);
    d.token.status = HF_OK;
    hf_status status = HF_ERR_TOKEN_ABSENT;
    for (int i = 0; i < WAIT_STEPS && status != HF_OK; i++) {
        usleep(10000);
        status = ask_for(&d, HOUR, NOW, secret);
    }
    cr_assert_eq(status, HF_OK, "it is not asked any more");
    close_desk(&d);
}

/* ---- From the network process's side ---- */

static void answer_ticket(void *arg, uint64_t hour)
{
    process *p = arg;
    uint8_t secret[HF_KEY_CLIENT_TICKET_SIZE];
    memset(secret, (int)hour, sizeof secret);
    if (hour == 3)
        hf_key_service_send_ticket(&p->service, 2, HF_OK, secret); /* of another hour: not the answer */
    hf_key_service_send_ticket(&p->service, hour, hour == 1 ? HF_ERR_INVALID : HF_OK, hour == 1 ? NULL : secret);
}

Test(key_tickets, client)
{
    world w;
    uint8_t out[HF_KEY_CLIENT_TICKET_SIZE] = {7};
    set_up(&w, 0);
    cr_assert_eq(hf_key_client_ticket(w.client, 2, out), HF_ERR_INVALID, "there is no --ticket-key");
    w.p.service.ticket = answer_ticket;
    cr_assert_eq(hf_key_client_ticket(w.client, 1, out), HF_ERR_INVALID);
    cr_assert_eq(out[0], 7);
    cr_assert_eq(hf_key_client_ticket(w.client, 2, out), HF_OK);
    cr_assert_eq(out[0], 2);
    cr_assert_eq(out[sizeof out - 1], 2);
    cr_assert_eq(hf_key_client_ticket(w.client, 3, out), HF_OK);
    cr_assert_eq(out[0], 3);
    process_kill(&w.p);
    cr_assert_eq(hf_key_client_ticket(w.client, 4, out), HF_ERR_TOKEN_ABSENT);
    cr_assert_eq(out[0], 3);
    tear_down(&w);
}

Test(key_tickets, client_before_its_thread)
{
    world w;
    uint8_t out[HF_KEY_CLIENT_TICKET_SIZE] = {7};
    holder_init(&w.h);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w.control), 0);
    w.client = hf_key_client_new(w.control[0]);
    process_start(&w.p, &w.h, w.control[1], 0);
    w.p.service.ticket = answer_ticket;
    cr_assert(hf_key_client_wait(w.client));
    w.key = hf_key_client_key(w.client, 0);
    cr_assert_eq(hf_key_client_ticket(w.client, 5, out), HF_OK);
    cr_assert_eq(out[0], 5);
    process_kill(&w.p);
    cr_assert_eq(hf_key_client_ticket(w.client, 5, out), HF_ERR_TOKEN_ABSENT);
    tear_down(&w);
}

Test(key_tickets, a_request_is_an_hour_and_no_more)
{
    world w;
    uint8_t message[HF_WIRE_HEAD + 1] = {0};
    set_up(&w, 0);
    size_t len = hf_wire_put_empty(message, sizeof message, HF_WIRE_TICKET, 1);
    message[7] = 1;
    hf_key_service_take(&w.p.service, message, len + 1);
    cr_assert_eq(w.p.service.malformed, 1);
    tear_down(&w);
}
