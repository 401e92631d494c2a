/* The keys that this process opened, watched: each use goes to the audit file, and what happens to tokens to the log.
 */
#ifndef HANDFAST_APPS_KEY_WATCH_H
#define HANDFAST_APPS_KEY_WATCH_H

#include <pthread.h>

#include "audit.h"
#include "handfast/handfast.h"
#include "handfast/hsm.h"

#define HF_KEY_WATCH_END_MS 2000 /* at the end, how long an operation that the token has begun may still take */

/* A zeroed one is empty. */
typedef struct hf_key_watch {
    hf_audit *audit;                    /* NULL: none */
    pthread_mutex_t lock;               /* guards what follows */
    hf_key *keys[HF_LIMIT_CREDENTIALS]; /* as they were opened, retained */
    size_t n;
    hf_key *fresh[HF_LIMIT_CREDENTIALS]; /* opened by a reload that is not through yet */
    size_t n_fresh;
    uint64_t refused_before; /* by keys that were replaced */
    bool reloading;
} hf_key_watch;

/* For hf_hsm_options, with the watch as arg. */
void hf_key_watch_use(void *arg, const hf_hsm_use *use);
void hf_key_watch_notice(void *arg, const char *line);

/* Takes a key that was just opened (its reference is taken over) and gives what takes its place: with an audit file a
 * key that is used only while lines can be written, and that withholds results whose lines are missing. NULL: out of
 * memory; the key is released. watch may be NULL. */
hf_key *hf_key_watch_add(hf_key_watch *watch, hf_key *key);
/* A reload, on one thread: keys that are added from now on are fresh ones. Its end: they take the place of those before
 * (adopt), or they go. */
void hf_key_watch_reload(hf_key_watch *watch);
void hf_key_watch_settle(hf_key_watch *watch, bool adopt);

/* Handshakes that the keys, and those before them, refused early. Any thread. */
uint64_t hf_key_watch_refused(hf_key_watch *watch);

/* The key below one of these, else the key itself: for hf_hsm_key_certs. */
hf_key *hf_key_watch_inner(hf_key *key);
/* Nobody wants a result any more: waits until no operation is out, so that each use has its line, and whoever asked for
 * one is called no more. Keys in tokens only. */
void hf_key_watch_end(hf_key_watch *watch);
/* After that (or does it): lets go of the keys, writes the audit file's last line. */
void hf_key_watch_cleanup(hf_key_watch *watch);

#endif
