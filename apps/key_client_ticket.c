/* The ticket secret of an hour, from the key process. See key_client.h, key_tickets.h. */
#include <string.h>
#include <time.h>

#include "key_client_inside.h"

/* With the lock held. */
static void decide(hf_key_client *client, hf_status status)
{
    client->ticket_waits = false;
    client->ticket_status = status;
    pthread_cond_broadcast(&client->ticketed);
}

void hf_client_take_ticket(hf_key_client *client, uint64_t hour, const hf_wire_body *body)
{
    pthread_mutex_lock(&client->lock);
    if (client->ticket_waits && hour == client->ticket_hour) {
        bool good = body->number == HF_OK && body->len == sizeof client->ticket_secret;
        bool known = body->number > 0 && body->number < HF_STATUS_SEND_ALERT;
        if (good)
            memcpy(client->ticket_secret, body->data, body->len);
        decide(client, good ? HF_OK : known ? (hf_status)body->number : HF_ERR_TOKEN);
    }
    pthread_mutex_unlock(&client->lock);
}

void hf_client_lose_ticket(hf_key_client *client)
{
    if (client->ticket_waits)
        decide(client, HF_ERR_TOKEN_ABSENT);
}

/* With the lock held. Before the client's thread runs, this one does its work. */
static bool wait_for_answer(hf_key_client *client, const struct timespec *until)
{
    if (client->started)
        return pthread_cond_timedwait(&client->ticketed, &client->lock, until) == 0;
    pthread_mutex_unlock(&client->lock);
    bool turned = hf_client_turn(client);
    pthread_mutex_lock(&client->lock);
    return turned;
}

hf_status hf_key_client_ticket(hf_key_client *client, uint64_t hour, uint8_t out[HF_KEY_CLIENT_TICKET_SIZE])
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HF_KEY_CLIENT_TICKET_MS / 1000;
    pthread_mutex_lock(&client->lock);
    hf_status status = HF_ERR_TOKEN_ABSENT;
    if (client->connected) {
        client->ticket_hour = hour;
        client->ticket_waits = true;
        client->ticket_status = HF_ERR_TIMEOUT;
        hf_client_send_empty(client, HF_WIRE_TICKET, hour);
        while (client->ticket_waits && wait_for_answer(client, &until))
            ;
        client->ticket_waits = false;
        status = client->ticket_status;
    }
    if (status == HF_OK)
        memcpy(out, client->ticket_secret, sizeof client->ticket_secret);
    hf_wipe(client->ticket_secret, sizeof client->ticket_secret);
    pthread_mutex_unlock(&client->lock);
    return status;
}
