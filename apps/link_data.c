/* What an application may do with its connection: read, write, finish. See link.h. */
#include "link.h"
#include "loop.h"

bool hf_link_can_write(const hf_link *link)
{
    unsigned wants = hf_conn_wants(link->conn);
    return (wants & HF_WANT_ROOM) && !(wants & HF_WANT_OUTPUT) && !link->finishing;
}

bool hf_link_write(hf_link *link, const void *data, size_t len)
{
    size_t taken = 0;
    hf_status status = hf_conn_write(link->conn, link->loop->worker, data, len, &taken);
    link->moved = true;
    if (status == HF_OK && taken == len)
        return true;
    hf_conn_fail(link->conn, link->loop->worker, status == HF_OK ? HF_ERR_LIMIT : status, "writing failed");
    return false;
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
