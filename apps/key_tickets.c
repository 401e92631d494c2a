/* Ticket secrets for the network process. See key_tickets.h. */
#include "key_tickets.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "helper.h"
#include "now.h"
#include "reload.h"
#include "resumption.h"

#define LOOK_S 60 /* how often old secrets are looked for */

typedef struct entry { /* at hour % HF_KEY_TICKETS_MAX */
    uint64_t hour;
    bool wanted, there; /* neither: free */
    uint8_t secret[HF_HSM_SECRET_SIZE];
} entry;

struct hf_key_tickets {
    hf_key_service *service;
    hf_key_tickets_fn *derive;
    void *arg;
    uint32_t lifetime_s;
    hf_helper helper; /* its lock guards what follows */
    hf_status failed; /* what went wrong last, until ... */
    uint64_t failed_until_ms;
    entry entries[HF_KEY_TICKETS_MAX];
};

static void answer(hf_key_tickets *tickets, uint64_t hour, hf_status status, const uint8_t *secret)
{
    hf_key_service_send_ticket(tickets->service, hour, status, secret);
}

/* With the lock held: what leaves the window is wiped. One hour longer than the network process may ask, which may have
 * looked at the clock before. */
static hf_resumption_window sweep(hf_key_tickets *tickets, int64_t unix_time)
{
    hf_resumption_window window = hf_resumption_window_at(tickets->lifetime_s, unix_time);
    window.first -= window.first > 0;
    for (size_t i = 0; i < HF_KEY_TICKETS_MAX; i++)
        if (tickets->entries[i].hour < window.first)
            hf_wipe(&tickets->entries[i], sizeof tickets->entries[i]);
    return window;
}

void hf_key_tickets_ask(hf_key_tickets *tickets, uint64_t hour, int64_t unix_time)
{
    hf_status status = HF_OK;
    uint8_t secret[HF_HSM_SECRET_SIZE];
    bool there = false;
    pthread_mutex_lock(&tickets->helper.lock);
    hf_resumption_window window = sweep(tickets, unix_time);
    entry *one = &tickets->entries[hour % HF_KEY_TICKETS_MAX];
    if (hour < window.first || hour > window.last)
        status = HF_ERR_INVALID;
    else if ((there = one->there && one->hour == hour))
        memcpy(secret, one->secret, sizeof secret);
    else if (hf_time_ms() < tickets->failed_until_ms)
        status = tickets->failed;
    else {
        *one = (entry){.hour = hour, .wanted = true};
        hf_helper_wake(&tickets->helper);
    }
    pthread_mutex_unlock(&tickets->helper.lock);
    if (there || status != HF_OK)
        answer(tickets, hour, status, there ? secret : NULL);
    hf_wipe(secret, sizeof secret);
}

/* With the lock held, which is let go meanwhile. */
static void make(hf_key_tickets *tickets, entry *one)
{
    uint64_t hour = one->hour;
    uint8_t secret[HF_HSM_SECRET_SIZE];
    one->wanted = false;
    pthread_mutex_unlock(&tickets->helper.lock);
    hf_status status = tickets->derive(tickets->arg, hour, secret);
    pthread_mutex_lock(&tickets->helper.lock);
    if (status != HF_OK) {
        tickets->failed = status;
        tickets->failed_until_ms = hf_time_ms() + HF_KEY_TICKETS_PAUSE_MS;
    } else if (one->hour == hour) {
        memcpy(one->secret, secret, sizeof secret);
        one->there = true;
    }
    if (one->hour == hour)
        one->wanted = false; /* asked for again meanwhile: this is the answer, and a token that failed has its pause */
    pthread_mutex_unlock(&tickets->helper.lock);
    answer(tickets, hour, status, status == HF_OK ? secret : NULL); /* whoever asks after it finds what is remembered */
    hf_wipe(secret, sizeof secret);
    pthread_mutex_lock(&tickets->helper.lock);
}

static entry *find_wanted(hf_key_tickets *tickets)
{
    for (size_t i = 0; i < HF_KEY_TICKETS_MAX; i++)
        if (tickets->entries[i].wanted)
            return &tickets->entries[i];
    return NULL;
}

static void *run(void *arg)
{
    hf_key_tickets *tickets = arg;
    pthread_mutex_lock(&tickets->helper.lock);
    while (!tickets->helper.stopping) {
        entry *one = find_wanted(tickets);
        if (one) {
            make(tickets, one);
            continue;
        }
        (void)hf_helper_wait(&tickets->helper, hf_time_ms() + 1000 * LOOK_S);
        (void)sweep(tickets, time(NULL));
    }
    pthread_mutex_unlock(&tickets->helper.lock);
    return NULL;
}

static void destroy(hf_key_tickets *tickets)
{
    hf_helper_cleanup(&tickets->helper);
    hf_wipe(tickets, sizeof *tickets);
    free(tickets);
}

hf_key_tickets *hf_key_tickets_start(hf_key_service *service, hf_key_tickets_fn *derive, void *arg, uint32_t lifetime_s)
{
    hf_key_tickets *tickets = calloc(1, sizeof *tickets);
    if (tickets) {
        tickets->service = service;
        tickets->derive = derive;
        tickets->arg = arg;
        tickets->lifetime_s = lifetime_s;
        hf_helper_init(&tickets->helper);
        if (hf_helper_start(&tickets->helper, run, tickets))
            return tickets;
        destroy(tickets);
    }
    hf_cli_error("--ticket-key: out of memory or threads");
    return NULL;
}

bool hf_key_tickets_stop(hf_key_tickets *tickets)
{
    if (!tickets)
        return true;
    if (!hf_helper_stop(&tickets->helper, HF_RELOAD_STOP_S))
        return false;
    destroy(tickets);
    return true;
}
