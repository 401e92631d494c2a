/* What the suites of resumption share: a clock that the test moves, ticket keys and caches by it, two connections of
 * which the second offers what the first one gave. */
#ifndef TESTS_RESUME_WORLD_H
#define TESTS_RESUME_WORLD_H

#include <criterion/criterion.h>
#include <string.h>

#include "conn.h"
#include "world.h"

/* world_env with this clock; TEST_NOW at first. */
extern int64_t resume_now;
const hf_env *resume_env(void);

hf_ticket_keys *resume_keys(void);                               /* defaults, made at random */
hf_ticket_keys *resume_installed_keys(const uint8_t secret[32]); /* that secret for every period around now */
void resume_install(hf_ticket_keys *keys, const uint8_t secret[32]);

/* The usual sides: this clock, the client takes sessions. */
side resume_client(bool tls13);
side resume_server(bool tls13, hf_ticket_keys *keys);

/* A full handshake; its newest session is the caller's. Data flows first, so that tickets arrive. */
hf_session *resume_first(const side *client, const side *server);

typedef enum outcome { FULL, RESUMED } outcome;
/* A connection that offers `session` succeeds and is what `expected` says, on both sides; data flows. The pair is left
 * open for a look when out is not NULL. */
void resume_second(const side *client, const side *server, hf_session *session, outcome expected, pair *out,
                   const char *what);
/* Both in one: from these sides to those. */
void resume_case(const side *client1, const side *server1, const side *client2, const side *server2, outcome expected,
                 const char *what);

#endif
