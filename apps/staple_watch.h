/* Whether the files of --ocsp have changed, asked by who may look at them by their names: the supervisor. */
#ifndef HANDFAST_APPS_STAPLE_WATCH_H
#define HANDFAST_APPS_STAPLE_WATCH_H

#include "credentials.h"
#include "serve_options.h"

typedef struct hf_staple_watch {
    struct {
        bool looked, there;
        hf_file_id id;
    } files[HF_LIMIT_CREDENTIALS];
    uint64_t next_ms; /* when to look */
} hf_staple_watch;

/* When the files are to be looked at next, as hf_time_ms; UINT64_MAX: there is none. */
uint64_t hf_staple_watch_next(const hf_serve_options *options);

/* Begins, or begins anew: the next look finds a change, as whoever read the files may have read others. */
void hf_staple_watch_begin(hf_staple_watch *watch, const hf_serve_options *options);
/* Looks, at next_ms or later, and plans the next look: whether any is another one than at the last look. */
bool hf_staple_watch_look(hf_staple_watch *watch, const hf_serve_options *options);

#endif
