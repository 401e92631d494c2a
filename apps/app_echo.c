/* --echo: sends back what it gets, until the peer closes its direction. */
#include "app.h"
#include "loop.h"

bool hf_loop_draining(const hf_loop *loop)
{
    return loop->draining;
}

static bool echo_open(hf_link *link)
{
    (void)link;
    return true;
}

static void echo_run(hf_link *link)
{
    const uint8_t *data;
    size_t len;
    if (hf_link_can_write(link) && hf_link_read(link, &data, &len) &&
        !hf_link_return(link, len < link->write_max ? len : link->write_max))
        return;
    if (hf_link_peer_done(link) || (hf_loop_draining(link->loop) && !hf_link_read(link, &data, &len)))
        hf_link_finish(link);
}

static void echo_close(hf_link *link)
{
    (void)link;
}

const hf_app hf_app_echo = {"echo", echo_open, echo_run, echo_close};
