/* The network process's keys: those that are used, and those of a reload. See key_client.h, key_reload.h.
 *
 * The key process shows the keys of a reload by itself. They are kept as `fresh` until the thread that reloads has
 * built a configuration with them (adopt) or has not (drop). A key process that was started after the supervisor's word
 * has opened its keys anew, which is as good. */
#include <string.h>
#include <sys/socket.h>

#include "cli.h"
#include "key_client_inside.h"

/* ---- What comes: on the client's thread ---- */

/* With the lock held. */
static void keep_fresh(hf_key_client *client, uint32_t number, bool to_be_told)
{
    client->fresh = client->coming;
    client->fresh_number = number;
    client->fresh_told = to_be_told;
    memset(&client->coming, 0, sizeof client->coming);
}

bool hf_client_take_introduction(hf_key_client *client)
{
    hf_client_faces *coming = &client->coming;
    pthread_mutex_lock(&client->lock);
    unsigned long process = client->processes + 1;
    /* It was asked before this process was started; later words come to it, too, and it shows its keys once more. */
    bool waited = client->reload_asked > client->reload_done && client->started_after >= client->reload_asked;
    bool first = client->faces.n == 0;
    bool as_now = !first && hf_client_faces_same(&client->faces, coming);
    bool as_fresh = client->fresh.n > 0 && hf_client_faces_same(&client->fresh, coming);
    bool used = first || as_now || as_fresh || waited;
    if (used) {
        client->processes = process;
        client->connected = true;
        hf_client_faces_stamp(coming, process, 0);
    }
    if (first) {
        client->faces = *coming;
        memset(coming, 0, sizeof *coming);
    } else if (as_now) {
        hf_client_faces_stamp(&client->faces, process, 0);
    }
    if (as_fresh) {
        hf_client_faces_stamp(&client->fresh, process, 0);
        client->fresh_told = false;
    } else if (waited && !first && !as_now) {
        hf_client_faces_cleanup(&client->fresh); /* of a process that has gone */
        keep_fresh(client, client->reload_asked, false);
    }
    if (waited && (first || as_now))
        client->same_number = client->reload_asked;
    pthread_cond_broadcast(&client->reloaded);
    pthread_mutex_unlock(&client->lock);
    hf_client_faces_cleanup(coming);
    return used;
}

bool hf_client_take_reloaded(hf_key_client *client, uint64_t id, const hf_wire_body *body)
{
    hf_client_faces *coming = &client->coming;
    bool good = body->number == HF_OK;
    bool fits = id > 0 && id <= UINT32_MAX && (!good || hf_client_faces_whole(coming, (uint32_t)id));
    pthread_mutex_lock(&client->lock);
    if (fits && !good) {
        client->refused_number = (uint32_t)id;
    } else if (fits && (client->fresh.n > 0 || id <= client->reload_done)) {
        hf_client_send_note(client, HF_WIRE_DROP, (uint32_t)id); /* what an introduction has shown does it */
    } else if (fits) {
        hf_client_faces_stamp(coming, client->processes, (uint32_t)id);
        keep_fresh(client, (uint32_t)id, true);
    }
    pthread_cond_broadcast(&client->reloaded);
    pthread_mutex_unlock(&client->lock);
    hf_client_faces_cleanup(coming);
    return fits;
}

void hf_client_take_reload(hf_key_client *client, uint32_t number, bool staples)
{
    pthread_mutex_lock(&client->lock);
    *(staples ? &client->staples_asked : &client->reload_asked) = number;
    if (client->on_reload)
        client->on_reload(client->on_reload_arg, number, staples);
    pthread_mutex_unlock(&client->lock);
}

/* ---- The thread that reloads ---- */

void hf_key_client_on_reload(hf_key_client *client, hf_key_client_reload_fn *on_reload, void *arg)
{
    pthread_mutex_lock(&client->lock);
    client->on_reload = on_reload;
    client->on_reload_arg = arg;
    if (on_reload && client->reload_asked)
        on_reload(arg, client->reload_asked, false);
    if (on_reload && client->staples_asked)
        on_reload(arg, client->staples_asked, true);
    client->left = !on_reload;
    pthread_cond_broadcast(&client->reloaded);
    pthread_mutex_unlock(&client->lock);
}

/* With the lock held: fresh keys take the place of those of now, or they go. `*out_gone`: to be cleaned up. */
static void settle(hf_key_client *client, bool adopt, hf_client_faces *out_gone)
{
    if (client->fresh.n == 0)
        return;
    /* A key process that came since then does not wait for a word. */
    if (client->fresh_told && client->connected && hf_client_faces_stamped(&client->fresh, client->processes))
        hf_client_send_note(client, adopt ? HF_WIRE_ADOPT : HF_WIRE_DROP, client->fresh_number);
    client->fresh_tried = false;
    *out_gone = adopt ? client->faces : client->fresh;
    if (adopt)
        client->faces = client->fresh;
    memset(&client->fresh, 0, sizeof client->fresh);
}

/* With the lock held: keys of a reload that another one has followed before anybody looked. */
static void drop_passed_over(hf_key_client *client, uint32_t number)
{
    hf_client_faces gone = {.n = 0};
    if (client->fresh.n > 0 && client->fresh_number < number)
        settle(client, false, &gone);
    hf_client_faces_cleanup(&gone);
}

/* With the lock held: false as long as nothing is known. */
static bool is_known(const hf_key_client *client, uint32_t number, hf_key_client_answer *out)
{
    if (client->left)
        *out = HF_KEY_CLIENT_NO_KEYS;
    else if (client->fresh.n > 0)
        *out = client->fresh_number > number ? HF_KEY_CLIENT_LATER : HF_KEY_CLIENT_KEYS;
    else if (client->same_number >= number)
        *out = HF_KEY_CLIENT_KEYS;
    else if (client->refused_number >= number)
        *out = client->refused_number > number ? HF_KEY_CLIENT_LATER : HF_KEY_CLIENT_NO_KEYS;
    else if (client->given_up && !client->connected)
        *out = HF_KEY_CLIENT_NO_PROCESS;
    else
        return false;
    return true;
}

hf_key_client_answer hf_key_client_reload(hf_key_client *client, uint32_t number)
{
    hf_key_client_answer answer;
    pthread_mutex_lock(&client->lock);
    drop_passed_over(client, number);
    while (!is_known(client, number, &answer)) {
        pthread_cond_wait(&client->reloaded, &client->lock);
        drop_passed_over(client, number);
    }
    client->fresh_tried = client->fresh.n > 0 && answer == HF_KEY_CLIENT_KEYS;
    pthread_mutex_unlock(&client->lock);
    if (answer == HF_KEY_CLIENT_NO_PROCESS) /* else the key process has said why itself */
        hf_cli_error("there is no key process any more: restart the server");
    return answer;
}

void hf_key_client_settle(hf_key_client *client, uint32_t number, bool adopt)
{
    hf_client_faces gone = {.n = 0};
    pthread_mutex_lock(&client->lock);
    if (client->fresh_number <= number) /* else they are of the next one */
        settle(client, adopt, &gone);
    client->reload_done = number;
    bool other = client->connected && !hf_client_faces_stamped(&client->faces, client->processes);
    if (other) /* it came back with keys that no configuration has */
        shutdown(client->fd, SHUT_RDWR);
    pthread_mutex_unlock(&client->lock);
    hf_client_faces_cleanup(&gone);
    if (other)
        hf_cli_warn("the key process came back with other keys; it is not used");
}

/* ---- The keys ---- */

/* With the lock held. */
static const hf_client_faces *faces_of(const hf_key_client *client)
{
    return client->fresh_tried ? &client->fresh : &client->faces;
}

size_t hf_key_client_count(hf_key_client *client)
{
    pthread_mutex_lock(&client->lock);
    size_t n = faces_of(client)->n;
    pthread_mutex_unlock(&client->lock);
    return n;
}

hf_key *hf_key_client_key(hf_key_client *client, size_t i)
{
    pthread_mutex_lock(&client->lock);
    const hf_client_faces *faces = faces_of(client);
    hf_key *key = i < faces->n ? hf_client_faces_key(faces, i) : NULL;
    if (key)
        key->ops->retain(key);
    pthread_mutex_unlock(&client->lock);
    return key;
}
