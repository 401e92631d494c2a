/* Names to addresses to sockets. */
#ifndef HANDFAST_APPS_NET_H
#define HANDFAST_APPS_NET_H

#include <stdbool.h>
#include <sys/socket.h>

#include "cli.h"

/* The first address of host and port; passive: to listen on. False after saying why. */
bool hf_net_resolve(const hf_host_port *at, bool passive, struct sockaddr_storage *out, socklen_t *out_len);

/* Whether nobody listens there; false after saying so. With SO_REUSEPORT bind(2) does not tell when it is another
 * process of the same user, and each would get some of the clients. */
bool hf_net_is_free(const struct sockaddr_storage *address, socklen_t len);

/* A listening socket with SO_REUSEPORT; *address gets the port that was chosen when it was 0. -1 after saying why. */
int hf_net_listen(struct sockaddr_storage *address, socklen_t len, int backlog);

/* "192.0.2.1:443" or "[2001:db8::1]:443". */
void hf_net_name(const struct sockaddr_storage *address, socklen_t len, char *out, size_t max);

/* Connects to the first address of `to` that answers, within timeout_ms in all; the socket does not block. -1 after
 * saying why. */
int hf_net_connect(const hf_host_port *to, int timeout_ms);

#endif
