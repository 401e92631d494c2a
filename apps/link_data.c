/* What an application may do with its connection: read, write, finish. See link.h. */
#include "link.h"
#include "loop.h"

bool hf_link_can_write(const hf_link *link)
{
    unsigned wants = hf_conn_wants(link->conn);
    return (wants & HF_WANT_ROOM) && !(wants & HF_WANT_OUTPUT) && !link->finishing && !link->writing;
}

/* A full write must fit the engine's output with all that records add, up to 85 bytes each. */
void hf_link_set_write_max(hf_link *link, size_t send_limit)
{
    size_t size = link->loop->server->record_size;
    if (size == 0 || size > send_limit)
        size = send_limit;
    link->write_max = size < 1024 ? HF_LINK_BATCH_LITTLE : HF_LINK_BATCH;
}

uint8_t *hf_link_room(hf_link *link)
{
    return hf_tick_room(link->loop);
}

/* How many of the next bytes go out in records of which size. */
static size_t choose_size(hf_link *link, size_t len)
{
    uint64_t now = uv_now(&link->loop->uv);
    size_t fixed = link->loop->server->record_size, size = fixed ? fixed : HF_PLAINTEXT_MAX;
    if (now - link->written >= HF_SIZE_PAUSE_MS)
        link->small_sent = 0;
    link->written = now;
    if (!fixed && link->small_sent < HF_SIZE_SMALL_FOR) {
        size = HF_SIZE_SMALL;
        if (len > HF_SIZE_SMALL_FOR - link->small_sent)
            len = HF_SIZE_SMALL_FOR - link->small_sent;
        link->small_sent += len;
    }
    if (hf_conn_set_record_size(link->conn, size) != HF_OK)
        link->broken = true;
    return len;
}

/* All of data into the batch; runs it where it is full, or a key is due for its KeyUpdate. */
static hf_status give(hf_link *link, const uint8_t *data, size_t len)
{
    hf_loop *loop = link->loop;
    hf_status status = HF_OK;
    bool ran = false;
    while (status == HF_OK && len > 0) {
        size_t taken = 0;
        status = hf_conn_batch_write(link->conn, loop->tick.batch, data, len, &taken);
        if (status == HF_OK && taken == 0 && ran)
            return HF_ERR_LIMIT;
        data += taken;
        len -= taken;
        ran = len > 0;
        if (ran)
            hf_batch_run(loop->tick.batch, loop->worker); /* the pool is kept: the rest of data may stand there */
    }
    return status;
}

bool hf_link_write(hf_link *link, const uint8_t *data, size_t len)
{
    hf_status status = HF_OK;
    hf_tick_keep(link, data, len);
    link->moved = true;
    for (size_t done = 0; status == HF_OK && done < len;) {
        size_t part = choose_size(link, len - done);
        status = give(link, data + done, part);
        done += part;
    }
    if (status == HF_OK)
        return true;
    hf_conn_fail(link->conn, link->loop->worker, status, "writing failed");
    return false;
}

bool hf_link_return(hf_link *link, size_t len)
{
    const uint8_t *data;
    size_t max;
    if (!hf_link_read(link, &data, &max) || len > max || !hf_link_write(link, data, len))
        return false;
    link->returned = len;
    return true;
}

bool hf_link_read(hf_link *link, const uint8_t **out_data, size_t *out_len)
{
    return (hf_conn_wants(link->conn) & HF_WANT_PLAINTEXT) &&
           hf_conn_plaintext_buf(link->conn, out_data, out_len) == HF_OK && *out_len > 0;
}

void hf_link_take(hf_link *link, size_t len)
{
    if (hf_conn_plaintext_ack(link->conn, len) != HF_OK)
        link->broken = true;
    hf_link_activity(link);
}

bool hf_link_peer_done(hf_link *link)
{
    if (hf_conn_wants(link->conn) & (HF_WANT_INPUT | HF_WANT_PLAINTEXT))
        return false;
    hf_conn_info info;
    hf_conn_get_info(link->conn, &info);
    return info.got_close_notify;
}

void hf_link_finish(hf_link *link)
{
    if (link->finishing)
        return;
    hf_conn_close(link->conn, link->loop->worker);
    link->finishing = true;
    link->moved = true;
}
